/** What a TaskExecutor needs to run one subtask: Flink's TaskDeploymentDescriptor. */
import * as z from '../zod.js'
import type { AllocationId, EdgeId, ExecutionAttemptId, JobId, ResourceId, VertexId } from '../ids/ids.js'
import { SchemaSchema } from '../types/schema.js'
import { TaskRestoreSchema } from '../checkpoint/state-handles.js'
import { OperatorNodeSchema, PartitionerSchema } from './job-graph.js'

export { BlobReferenceSchema, type BlobReference } from './program-reference.js'

const id = <T extends string>() => z.string().min(1).max(300) as unknown as z.ZodType<T>

/** Where a producing subtask runs. Same `resourceId`: reached inside the process; else at its slot's data address. */
export const SlotLocationSchema = z.object({
  resourceId: id<ResourceId>(),
  slotIndex: z.int().min(0),
  host: z.string(),
  dataPort: z.int().min(0).max(65535),
})
export type SlotLocation = z.infer<typeof SlotLocationSchema>

export const InputGateDescriptorSchema = z.object({
  edgeId: id<EdgeId>(),
  targetInput: z.int().min(0),
  schema: SchemaSchema,
  /** One channel for each producing subtask that sends to this one. */
  channels: z.array(z.object({ producer: id<ExecutionAttemptId>(), subpartition: z.int().min(0), location: SlotLocationSchema })),
})
export type InputGateDescriptor = z.infer<typeof InputGateDescriptorSchema>

export const ResultPartitionDescriptorSchema = z.object({
  edgeId: id<EdgeId>(),
  sourceOperator: z.int().min(0),
  partitioner: PartitionerSchema,
  /** Subpartition i goes to the i-th consumer; for FORWARD and RESCALE consumers are numbered from 0 within this producer. */
  numSubpartitions: z.int().min(1),
  /** maxParallelism of the target vertex: number of key groups. */
  maxParallelism: z.int().min(1),
  schema: SchemaSchema,
})
export type ResultPartitionDescriptor = z.infer<typeof ResultPartitionDescriptorSchema>

export const TaskDeploymentDescriptorSchema = z.object({
  jobId: id<JobId>(),
  jobName: z.string(),
  vertexId: id<VertexId>(),
  vertexName: z.string(),
  executionAttemptId: id<ExecutionAttemptId>(),
  attemptNumber: z.int().min(0),
  subtaskIndex: z.int().min(0),
  parallelism: z.int().min(1),
  maxParallelism: z.int().min(1),
  allocationId: id<AllocationId>(),
  slotIndex: z.int().min(0),
  operators: z.array(OperatorNodeSchema).min(1),
  inputs: z.array(InputGateDescriptorSchema),
  outputs: z.array(ResultPartitionDescriptorSchema),
  configuration: z.record(z.string(), z.string()),
  /** Of the job graph without its parallelism: by it a later master knows the task as one of the same job. */
  graphDigest: z.string().max(100).optional(),
  /** The state it begins with; absent: none. */
  restore: TaskRestoreSchema.optional(),
})
export type TaskDeploymentDescriptor = z.infer<typeof TaskDeploymentDescriptorSchema>

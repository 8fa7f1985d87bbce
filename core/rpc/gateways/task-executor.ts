/** Gateways between the master and a TaskExecutor. Endpoint names: 'resourcemanager', 'jobmaster/<jobId>', 'taskexecutor'. */
import * as z from '../../zod.js'
import { WireErrorSchema } from '../../errors/wire-error.js'
import { EXECUTION_STATES } from '../../graph/states.js'
import type { AllocationId, ExecutionAttemptId, JobId, OperatorId, ResourceId, VertexId } from '../../ids/ids.js'
import { CheckpointBarrierSchema } from '../../checkpoint/barrier.js'
import { SubtaskCheckpointMetricsSchema, SubtaskStateSchema } from '../../checkpoint/state-handles.js'
import { call, gateway } from '../gateway.js'
import { SubmittedTaskSchema } from './blob.js'
import { TaskMetricsSchema } from './task-metrics.js'

export type { TaskMetrics } from './task-metrics.js'

const id = <T extends string>() => z.string().min(1).max(300) as unknown as z.ZodType<T>
const nothing = z.object({})
/** JSON that only the operator and its coordinator understand; each checks it against its own schema. */
const operatorEvent = z.unknown()

export const SlotReportSchema = z.array(
  z.object({ slotIndex: z.int().min(0), allocationId: id<AllocationId>().nullable(), jobId: id<JobId>().nullable() }),
)
export type SlotReport = z.infer<typeof SlotReportSchema>

/** Splits that one task may tell of; a task with more is not taken over. */
export const MAX_REPORTED_SPLITS = 10_000

/** A task that a worker went on with while no master was there. */
export const ReportedTaskSchema = z.object({
  executionAttemptId: id<ExecutionAttemptId>(),
  jobId: id<JobId>(),
  vertexId: id<VertexId>(),
  subtaskIndex: z.int().min(0),
  parallelism: z.int().min(1),
  attemptNumber: z.int().min(0),
  allocationId: id<AllocationId>(),
  /** Of the job graph that it is a part of, as its master said; absent: it said nothing. */
  graphDigest: z.string().max(100).optional(),
  /** What it came to, perhaps after its master was lost. */
  state: z.enum(EXECUTION_STATES),
  /** Of a source: the first and the newest checkpoint that it was told of; -1: none. */
  first: z.int().min(-1),
  triggered: z.int().min(-1),
  /** The newest one, of those that a job may go back to, that it heard was complete or began with; -1: none. */
  completed: z.int().min(-1),
  /** It stands still for a stop with savepoint. */
  stopping: z.boolean(),
  /**
   * What its sources were given since the newest checkpoint that it heard was complete, or since its beginning; `after`: the newest checkpoint
   * that it had been told of by then, -1: none. Null: too many to tell.
   */
  splits: z
    .array(z.object({ operatorId: id<OperatorId>(), split: z.unknown(), after: z.int().min(-1) }))
    .max(MAX_REPORTED_SPLITS)
    .nullable(),
})
export type ReportedTask = z.infer<typeof ReportedTaskSchema>

/** Served by the TaskExecutor at 'taskexecutor'; calls carry the master's epoch. */
export const TaskExecutorGateway = gateway('TaskExecutor', {
  /** Reserves a slot for a job. Idempotent by allocationId. */
  allocateSlot: call(z.object({ slotIndex: z.int().min(0), allocationId: id<AllocationId>(), jobId: id<JobId>() }), nothing),
  /** Ends the tasks of the slot, then frees it. */
  freeSlot: call(z.object({ allocationId: id<AllocationId>(), reason: z.string() }), nothing),
  /** Takes a task over: answers once it is accepted; its states follow by JobMaster.updateTaskExecutionState. Idempotent. */
  submitTask: call(SubmittedTaskSchema, nothing),
  /**
   * The task is likely to be submitted soon, perhaps with state of a later checkpoint: its program and what there is of its state are brought
   * to the worker. Answers when they are there; an error means only that they are not.
   */
  prepareTask: call(SubmittedTaskSchema, nothing),
  cancelTask: call(z.object({ executionAttemptId: id<ExecutionAttemptId>() }), nothing),
  /**
   * To a source's task: it takes its snapshot and sends the barrier. Answers when it has; the state follows by
   * JobMaster.acknowledgeCheckpoint. An error: the task is not there, or does not run.
   */
  triggerCheckpoint: call(z.object({ executionAttemptId: id<ExecutionAttemptId>(), barrier: CheckpointBarrierSchema }), nothing),
  /**
   * To every task that took part. `complete` false: it was given up. A complete savepoint without `stop` is nothing the job goes back to:
   * nothing of it is committed (its committables go with the next checkpoint), and no increment builds on it.
   */
  concludeCheckpoint: call(
    z.object({ executionAttemptIds: z.array(id<ExecutionAttemptId>()), checkpointId: z.int().min(0), complete: z.boolean() }),
    nothing,
  ),
  /** Its container has that many bytes now. */
  resize: call(z.object({ processMemory: z.int().positive() }), nothing),
  /**
   * A new master takes over tasks of the job that the worker told it of: these go on, all others of the job end. `checkpointId`: the newest
   * complete checkpoint that the job can go back to, null: there is none; whatever else the tasks know of checkpoints up to `upTo` is given up.
   * Answers with those that run; what the others came to follows by JobMaster.updateTaskExecutionState.
   */
  adoptTasks: call(
    z.object({
      jobId: id<JobId>(),
      executionAttemptIds: z.array(id<ExecutionAttemptId>()),
      checkpointId: z.int().min(0).nullable(),
      upTo: z.int().min(-1),
    }),
    z.object({ running: z.array(id<ExecutionAttemptId>()), ended: z.array(id<ExecutionAttemptId>()) }),
  ),
  /** The master is done with this TaskExecutor: it ends itself with status 0. */
  shutdown: call(z.object({ reason: z.string() }), nothing),
})

/** Served by the master at 'resourcemanager'. */
export const ResourceManagerGateway = gateway('ResourceManager', {
  registerTaskExecutor: call(
    z.object({
      resourceId: id<ResourceId>(),
      /** Host for people and for others' connections. */
      host: z.string(),
      pid: z.int(),
      /** One per slot: where its data exchange listens (port 0: only inside the process). */
      slots: z.array(z.object({ slotIndex: z.int().min(0), dataPort: z.int().min(0) })).min(1),
      slotReport: SlotReportSchema,
      /** What runs in the slots, and what ended there while no master was there. Absent: nothing. */
      tasks: z.array(ReportedTaskSchema).optional(),
      hardware: z.object({ cpuCores: z.number(), physicalMemory: z.number(), freeMemory: z.number(), managedMemory: z.number() }),
      /** Container's size in bytes, 0 where unknown. */
      processMemory: z.number(),
    }),
    /** `epoch` fences every later call in both directions. Refusal (unknown worker) is an error. */
    z.object({ epoch: z.int(), heartbeatIntervalMs: z.number(), heartbeatTimeoutMs: z.number() }),
  ),
  heartbeat: call(
    z.object({
      resourceId: id<ResourceId>(),
      slotReport: SlotReportSchema,
      residentSetBytes: z.number(),
      /** Bytes: V8 heaps and array buffers of all threads; operators' state in memory, and written to local disk so far. */
      memory: z.object({ heapUsed: z.number(), arrayBuffers: z.number(), stateBytes: z.number(), spilledBytes: z.number() }).optional(),
      tasks: z.array(z.object({ executionAttemptId: id<ExecutionAttemptId>(), metrics: TaskMetricsSchema })),
    }),
    nothing,
  ),
})

/** A two-phase sink's outcome of one subtask: files written and not yet visible, as its committer understands them. */
export const CommittablesSchema = z.array(z.object({ operatorId: id<OperatorId>(), committable: z.unknown() }))

/** Served by the master at 'jobmaster/<jobId>'; calls carry the master's epoch. */
export const JobMasterGateway = gateway('JobMaster', {
  updateTaskExecutionState: call(
    z.object({
      executionAttemptId: id<ExecutionAttemptId>(),
      state: z.enum(EXECUTION_STATES),
      error: WireErrorSchema.optional(),
      metrics: TaskMetricsSchema.optional(),
      /** With FINISHED: what the coordinators of the task's sinks commit when the job ends well. */
      committables: CommittablesSchema.optional(),
    }),
    nothing,
  ),
  /** The subtask's state is stored. Calls about checkpoints that are over are answered and mean nothing. */
  acknowledgeCheckpoint: call(
    z.object({
      executionAttemptId: id<ExecutionAttemptId>(),
      checkpointId: z.int().min(0),
      state: SubtaskStateSchema,
      metrics: SubtaskCheckpointMetricsSchema,
    }),
    nothing,
  ),
  /** The subtask could not: the checkpoint fails, the job goes on. */
  declineCheckpoint: call(
    z.object({ executionAttemptId: id<ExecutionAttemptId>(), checkpointId: z.int().min(0), error: WireErrorSchema }),
    nothing,
  ),
  /** An operator asks its coordinator (source: a split; collect: hands over rows). The answer may take as long as it needs. */
  operatorRequest: call(
    z.object({ executionAttemptId: id<ExecutionAttemptId>(), operatorId: id<OperatorId>(), event: operatorEvent }),
    z.object({ answer: operatorEvent }),
  ),
})

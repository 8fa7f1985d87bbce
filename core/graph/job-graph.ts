/**
 * The job graph: chains of operators (vertices) and the edges between them. Plain JSON, versioned; what a client submits and
 * a JobMaster runs.
 *
 *   vertex 0 [source → calc] ──HASH──▶ vertex 1 [group-aggregate → calc → sink]
 */
import * as z from '../zod.js'
import type { EdgeId, JobId, OperatorId, VertexId } from '../ids/ids.js'
import { SchemaSchema } from '../types/schema.js'
import { FunctionModuleSchema } from './function-module.js'
import { OperatorSpecSchema } from './operator-spec.js'

const hex = <T extends string>() => z.string().regex(/^[0-9a-f]{32}$/) as unknown as z.ZodType<T>

/** How rows of an edge find their subtask. HASH: murmur of the key columns → key group → subtask, as Flink. */
export const PartitionerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('FORWARD') }),
  z.object({ kind: z.literal('HASH'), keys: z.array(z.int().min(0)).min(1).readonly() }),
  z.object({ kind: z.literal('REBALANCE') }),
  z.object({ kind: z.literal('RESCALE') }),
  z.object({ kind: z.literal('BROADCAST') }),
  z.object({ kind: z.literal('GLOBAL') }),
  /** Each row to a subtask chosen at random. */
  z.object({ kind: z.literal('SHUFFLE') }),
  /** The subtask's index stands in an INT column of the row. */
  z.object({ kind: z.literal('CUSTOM'), column: z.int().min(0) }),
])
export type Partitioner = z.infer<typeof PartitionerSchema>

export const OperatorNodeSchema = z.object({
  id: hex<OperatorId>(),
  /** For people: `Calc(select=[a, b], where=[(a > 1)])`. */
  name: z.string().max(100_000),
  spec: OperatorSpecSchema,
  /** Position in the chain of the operator whose output this one reads; null: the vertex's input edges (or a source). */
  from: z.int().min(0).nullable(),
  outputSchema: SchemaSchema,
  /** With the user functions that its expressions call. */
  modules: z.array(FunctionModuleSchema).max(1000).optional(),
})
export type OperatorNode = z.infer<typeof OperatorNodeSchema>

export const JobVertexSchema = z.object({
  id: hex<VertexId>(),
  name: z.string().max(100_000),
  parallelism: z.int().min(1).max(32768),
  maxParallelism: z.int().min(1).max(32768),
  /** The chain, in order: `from` points backwards. Only operators with `from: null` read the input edges. */
  operators: z.array(OperatorNodeSchema).min(1).max(1000),
})
export type JobVertex = z.infer<typeof JobVertexSchema>

export const JobEdgeSchema = z.object({
  id: hex<EdgeId>(),
  source: hex<VertexId>(),
  /** Position in the source's chain of the operator whose output the edge carries. */
  sourceOperator: z.int().min(0),
  target: hex<VertexId>(),
  /** Which input of the target's head operator (0, 1; a union has many). */
  targetInput: z.int().min(0),
  partitioner: PartitionerSchema,
  schema: SchemaSchema,
})
export type JobEdge = z.infer<typeof JobEdgeSchema>

export const JOB_GRAPH_VERSION = 1

export const JobGraphSchema = z.object({
  version: z.literal(JOB_GRAPH_VERSION),
  jobId: hex<JobId>(),
  name: z.string().max(100_000),
  jobType: z.enum(['STREAMING', 'BATCH']),
  vertices: z.array(JobVertexSchema).min(1).max(10_000),
  edges: z.array(JobEdgeSchema).max(100_000),
  /** Job-level configuration in effect (keys of core/config). */
  configuration: z.record(z.string(), z.string()),
})
export type JobGraph = z.infer<typeof JobGraphSchema>

/**
 * What a checkpoint consists of: acknowledged by tasks, stored in `_metadata`, handed to tasks that restore. Plain JSON; the bytes of
 * keyed state lie in segments (runtime/checkpoint), small ones in the handle itself.
 */
import * as z from '../zod.js'
import type { EdgeId, OperatorId, VertexId } from '../ids/ids.js'
import { SchemaSchema } from '../types/schema.js'

const hex = <T extends string>() => z.string().regex(/^[0-9a-f]{32}$/) as unknown as z.ZodType<T>

/** Where a piece of state lies. `checksum`: CRC-32 (IEEE) of exactly these bytes. */
export const StateBytesSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('inline'), base64: z.string().max(2 * 1024 * 1024), length: z.int().min(0), checksum: z.int().min(0) }),
  /** `path`: a full URI, or a name relative to the directory that holds `_metadata` (so that a savepoint may be moved). */
  z.object({
    kind: z.literal('file'),
    path: z.string().min(1).max(4000),
    offset: z.int().min(0),
    length: z.int().min(0),
    checksum: z.int().min(0),
  }),
])
export type StateBytes = z.infer<typeof StateBytesSchema>

/** A keyed table: what a snapshot's rows look like. `version` is the operator's own and rises when their meaning changes. */
export const StateTableDescriptorSchema = z.object({
  name: z.string().min(1).max(1000),
  schema: SchemaSchema,
  version: z.int().min(1),
})
export type StateTableDescriptor = z.infer<typeof StateTableDescriptorSchema>

/** Keyed state of one operator in one subtask. Segments are ordered oldest first: of a row's versions the newest counts. */
export const KeyedStateHandleSchema = z.object({
  /** Key groups of the subtask that wrote it, both inclusive. */
  firstKeyGroup: z.int().min(0),
  lastKeyGroup: z.int().min(0),
  tables: z.array(StateTableDescriptorSchema).max(1000),
  segments: z.array(StateBytesSchema).max(10_000),
})
export type KeyedStateHandle = z.infer<typeof KeyedStateHandleSchema>

/**
 * A list of JSON items of one subtask. SPLIT: all subtasks' items are dealt out anew when the parallelism changes (a source's splits);
 * UNION: every subtask gets all; BROADCAST: every subtask has the same, one copy counts.
 */
export const ListStateSchema = z.object({ mode: z.enum(['SPLIT', 'UNION', 'BROADCAST']), items: z.array(z.unknown()).max(1_000_000) })
export type ListState = z.infer<typeof ListStateSchema>

export const OperatorSubtaskStateSchema = z.object({
  operatorId: hex<OperatorId>(),
  keyed: KeyedStateHandleSchema.optional(),
  lists: z.record(z.string(), ListStateSchema),
  /** Of a two-phase sink: what its committer makes visible once the checkpoint is complete. */
  committables: z.array(z.unknown()).max(100_000),
})
export type OperatorSubtaskState = z.infer<typeof OperatorSubtaskStateSchema>

/** Unaligned checkpoints: batches that barriers overtook, as frames of the exchange in their order (runtime/checkpoint). */
export const InFlightDataSchema = z.object({
  /** By input channel: edge and index of the producing subtask. */
  inputs: z.array(z.object({ edgeId: hex<EdgeId>(), channel: z.int().min(0), bytes: StateBytesSchema })),
  outputs: z.array(z.object({ edgeId: hex<EdgeId>(), subpartition: z.int().min(0), bytes: StateBytesSchema })),
})
export type InFlightData = z.infer<typeof InFlightDataSchema>

/** All state of one subtask. */
export const SubtaskStateSchema = z.object({
  operators: z.array(OperatorSubtaskStateSchema),
  inFlight: InFlightDataSchema.optional(),
})
export type SubtaskState = z.infer<typeof SubtaskStateSchema>

/** What a subtask begins with: state of one or several earlier subtasks, cut to its key groups where it is read. */
export const TaskRestoreSchema = z.object({
  checkpointId: z.int().min(0),
  /** It had ended before the checkpoint: it only tells its consumers so. */
  finished: z.boolean(),
  operators: z.array(
    z.object({
      operatorId: hex<OperatorId>(),
      keyed: z.array(KeyedStateHandleSchema),
      lists: z.record(z.string(), z.array(z.unknown())),
    }),
  ),
  inFlight: InFlightDataSchema.optional(),
})
export type TaskRestore = z.infer<typeof TaskRestoreSchema>

/** Sizes in bytes, times in ms; as Flink's REST shows them. */
export const SubtaskCheckpointMetricsSchema = z.object({
  /** All state of the subtask, and what of it this checkpoint wrote. */
  stateSize: z.number(),
  checkpointedSize: z.number(),
  syncDurationMs: z.number(),
  asyncDurationMs: z.number(),
  alignmentDurationMs: z.number(),
  /** From the trigger to the first barrier. */
  startDelayMs: z.number(),
  processedBytes: z.number(),
  persistedBytes: z.number(),
  unaligned: z.boolean(),
})
export type SubtaskCheckpointMetrics = z.infer<typeof SubtaskCheckpointMetricsSchema>

export const CHECKPOINT_METADATA_VERSION = 1

/** `_metadata` of a checkpoint or savepoint: enough to restore from, and to be read without the job. Written last. */
export const CheckpointMetadataSchema = z.object({
  version: z.literal(CHECKPOINT_METADATA_VERSION),
  checkpointId: z.int().min(0),
  kind: z.enum(['checkpoint', 'savepoint']),
  jobId: z.string(),
  jobName: z.string(),
  /** Of the master that wrote it. */
  epoch: z.int(),
  triggeredAt: z.number(),
  completedAt: z.number(),
  vertices: z.array(
    z.object({
      vertexId: hex<VertexId>(),
      name: z.string(),
      parallelism: z.int().min(1),
      maxParallelism: z.int().min(1),
      operators: z.array(z.object({ operatorId: hex<OperatorId>(), name: z.string() })),
      /** By subtask index; null: it had nothing. `finished`: indexes of those that had ended. */
      subtasks: z.array(SubtaskStateSchema.nullable()),
      finished: z.array(z.int().min(0)),
    }),
  ),
  /** State of source enumerators (JSON that each understands). */
  coordinators: z.array(z.object({ operatorId: hex<OperatorId>(), state: z.unknown() })),
})
export type CheckpointMetadata = z.infer<typeof CheckpointMetadataSchema>

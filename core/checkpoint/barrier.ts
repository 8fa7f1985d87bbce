/** The barrier that cuts a job's streams: what it tells the tasks it passes. */
import * as z from '../zod.js'

export const CheckpointBarrierSchema = z.object({
  checkpointId: z.int().min(0),
  /** When it was triggered, ms since the epoch. */
  timestamp: z.number(),
  kind: z.enum(['checkpoint', 'savepoint']),
  /**
   * aligned: channels wait for each other, and after `alignedTimeoutMs` (null: never) the barrier overtakes what waits; unaligned: it
   * overtakes at once; at-least-once: nothing waits.
   */
  alignment: z.enum(['aligned', 'unaligned', 'at-least-once']),
  alignedTimeoutMs: z.number().nullable(),
  /** All state is written, nothing refers to an earlier checkpoint (savepoints). */
  full: z.boolean(),
  /** Directory of files that belong to this checkpoint alone; of files that later ones may refer to. Full URIs. */
  directory: z.string(),
  sharedDirectory: z.string(),
  /**
   * stop-with-savepoint: sources send nothing behind the barrier, and tasks end once the savepoint is complete. suspend: no operator
   * is told of an end of input; drain: the last watermark went before the barrier.
   */
  stop: z.enum(['suspend', 'drain']).nullable(),
})
export type CheckpointBarrier = z.infer<typeof CheckpointBarrierSchema>

/**
 * What a master tells a TaskManager that it starts. On YARN: base64 JSON in the variable WEFT_WORKER (it holds no secret; the
 * secret lies in the container's token file). Locally: the thread's workerData.
 */
import * as z from '../zod.js'
import type { ResourceId } from '../ids/ids.js'

export const WORKER_DESCRIPTOR_VARIABLE = 'WEFT_WORKER'

export const WorkerDescriptorSchema = z.object({
  version: z.literal(1),
  resourceId: z.string().min(1) as unknown as z.ZodType<ResourceId>,
  slots: z.int().min(1).max(1024),
  /** Container size in bytes; 0: not limited (local). */
  processMemory: z.number(),
  configuration: z.record(z.string(), z.string()),
  /**
   * How to find the master: the address and epoch of the one that started the worker. `leaderFile`: where a later master writes its
   * address (LeaderRecord), undefined: none follows. Of the two, the one of the higher epoch counts.
   */
  master: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('thread') }),
    z.object({ kind: z.literal('address'), host: z.string(), port: z.int(), epoch: z.int(), leaderFile: z.string().optional() }),
  ]),
  workingDirectory: z.string().optional(),
  hadoopConfiguration: z.record(z.string(), z.string()).optional(),
  user: z.string(),
})
export type WorkerDescriptor = z.infer<typeof WorkerDescriptorSchema>

/** Content of the leader file, written anew (temp, rename) by each master attempt. */
export const LeaderRecordSchema = z.object({ epoch: z.int(), host: z.string(), port: z.int() })
export type LeaderRecord = z.infer<typeof LeaderRecordSchema>

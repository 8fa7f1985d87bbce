/**
 * What became of the jobs of this application, kept for a later attempt of the master: a job that has ended does not run again.
 * Flink's JobResultStore. One file for each job in the application's staging directory, which goes with it:
 *
 *   <staging>/results/<job id>.json
 */
import * as z from '#core/zod.js'
import { defineError } from '#core/errors/define-error.js'
import { WireErrorSchema } from '#core/errors/wire-error.js'
import { PathNotFound } from '#core/fs/errors.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { readSmallFile, replaceSmallFile } from '#core/fs/small-file.js'
import type { JobId, ResourceId } from '#core/ids/ids.js'
import { TaskCountersSchema } from '#core/rpc/gateways/task-metrics.js'

const MAX_BYTES = 16 * 1024 * 1024

export const JobResultUnreadable = defineError('JOB_RESULT_UNREADABLE', {
  recovery: 'none',
  message: (d: { path: string; problem: string }) =>
    `What an earlier attempt of the JobManager wrote down about a job that ended cannot be read, and running the job again could write ` +
    `its output twice: ${d.path}: ${d.problem}. Check what it wrote, then start the application anew.`,
})

export const JobResultRecordSchema = z.object({
  version: z.literal(1),
  jobId: z.string().regex(/^[0-9a-f]{32}$/) as unknown as z.ZodType<JobId>,
  name: z.string(),
  /** Number of the statement that it was, from 0. */
  statement: z.int().min(0),
  state: z.enum(['FINISHED', 'FAILED', 'CANCELED']),
  /** Epoch ms. */
  startTime: z.number(),
  endTime: z.number(),
  /** For each vertex, in the graph's order: the sums over its subtasks. */
  metrics: z.array(TaskCountersSchema),
  failure: z
    .object({
      error: WireErrorSchema,
      timestamp: z.number(),
      taskName: z.string().optional(),
      endpoint: z.string().optional(),
      resourceId: z.string().min(1).optional() as unknown as z.ZodType<ResourceId | undefined>,
    })
    .nullable(),
})
export type JobResultRecord = z.infer<typeof JobResultRecordSchema>

export interface JobResultStore {
  /** Of a job that ended under an earlier attempt. */
  find(jobId: JobId): JobResultRecord | undefined
  add(record: JobResultRecord): Promise<void>
}

/** In files: a session's jobs come and go. */
export interface StoredJobResults extends JobResultStore {
  /** Nothing will ever run the job again. */
  remove(jobId: JobId): Promise<void>
}

/** `attempt`: number of this master's; the first finds nothing. @throws JOB_RESULT_UNREADABLE and errors of the file system */
export async function openJobResultStore(fileSystem: FileSystem, directory: string, attempt: number): Promise<StoredJobResults> {
  const earlier = attempt > 1 ? await readAll(fileSystem, directory) : new Map<JobId, JobResultRecord>()
  return {
    find: (jobId) => earlier.get(jobId),
    add: (record) => {
      const content = Buffer.from(JSON.stringify(record))
      return replaceSmallFile(fileSystem, `${directory}/${record.jobId}.json`, `${directory}/.${record.jobId}.${attempt}`, content)
    },
    remove: async (jobId) => {
      earlier.delete(jobId)
      await fileSystem.delete(`${directory}/${jobId}.json`)
    },
  }
}

async function readAll(fileSystem: FileSystem, directory: string): Promise<Map<JobId, JobResultRecord>> {
  const found = new Map<JobId, JobResultRecord>()
  for (const { path } of await listOrNothing(fileSystem, directory)) {
    // Others are half written: their jobs count as not ended.
    if (!/\/[0-9a-f]{32}\.json$/.test(path)) continue
    const text = await readSmallFile(fileSystem, path, MAX_BYTES)
    if (text === undefined) continue
    const record = parse(path, text)
    found.set(record.jobId, record)
  }
  return found
}

async function listOrNothing(fileSystem: FileSystem, directory: string) {
  try {
    return await fileSystem.list(directory)
  } catch (error) {
    if (PathNotFound.is(error)) return []
    throw error
  }
}

function parse(path: string, text: string): JobResultRecord {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new JobResultUnreadable({ path, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
  const parsed = JobResultRecordSchema.safeParse(json)
  if (!parsed.success) throw new JobResultUnreadable({ path, problem: z.prettifyError(parsed.error) })
  if (!path.endsWith(`/${parsed.data.jobId}.json`)) throw new JobResultUnreadable({ path, problem: `it is about job ${parsed.data.jobId}` })
  return parsed.data
}

/** Leader retrieval by a file: a master writes its address there, a worker that lost its master looks for a newer one. */
import { LeaderRecordSchema, type LeaderRecord } from '../cluster/worker-descriptor.js'
import type { FileSystem } from '../fs/file-system.js'
import { readSmallFile, replaceSmallFile } from '../fs/small-file.js'
import { backoffDelay, type Backoff } from '../time/backoff.js'
import type { Environment, TimerHandle } from '../time/environment.js'

const MAX_BYTES = 10_000
const RETRY: Backoff = { first: 500, most: 10_000 }

export function writeLeader(fileSystem: FileSystem, path: string, record: LeaderRecord): Promise<void> {
  return replaceSmallFile(fileSystem, path, `${path}.${record.epoch}`, Buffer.from(JSON.stringify(record)))
}

/** Undefined while there is none. */
export async function readLeader(fileSystem: FileSystem, path: string): Promise<LeaderRecord | undefined> {
  const text = await readSmallFile(fileSystem, path, MAX_BYTES)
  return text === undefined ? undefined : LeaderRecordSchema.parse(JSON.parse(text))
}

export interface Announcement {
  /** Settles with the first try: it may have failed, and is made again then. */
  readonly tried: Promise<void>
  /** No further try begins; resolves when none is under way. */
  stop(): Promise<void>
}

/**
 * Writes `record` until the file says so, with growing pauses: workers of an earlier master find this one only there. Looks once more a
 * while later, since what an earlier master sent off with its last breath may arrive late. Ends when a later master has written its own.
 * `onFailure` hears of it when the first try fails.
 */
export function announceLeader(
  fileSystem: FileSystem,
  path: string,
  record: LeaderRecord,
  environment: Environment,
  onFailure: (error: unknown) => void,
): Announcement {
  let timer: TimerHandle | undefined
  let stopped = false
  let underWay: Promise<void> = Promise.resolve()
  const readEpoch = async () => (await readLeader(fileSystem, path))?.epoch ?? 0
  let tries = 0
  let confirmed = 0
  const attempt = async (): Promise<void> => {
    tries++
    try {
      let found = await readEpoch()
      if (found > record.epoch) return
      if (found < record.epoch) {
        confirmed = 0
        await writeLeader(fileSystem, path, record)
        found = await readEpoch()
      }
      if (found > record.epoch || ++confirmed === 2) return
    } catch (error) {
      if (tries === 1) onFailure(error)
    }
    if (stopped) return
    const pause = confirmed > 0 ? RETRY.most : backoffDelay(RETRY, tries, environment.random)
    timer = environment.timers.after(pause, () => void (underWay = attempt()), true)
  }
  const tried = (underWay = attempt())
  return {
    tried,
    stop: async () => {
      stopped = true
      timer?.cancel()
      await underWay
    },
  }
}

/** What a job begins with: the newest complete checkpoint of its own, else the snapshot that the user names. */
import {
  CheckpointFileCorrupt,
  CheckpointFileMissing,
  CheckpointMissing,
  MetadataDamaged,
  MetadataTooLarge,
} from '#core/checkpoint/errors.js'
import type { StoredCheckpoint } from '#core/checkpoint/metadata-file.js'
import { logger } from '#core/log/logger.js'
import { checkpointDirectory } from './checkpoint-paths.js'
import type { CheckpointStore } from './checkpoint-store.js'
import type { CheckpointSettings } from './settings.js'
import { bytesOfMetadata, filesOf } from '#core/checkpoint/state-files.js'
import type { CompletedCheckpoint } from './state.js'

const log = logger('CheckpointStore')

const BROKEN = [CheckpointMissing, MetadataDamaged, MetadataTooLarge, CheckpointFileCorrupt, CheckpointFileMissing]

export interface Recovery {
  /** Verified: every file is whole. */
  readonly newest: CompletedCheckpoint | undefined
  /** With it and older ones; ascending by id. */
  readonly retained: readonly CompletedCheckpoint[]
  readonly nextId: number
}

/** `passOver`: the job's own count for nothing. @throws CHECKPOINT_*, FS_* when the user's path cannot be read whole; a broken checkpoint of the job's own is passed over */
export async function findRecovery(
  store: CheckpointStore,
  job: string,
  settings: CheckpointSettings,
  passOver: boolean,
): Promise<Recovery> {
  const numbers = await store.numbers(job)
  const highest = numbers.at(-1) ?? 0
  const own = passOver ? [] : await ownCheckpoints(store, job, numbers, settings.retained)
  const { recoveryPath: path, claimMode } = settings
  const newest = own.at(-1)
  if (newest !== undefined) {
    const claimed = claimMode === 'CLAIM' && path !== undefined ? await stillClaimed(store, path, own[0]?.id ?? 0) : []
    return { newest, retained: [...claimed, ...own], nextId: Math.max(highest, newest.id) + 1 }
  }
  if (path === undefined) return { newest: undefined, retained: [], nextId: highest + 1 }
  const origin = completed(await store.readVerified(path), claimMode === 'CLAIM')
  return { newest: origin, retained: [origin], nextId: Math.max(highest, origin.id) + 1 }
}

async function ownCheckpoints(
  store: CheckpointStore,
  job: string,
  numbers: readonly number[],
  retained: number,
): Promise<CompletedCheckpoint[]> {
  const found: CompletedCheckpoint[] = []
  for (const number of numbers.toReversed()) {
    if (found.length >= retained) break
    const directory = checkpointDirectory(job, number)
    try {
      // Older ones are kept for people; nothing starts from them while the newest is there.
      const stored = found.length === 0 ? await store.readVerified(directory) : await store.read(directory)
      found.unshift(completed(stored, stored.metadata.kind === 'checkpoint'))
    } catch (error) {
      // Anything else (no permission, no answer) says nothing about the checkpoint.
      if (!BROKEN.some((kind) => kind.is(error))) throw error
      const message = `${directory} is passed over, it is no complete checkpoint: ${(error as Error).message}`
      if (CheckpointMissing.is(error)) log.info(message)
      else log.warn(message, error)
    }
  }
  return found
}

/** An earlier attempt of this master has claimed it: it is deleted with the next checkpoint. */
async function stillClaimed(store: CheckpointStore, path: string, before: number): Promise<CompletedCheckpoint[]> {
  try {
    const claimed = completed(await store.read(path), true)
    return claimed.id < before ? [claimed] : []
  } catch {
    return [] // deleted already
  }
}

function completed({ directory, metadata }: StoredCheckpoint, owned: boolean): CompletedCheckpoint {
  return { id: metadata.checkpointId, directory, metadata, files: filesOf(bytesOfMetadata(metadata)), owned }
}

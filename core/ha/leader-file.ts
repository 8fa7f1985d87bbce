/** Leader retrieval by a file: a master writes its address there, a worker that lost its master looks for a newer one. */
import { LeaderRecordSchema, type LeaderRecord } from '../cluster/worker-descriptor.js'
import type { FileSystem } from '../fs/file-system.js'
import { readSmallFile, replaceSmallFile } from '../fs/small-file.js'

const MAX_BYTES = 10_000

export function writeLeader(fileSystem: FileSystem, path: string, record: LeaderRecord): Promise<void> {
  return replaceSmallFile(fileSystem, path, `${path}.${record.epoch}`, Buffer.from(JSON.stringify(record)))
}

/** Undefined while there is none. */
export async function readLeader(fileSystem: FileSystem, path: string): Promise<LeaderRecord | undefined> {
  const text = await readSmallFile(fileSystem, path, MAX_BYTES)
  return text === undefined ? undefined : LeaderRecordSchema.parse(JSON.parse(text))
}

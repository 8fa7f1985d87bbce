/** Leader retrieval by a file: a master writes its address there, a worker that lost its master looks for a newer one. */
import { LeaderRecordSchema, type LeaderRecord } from '../cluster/worker-descriptor.js'
import { PathNotFound } from '../fs/errors.js'
import type { FileSystem } from '../fs/file-system.js'

export async function writeLeader(fileSystem: FileSystem, path: string, record: LeaderRecord): Promise<void> {
  const temporary = `${path}.${record.epoch}`
  const writer = await fileSystem.create(temporary, { overwrite: true, permission: 0o600 })
  await writer.write(Buffer.from(JSON.stringify(record)))
  await writer.close()
  await fileSystem.delete(path)
  await fileSystem.rename(temporary, path)
}

/** Undefined while there is none. */
export async function readLeader(fileSystem: FileSystem, path: string): Promise<LeaderRecord | undefined> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of fileSystem.read(path, 0, 10_000)) chunks.push(chunk)
  } catch (error) {
    if (PathNotFound.is(error)) return undefined
    throw error
  }
  return LeaderRecordSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
}

/** `_metadata` of a checkpoint or savepoint in its directory: enough to look at one, and to delete one, without its job. */
import { PathNotFound } from '../fs/errors.js'
import type { FileSystems } from '../fs/file-systems.js'
import { CheckpointMissing, MetadataTooLarge, SavepointNotDisposable } from './errors.js'
import { MAX_METADATA_BYTES, decodeMetadata } from './metadata-codec.js'
import { bytesOfMetadata, filesOf, withFullPaths } from './state-files.js'
import type { CheckpointMetadata } from './state-handles.js'

export const METADATA_FILE = '_metadata'

export interface StoredCheckpoint {
  /** It holds `_metadata`: a full URI. */
  readonly directory: string
  /** Paths in it are full URIs. */
  readonly metadata: CheckpointMetadata
}

/**
 * By its directory or its `_metadata`. Files that it refers to are not looked at.
 * @throws CHECKPOINT_NOT_FOUND, CHECKPOINT_METADATA_*, FS_*
 */
export async function readMetadata(fileSystems: FileSystems, path: string): Promise<StoredCheckpoint> {
  const given = fileSystems.resolve(path)
  const directory = given.endsWith(`/${METADATA_FILE}`) ? given.slice(0, -METADATA_FILE.length - 1) : given
  const file = `${directory}/${METADATA_FILE}`
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of fileSystems.of(file).read(file)) {
      size += chunk.length
      if (size > MAX_METADATA_BYTES) throw new MetadataTooLarge({ file, bytes: size, limit: MAX_METADATA_BYTES })
      chunks.push(chunk)
    }
  } catch (error) {
    if (PathNotFound.is(error)) throw new CheckpointMissing({ path: directory }, { cause: error })
    throw error
  }
  return { directory, metadata: withFullPaths(decodeMetadata(Buffer.concat(chunks), file), directory) }
}

/**
 * Deletes a savepoint: what its metadata names in its own directory, then the directory unless something else lies there.
 * @throws SAVEPOINT_NOT_DISPOSABLE, and as readMetadata
 */
export async function disposeSavepoint(fileSystems: FileSystems, path: string): Promise<void> {
  const { directory, metadata } = await readMetadata(fileSystems, path)
  if (metadata.kind !== 'savepoint') throw new SavepointNotDisposable({ path: directory })
  const fileSystem = fileSystems.of(directory)
  // First what makes it one: half a savepoint is nothing that could be started from.
  await fileSystem.delete(`${directory}/${METADATA_FILE}`)
  for (const file of filesOf(bytesOfMetadata(metadata))) if (file.startsWith(`${directory}/`)) await fileSystem.delete(file)
  if ((await fileSystem.list(directory)).length === 0) await fileSystem.delete(directory)
}

/** Where the bytes of a checkpoint's state lie: finding, moving and verifying what its handles refer to. */
import { crc32 } from 'node:zlib'
import type { CheckpointMetadata, StateBytes, SubtaskState } from '#core/checkpoint/state-handles.js'
import { PathNotFound } from '#core/fs/errors.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import { StateFileDamaged } from './errors.js'
import { isBelow } from './checkpoint-paths.js'

/** Files that are read at once. */
const PARALLEL_READS = 4

type FileBytes = Extract<StateBytes, { kind: 'file' }>

export function* bytesOfSubtask(state: SubtaskState): Generator<StateBytes> {
  for (const operator of state.operators) yield* operator.keyed?.segments ?? []
  for (const each of state.inFlight?.inputs ?? []) yield each.bytes
  for (const each of state.inFlight?.outputs ?? []) yield each.bytes
}

export function* bytesOfMetadata(metadata: CheckpointMetadata): Generator<StateBytes> {
  for (const vertex of metadata.vertices) for (const subtask of vertex.subtasks) if (subtask !== null) yield* bytesOfSubtask(subtask)
}

export function filesOf(bytes: Iterable<StateBytes>): Set<string> {
  const files = new Set<string>()
  for (const each of bytes) if (each.kind === 'file') files.add(each.path)
  return files
}

function mapSubtask(state: SubtaskState, change: (bytes: StateBytes) => StateBytes): SubtaskState {
  const moved = <T extends { readonly bytes: StateBytes }>(each: T): T => ({ ...each, bytes: change(each.bytes) })
  const { inFlight } = state
  return {
    operators: state.operators.map((operator) =>
      operator.keyed === undefined
        ? operator
        : { ...operator, keyed: { ...operator.keyed, segments: operator.keyed.segments.map(change) } },
    ),
    ...(inFlight === undefined ? {} : { inFlight: { inputs: inFlight.inputs.map(moved), outputs: inFlight.outputs.map(moved) } }),
  }
}

function mapMetadata(metadata: CheckpointMetadata, change: (path: string) => string): CheckpointMetadata {
  const changeBytes = (bytes: StateBytes): StateBytes => (bytes.kind === 'file' ? { ...bytes, path: change(bytes.path) } : bytes)
  return {
    ...metadata,
    vertices: metadata.vertices.map((vertex) => ({
      ...vertex,
      subtasks: vertex.subtasks.map((subtask) => (subtask === null ? null : mapSubtask(subtask, changeBytes))),
    })),
  }
}

/** Names of files in `directory` become relative to it, so that the directory may be moved. */
export function withRelativePaths(metadata: CheckpointMetadata, directory: string): CheckpointMetadata {
  return mapMetadata(metadata, (path) => (isBelow(path, directory) ? path.slice(directory.length + 1) : path))
}

/** The reverse: every path is a full URI. */
export function withFullPaths(metadata: CheckpointMetadata, directory: string): CheckpointMetadata {
  return mapMetadata(metadata, (path) => fullPath(path, directory))
}

/** As withFullPaths, for what one subtask acknowledged. */
export function subtaskWithFullPaths(state: SubtaskState, directory: string): SubtaskState {
  return mapSubtask(state, (bytes) => (bytes.kind === 'file' ? { ...bytes, path: fullPath(bytes.path, directory) } : bytes))
}

function fullPath(path: string, directory: string): string {
  return /^[a-z][a-z0-9+.-]*:\//i.test(path) ? path : `${directory}/${path}`
}

/** Reads all of `bytes`: every block must be there, with its length and checksum. @throws CHECKPOINT_FILE_DAMAGED, FS_* */
export async function verifyBytes(fileSystems: FileSystems, bytes: Iterable<StateBytes>): Promise<void> {
  const byFile = new Map<string, Map<string, FileBytes>>()
  for (const each of bytes) {
    if (each.kind === 'inline') verifyInline(each)
    else {
      const blocks = byFile.get(each.path) ?? new Map<string, FileBytes>()
      byFile.set(each.path, blocks.set(`${each.offset} ${each.length} ${each.checksum}`, each))
    }
  }
  const waiting = [...byFile]
  const reader = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [path, blocks] = next
      for (const block of blocks.values()) await verifyBlock(fileSystems, path, block)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_READS }, reader))
}

function verifyInline(bytes: Extract<StateBytes, { kind: 'inline' }>): void {
  const content = Buffer.from(bytes.base64, 'base64')
  if (content.length !== bytes.length || crc32(content) !== bytes.checksum)
    throw new StateFileDamaged({
      file: '_metadata',
      offset: 0,
      problem: 'state that lies in it has another length or checksum than its handle says',
    })
}

async function verifyBlock(fileSystems: FileSystems, file: string, { offset, length, checksum }: FileBytes): Promise<void> {
  let read = 0
  let crc = 0
  try {
    // A block without bytes: the file itself must be there.
    if (length === 0 && (await fileSystems.of(file).status(file)) === undefined) throw new PathNotFound({ path: file })
    for await (const chunk of fileSystems.of(file).read(file, offset, length)) {
      crc = crc32(chunk, crc)
      read += chunk.length
    }
  } catch (error) {
    if (!PathNotFound.is(error)) throw error
    throw new StateFileDamaged({ file, offset, problem: 'the file is not there' }, { cause: error })
  }
  if (read !== length)
    throw new StateFileDamaged({
      file,
      offset: offset + read,
      problem: `it ends there; the block from ${offset} on should have ${length} bytes`,
    })
  if (crc !== checksum)
    throw new StateFileDamaged({
      file,
      offset,
      problem: `the checksum of the ${length} bytes from there on is not the one that was stored`,
    })
}

/** What a checkpoint's handles refer to: listed, moved and verified. */
import type { FileSystems } from '../fs/file-systems.js'
import { resolveStateBytes, verifyStateBytes } from './state-bytes.js'
import type { CheckpointMetadata, StateBytes, SubtaskState } from './state-handles.js'

/** Files that are read at once. */
const PARALLEL_READS = 4

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

function mapMetadata(metadata: CheckpointMetadata, change: (bytes: StateBytes) => StateBytes): CheckpointMetadata {
  return {
    ...metadata,
    vertices: metadata.vertices.map((vertex) => ({
      ...vertex,
      subtasks: vertex.subtasks.map((subtask) => (subtask === null ? null : mapSubtask(subtask, change))),
    })),
  }
}

/** Names of files in `directory` become relative to it, so that the directory may be moved. */
export function withRelativePaths(metadata: CheckpointMetadata, directory: string): CheckpointMetadata {
  return mapMetadata(metadata, (bytes) =>
    bytes.kind === 'file' && bytes.path.startsWith(`${directory}/`) ? { ...bytes, path: bytes.path.slice(directory.length + 1) } : bytes,
  )
}

/** The reverse: every path is a full URI. */
export function withFullPaths(metadata: CheckpointMetadata, directory: string): CheckpointMetadata {
  return mapMetadata(metadata, (bytes) => resolveStateBytes(directory, bytes))
}

/** As withFullPaths, for what one subtask acknowledged. */
export function subtaskWithFullPaths(state: SubtaskState, directory: string): SubtaskState {
  return mapSubtask(state, (bytes) => resolveStateBytes(directory, bytes))
}

/** Reads all of `bytes`, each block once: it must be there, with its length and checksum. @throws CHECKPOINT_FILE_*, FS_* */
export async function verifyBytes(fileSystems: FileSystems, bytes: Iterable<StateBytes>): Promise<void> {
  const blocks = new Map<string, StateBytes>()
  for (const each of bytes)
    blocks.set(each.kind === 'inline' ? each.base64 : `${each.path} ${each.offset} ${each.length} ${each.checksum}`, each)
  const waiting = [...blocks.values()]
  const reader = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await verifyStateBytes(fileSystems, '', next)
  }
  await Promise.all(Array.from({ length: PARALLEL_READS }, reader))
}

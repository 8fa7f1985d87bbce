/** Which files of checkpoints may be deleted, and when. Counts references from what can be restored. Pure. */
import { METADATA_FILE } from '#core/checkpoint/metadata-file.js'
import { checkpointNumber, isBelow } from './checkpoint-paths.js'
import { bytesOfSubtask, filesOf } from '#core/checkpoint/state-files.js'
import type { CompletedCheckpoint, CoordinatorState, Garbage } from './state.js'

export interface Deletion {
  readonly files: readonly string[]
  readonly directories: readonly string[]
  /** These stay, with nothing in them. */
  readonly emptied?: readonly string[]
}

export interface Collected {
  readonly garbage: readonly Garbage[]
  readonly deletion: Deletion
}

/** Files that a retained checkpoint, or a subtask's part of a pending one, refers to. */
function referenced(state: CoordinatorState): Set<string> {
  const files = new Set<string>()
  for (const checkpoint of state.retained) for (const file of checkpoint.files) files.add(file)
  for (const pending of state.pending)
    for (const { state: subtask } of pending.acknowledged.values()) for (const file of filesOf(bytesOfSubtask(subtask))) files.add(file)
  return files
}

/** Of these files, those that nothing refers to and that are not to be deleted later. */
export function deletable(state: CoordinatorState, files: Iterable<string>): string[] {
  const kept = referenced(state)
  for (const garbage of state.garbage) for (const file of garbage.files) kept.add(file)
  return [...files].filter((file) => !kept.has(file))
}

/**
 * `dropped` are not retained any more. Their directories go at once: what lies there belongs to that checkpoint alone. Shared files, on
 * which another checkpoint may build, stay until one is complete that began after this moment: by then every task has heard what it may
 * build on.
 */
export function drop(state: CoordinatorState, dropped: readonly CompletedCheckpoint[]): Collected {
  const kept = [...referenced(state)]
  const files: string[] = []
  const directories: string[] = []
  const later: Garbage[] = []
  for (const { directory, files: own, owned } of dropped) {
    if (!owned) continue
    // Only what was claimed can be referred to from outside.
    const stays = kept.some((file) => isBelow(file, directory))
    if (stays) files.push(`${directory}/${METADATA_FILE}`)
    else directories.push(directory)
    const shared = [...own].filter((file) => stays || !isBelow(file, directory))
    later.push({ files: shared, directories: stays ? [directory] : [], after: state.nextId - 1 })
  }
  return { garbage: [...state.garbage, ...later], deletion: { files, directories } }
}

/** Garbage that is due, and what remains. Call when a checkpoint has become complete. */
export function collect(state: CoordinatorState): Collected {
  const newest = state.retained.at(-1)?.id ?? -1
  const due = state.garbage.filter((each) => each.after < newest)
  if (due.length === 0) return { garbage: state.garbage, deletion: { files: [], directories: [] } }
  const waiting = state.garbage.filter((each) => each.after >= newest)
  const kept = referenced(state)
  for (const each of waiting) for (const file of each.files) kept.add(file)
  const files = new Set<string>()
  const directories: string[] = []
  const stillUsed: Garbage[] = []
  for (const each of due) {
    // What a retained checkpoint refers to comes back as garbage with that one.
    for (const file of each.files) if (!kept.has(file)) files.add(file)
    for (const directory of each.directories) {
      if ([...kept].some((file) => isBelow(file, directory))) stillUsed.push({ files: [], directories: [directory], after: each.after })
      else directories.push(directory)
    }
  }
  // A directory takes its files along.
  const single = [...files].filter((file) => !directories.some((directory) => isBelow(file, directory)))
  return { garbage: [...waiting, ...stillUsed], deletion: { files: single, directories } }
}

/** Of what lies in the job's directory: what no checkpoint knows. Only meaningful while none is under way. */
export function orphans(state: CoordinatorState, found: Deletion): Deletion {
  const known = new Set(state.garbage.flatMap((each) => each.directories))
  const numbers = new Set(state.retained.map((checkpoint) => checkpoint.id))
  return {
    files: deletable(state, found.files),
    directories: found.directories.filter((directory) => {
      const number = checkpointNumber(directory)
      return number !== undefined && !numbers.has(number) && !known.has(directory)
    }),
  }
}

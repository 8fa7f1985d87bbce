/** What becomes of a job's checkpoints when it ends. Pure. */
import type { JobState } from '#core/graph/states.js'
import type { Deletion } from './garbage.js'
import type { CheckpointSettings } from './settings.js'
import type { CompletedCheckpoint, Garbage } from './state.js'

/** As Flink's CheckpointRetentionPolicy: of a job that FINISHED nothing is kept. */
export function keptAtEnd(retention: CheckpointSettings['retention'], jobState: JobState): boolean {
  if (retention === 'NO_EXTERNALIZED_CHECKPOINTS') return false
  return jobState === 'FAILED' || (jobState === 'CANCELED' && retention === 'RETAIN_ON_CANCELLATION')
}

/** Retained checkpoints stay: what only waited for a later checkpoint goes. */
export function leftAtEnd(retained: readonly CompletedCheckpoint[], garbage: readonly Garbage[]): Deletion {
  const kept = new Set(retained.flatMap((checkpoint) => [...checkpoint.files]))
  const isKept = (directory: string) => [...kept].some((file) => file.startsWith(`${directory}/`))
  return {
    files: garbage.flatMap((each) => each.files).filter((file) => !kept.has(file)),
    directories: garbage.flatMap((each) => each.directories).filter((directory) => !isKept(directory)),
  }
}

/**
 * Which epochs a subtask makes. Subtask s of p makes s, s + p, s + 2p, …: all advance together in event time, and the events do not depend on the
 * parallelism. What is left is its state; when the parallelism changes, what all have left is dealt out anew.
 */
import * as z from '#core/zod.js'

/** Epochs next, next + step, … */
export const EpochSplitSchema = z.object({ next: z.int().min(0), step: z.int().min(1) })
export type EpochSplit = z.infer<typeof EpochSplitSchema>

export const NexmarkStateSchema = z.object({
  subtask: z.int().min(0),
  parallelism: z.int().min(1),
  splits: z.array(EpochSplitSchema).max(10_000),
})
export type NexmarkState = z.infer<typeof NexmarkStateSchema>

/** So many splits for each subtask are dealt out whole; fewer are shared, which makes more of them. */
const ENOUGH = 4

/** What falls to a subtask of what all subtasks of the checkpoint had left. */
export function splitsOf(states: readonly NexmarkState[], subtask: number, parallelism: number): EpochSplit[] {
  if (states.every((state) => state.parallelism === parallelism))
    return states.filter((state) => state.subtask === subtask).flatMap((state) => state.splits)
  const splits = [...states].sort((a, b) => a.subtask - b.subtask).flatMap((state) => state.splits)
  if (splits.length >= ENOUGH * parallelism) return splits.filter((_, i) => i % parallelism === subtask)
  return splits.map(({ next, step }) => ({ next: next + subtask * step, step: step * parallelism }))
}

/** Takes the next epoch of those splits that is below `end`: the earliest, so that event time rises. Undefined: none is left. */
export function takeEpoch(splits: EpochSplit[], end: number): number | undefined {
  let first: EpochSplit | undefined
  let at = 0
  for (const [i, split] of splits.entries()) {
    if (split.next < end && (first === undefined || split.next < first.next)) {
      first = split
      at = i
    }
  }
  if (first === undefined) return undefined
  splits[at] = { ...first, next: first.next + first.step }
  return first.next
}

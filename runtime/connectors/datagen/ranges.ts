/**
 * Which rows a subtask makes. The rows of a table are numbered from 0 and dealt out in turn, as in Flink: subtask s of p makes s, s + p,
 * s + 2p, … What is left of that is its state; when the parallelism changes, what all subtasks have left is dealt out anew, so that every
 * row is made once.
 */
import * as z from '#core/zod.js'
import { Random } from './random.js'

export const RowRangeSchema = z.object({
  /** Number of the next row, distance to the one after it, rows left in all; null: there is no end. */
  next: z.int().min(0),
  step: z.int().min(1),
  left: z.int().min(0).nullable(),
  /** Of the generator of random values, before the next row. */
  random: z.array(z.int()).length(4),
})
export type RowRange = z.infer<typeof RowRangeSchema>

/** State of one subtask. */
export const DatagenStateSchema = z.object({
  subtask: z.int().min(0),
  parallelism: z.int().min(1),
  ranges: z.array(RowRangeSchema),
})
export type DatagenState = z.infer<typeof DatagenStateSchema>

/** What a subtask makes of `total` rows (null: without end). */
export function firstRange(total: number | null, subtask: number, parallelism: number, random: Random): RowRange {
  return { next: subtask, step: parallelism, left: total === null ? null : shareOf(total, subtask, parallelism), random: [...random.state] }
}

/** How many of `total` things fall to one of `all` who take them in turn. */
export function shareOf(total: number, one: number, all: number): number {
  return Math.floor(total / all) + (total % all > one ? 1 : 0)
}

/** What falls to a subtask of what all subtasks of the checkpoint had left. */
export function rangesOf(states: readonly DatagenState[], subtask: number, parallelism: number): RowRange[] {
  if (states.every((state) => state.parallelism === parallelism)) {
    return states.filter((state) => state.subtask === subtask).flatMap((state) => state.ranges)
  }
  const ranges = [...states]
    .sort((a, b) => a.subtask - b.subtask)
    .flatMap((state) => state.ranges)
    .filter((range) => range.left !== 0)
  if (ranges.length === 0) return []
  // Enough for all: whole ranges. Else several subtasks share each, again in turn.
  if (ranges.length >= parallelism) return ranges.filter((_, i) => i % parallelism === subtask)
  const index = subtask % ranges.length
  const range = ranges[index] as RowRange
  const sharers = shareOf(parallelism, index, ranges.length)
  const place = Math.floor(subtask / ranges.length)
  return [
    {
      next: range.next + place * range.step,
      step: range.step * sharers,
      left: range.left === null ? null : shareOf(range.left, place, sharers),
      random: new Random(range.random).split(place).state.slice(),
    },
  ]
}

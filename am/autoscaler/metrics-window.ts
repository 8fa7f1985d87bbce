/** Counters of the tasks over time, and the rates between two looks at them. Pure. */
import type { VertexId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'

/** Of one subtask, since it started. */
export interface SubtaskCounters {
  readonly recordsIn: number
  readonly recordsOut: number
  readonly busyMs: number
  readonly backPressuredMs: number
}

/** All vertices of the job, while all their tasks run. */
export interface Sample {
  readonly at: Millis
  /** The attempts whose counters these are: with other attempts counters begin anew. */
  readonly attempts: string
  readonly vertices: ReadonlyMap<VertexId, readonly SubtaskCounters[]>
  /** Rows that wait at sources; one of which it is not known is not there. */
  readonly pending: ReadonlyMap<VertexId, number>
}

export interface MetricsWindow {
  readonly attempts: string
  /** When these attempts were first seen to run. */
  readonly since: Millis
  /** Oldest first; as many as the window needs. */
  readonly samples: readonly Sample[]
}

/** Of a vertex, per second. */
export interface VertexRates {
  readonly recordsIn: number
  readonly recordsOut: number
  /** Share of the time that the busiest subtask works, or would if its thread were free: 0..1. */
  readonly busy: number
  /** Share of the time that its subtasks are held back by their outputs, on average: 0..1. */
  readonly backPressured: number
  /** Of a source that knows: rows that wait now, and how many more (or fewer) each second. */
  readonly pending?: { readonly rows: number; readonly growth: number }
}

/** `stabilization`: samples so soon after the start are left out. */
export function addSample(window: MetricsWindow | undefined, sample: Sample, size: Millis, stabilization: Millis): MetricsWindow {
  if (window === undefined || window.attempts !== sample.attempts)
    return { attempts: sample.attempts, since: sample.at, samples: stabilization > 0 ? [] : [sample] }
  if (sample.at - window.since < stabilization) return window
  const samples = [...window.samples, sample]
  // One sample at or before the beginning of the window stays.
  let first = 0
  while (first + 1 < samples.length && (samples[first + 1] as Sample).at <= sample.at - size) first++
  return { ...window, samples: samples.slice(first) }
}

/** Over the window; undefined: it is not full yet. */
export function ratesOf(window: MetricsWindow, size: Millis): ReadonlyMap<VertexId, VertexRates> | undefined {
  const [first, last] = [window.samples[0], window.samples.at(-1)]
  if (first === undefined || last === undefined || last.at - first.at < size || last.at === first.at) return undefined
  const span = last.at - first.at
  const rates = new Map<VertexId, VertexRates>()
  for (const [id, now] of last.vertices) {
    const before = first.vertices.get(id) ?? []
    const growth = (of: (counters: SubtaskCounters) => number) =>
      now.map((counters, index) => Math.max(0, of(counters) - (before[index] === undefined ? 0 : of(before[index]))))
    const perSecond = (of: (counters: SubtaskCounters) => number) => (sum(growth(of)) / span) * 1000
    const [waited, waits] = [first.pending.get(id), last.pending.get(id)]
    rates.set(id, {
      ...(waited === undefined || waits === undefined ? {} : { pending: { rows: waits, growth: ((waits - waited) / span) * 1000 } }),
      recordsIn: perSecond(({ recordsIn }) => recordsIn),
      recordsOut: perSecond(({ recordsOut }) => recordsOut),
      busy: share(Math.max(0, ...growth(({ busyMs }) => busyMs)) / span),
      backPressured: share(sum(growth(({ backPressuredMs }) => backPressuredMs)) / span / Math.max(1, now.length)),
    })
  }
  return rates
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value))
}

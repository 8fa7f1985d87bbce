/**
 * Windows of fixed size in slices: stretches of time that are whole in every window they are in. A tumbling window is one slice; hopping windows
 * share slices of the length of their slide, cumulating ones of their step.
 *
 *   hop, size 3 slides     |  a  |  b  |  c  |  d  |        cumulate, 3 steps   |  a  |  b  |  c  |  d
 *                          [------ w1 ------)                                   [ w1  )
 *                                [------ w2 ------)                             [--- w2 --)
 *                                                                               [------ w3 ------)
 *
 * Times are local ones, as in tumbling-windows.ts.
 * Source: Flink's SliceAssigners.
 */
import type { WindowSpec } from '#core/graph/operator-spec.js'
import { tumblingWindows } from './tumbling-windows.js'

export interface SlicedWindows {
  readonly sliceMs: number
  /** Windows with the same start, each of which holds the one before. */
  readonly cumulative: boolean
  localTime(time: number): number
  /** Start of the slice that holds a local time. */
  sliceOf(local: number): number
  /** Ends of the windows that hold the slice which starts there, ascending. */
  endsOf(slice: number): readonly number[]
  /** The last of them. */
  lastEnd(slice: number): number
  /** Start of the window that ends there. */
  startOf(end: number): number
  /** Instant of a window bound: a window fires when the watermark reaches instantOf(end - 1). */
  instantOf(local: number): number
}

/** `zone`: of the session when the time column is a TIMESTAMP_LTZ, else undefined. */
export function slicedWindows(window: WindowSpec, zone: string | undefined): SlicedWindows {
  const { kind, sizeMs, offsetMs } = window
  const sliceMs = kind === 'hop' ? window.slideMs : kind === 'cumulate' ? window.stepMs : sizeMs
  const { localTime, startOf: sliceOf, instantOf } = tumblingWindows({ sizeMs: sliceMs, offsetMs }, zone)
  const common = { sliceMs, cumulative: kind === 'cumulate', localTime, sliceOf, instantOf }
  if (kind !== 'cumulate') {
    const windows = Math.round(sizeMs / sliceMs)
    return {
      ...common,
      endsOf: (slice) => Array.from({ length: windows }, (_, i) => slice + (i + 1) * sliceMs),
      lastEnd: (slice) => slice + sizeMs,
      startOf: (end) => end - sizeMs,
    }
  }
  const whole = tumblingWindows(window, zone)
  return {
    ...common,
    endsOf: (slice) => {
      const end = whole.startOf(slice) + sizeMs
      return Array.from({ length: Math.round((end - slice) / sliceMs) }, (_, i) => slice + (i + 1) * sliceMs)
    },
    lastEnd: (slice) => whole.startOf(slice) + sizeMs,
    startOf: (end) => whole.startOf(end - 1),
  }
}

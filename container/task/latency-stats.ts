/** Latencies that markers measured at the operators of one task: a histogram by operator and source, over the newest values. */
import type { OperatorId } from '#core/ids/ids.js'
import { MAX_LATENCY_HISTOGRAMS, type LatencyHistogram } from '#core/rpc/gateways/task-metrics.js'
import type { Millis } from '#core/time/environment.js'
import type { LatencyMarker } from '../network/latency-marker.js'

export interface LatencySettings {
  /** metrics.latency.granularity */
  readonly granularity: 'single' | 'operator' | 'subtask'
  /** metrics.latency.history-size */
  readonly historySize: number
}

interface Entry {
  readonly sourceId: OperatorId | null
  readonly sourceSubtaskIndex: number | null
  readonly operatorId: OperatorId
  readonly history: SlidingWindow
}

export class LatencyStats {
  readonly #settings: LatencySettings
  readonly #entries = new Map<string, Entry>()

  constructor(settings: LatencySettings) {
    this.#settings = settings
  }

  /** A marker has reached the operator. What there is no room for any more is not kept (MAX_LATENCY_HISTOGRAMS). */
  reached(operatorId: OperatorId, marker: LatencyMarker, now: Millis): void {
    const { granularity, historySize } = this.#settings
    const sourceId = granularity === 'single' ? null : marker.operatorId
    const sourceSubtaskIndex = granularity === 'subtask' ? marker.subtaskIndex : null
    const key = `${sourceId}/${sourceSubtaskIndex}/${operatorId}`
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      if (this.#entries.size === MAX_LATENCY_HISTOGRAMS) return
      this.#entries.set(key, (entry = { sourceId, sourceSubtaskIndex, operatorId, history: new SlidingWindow(historySize) }))
    }
    entry.history.add(now - marker.markedTime)
  }

  histograms(): LatencyHistogram[] {
    return [...this.#entries.values()].map(({ history, ...of }) => ({ ...of, statistics: statisticsOf(history.sorted()) }))
  }
}

/** The newest values, at most `size`. */
class SlidingWindow {
  readonly #size: number
  readonly #values: number[] = []
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  add(value: number): void {
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % this.#size
  }

  sorted(): Float64Array {
    return Float64Array.from(this.#values).sort()
  }
}

/** In the order of HISTOGRAM_STATISTICS, of at least one value; computed as Flink's histogram does (Commons Math). */
export function statisticsOf(sorted: Float64Array): number[] {
  const n = sorted.length
  const mean = sorted.reduce((sum, value) => sum + value, 0) / n
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return [
    sorted[0] as number,
    sorted[n - 1] as number,
    mean,
    percentile(sorted, 0.5),
    n < 2 ? 0 : Math.sqrt(squares / (n - 1)),
    ...[0.75, 0.9, 0.95, 0.98, 0.99, 0.999].map((share) => percentile(sorted, share)),
  ]
}

/** Between two values in proportion. */
function percentile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length + 1)
  const below = Math.floor(position)
  if (below < 1) return sorted[0] as number
  if (below >= sorted.length) return sorted[sorted.length - 1] as number
  const [low, high] = [sorted[below - 1] as number, sorted[below] as number]
  return low + (position - below) * (high - low)
}

/** How fast a task's counters grow, over the last minute (Flink's meters and time gauges). Pure: fed with samples. */
import type { TaskCounters, TaskRates } from '#core/rpc/gateways/task-metrics.js'
import type { Millis } from '#core/time/environment.js'

/** The time that a rate is over, and how far apart the samples are from which it may begin. */
const SPAN_MS = 60_000
const STEP_MS = 5_000

const RATES = [
  'recordsIn',
  'recordsOut',
  'bytesIn',
  'bytesOut',
  'busyMs',
  'idleMs',
  'backPressuredMs',
] as const satisfies readonly (keyof TaskRates)[]

type Sample = Readonly<Record<(typeof RATES)[number], number>> & { readonly at: Millis }

export class RateWindow {
  /** Oldest first. */
  readonly #samples: Sample[] = []

  /** The counters as they are `at` (monotonic). Undefined: nothing to compare with yet. */
  sample(counters: TaskCounters, at: Millis): TaskRates | undefined {
    const now = { ...counters, at }
    const samples = this.#samples
    while ((samples[1]?.at ?? Infinity) <= at - SPAN_MS) samples.shift()
    const [first] = samples
    if (at - (samples.at(-1)?.at ?? -Infinity) >= STEP_MS) samples.push(now)
    if (first === undefined || at <= first.at) return undefined
    const rate = (name: (typeof RATES)[number]) => ((now[name] - first[name]) * 1000) / (at - first.at)
    return Object.fromEntries(RATES.map((name) => [name, rate(name)])) as TaskRates
  }
}

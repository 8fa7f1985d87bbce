/** Counters that the program's functions of one subtask have registered, by operator. */
import { MAX_COUNTER_NAME, MAX_USER_COUNTERS, type UserCounter } from '#core/rpc/gateways/task-metrics.js'
import type { Counter } from '#runtime/operators/operator.js'

export class UserCounters {
  readonly #counters = new Map<string, { readonly name: string; readonly counter: Counter }>()

  /**
   * The same for the same name. One that is too much or named too long counts for its function alone: metrics of a program must not
   * swell every heartbeat.
   */
  counter(operatorName: string, name: string): Counter {
    const full = `${shown(operatorName)}.${shown(name)}`
    const present = this.#counters.get(full)
    if (present !== undefined) return present.counter
    const counter = newCounter()
    if (this.#counters.size < MAX_USER_COUNTERS && full.length <= MAX_COUNTER_NAME) this.#counters.set(full, { name: full, counter })
    return counter
  }

  report(): UserCounter[] {
    return [...this.#counters.values()].map(({ name, counter }) => ({ name, count: counter.count }))
  }
}

/** Flink's REST shows these characters of names as underscores (MetricQueryService), so that a dot parts operator and metric. */
function shown(name: string): string {
  return name.replace(/[ .:,]/g, '_')
}

function newCounter(): Counter {
  let count = 0
  return {
    inc: (by = 1) => void (count += by),
    get count() {
      return count
    },
  }
}

/** Keyed state of every kind, timers, side outputs, the lifecycle of functions. `npx weft run examples/datastream/state-and-timers.ts` */
import {
  OutputTag,
  StreamExecutionEnvironment,
  Types,
  WatermarkStrategy,
  type AggregatingState,
  type Collector,
  type KeyedProcessContext,
  type KeyedProcessFunction,
  type ListState,
  type MapState,
  type OnTimerContext,
  type ReducingState,
  type RuntimeContext,
  type ValueState,
} from 'weft'

const Click = Types.ROW({ user: Types.STRING, page: Types.STRING, at: Types.DOUBLE })
interface Click {
  user: string
  page: string
  at: number
}

const CLICKS: readonly Click[] = [
  { user: 'ann', page: '/', at: 1 },
  { user: 'bob', page: '/', at: 2 },
  { user: 'ann', page: '/buy', at: 3 },
  { user: 'ann', page: '/', at: 4 },
  { user: 'bob', page: '/', at: 120 },
]

const errors = new OutputTag('unknown-pages', Types.STRING)

/** A visit ends when its user did nothing for a minute. */
class Visits implements KeyedProcessFunction<string, Click, string> {
  #last!: ValueState<number>
  #pages!: ListState<string>
  #counts!: MapState<string, number>
  #clicks!: ReducingState<number>
  #mean!: AggregatingState<number, number>
  #seen!: { inc(): void }

  open(context: RuntimeContext): void {
    this.#last = context.getState({ name: 'last', type: Types.DOUBLE })
    this.#pages = context.getListState({ name: 'pages', ttl: { ttl: 3_600_000, updateType: 'OnCreateAndWrite' } })
    this.#counts = context.getMapState({ name: 'counts' })
    this.#clicks = context.getReducingState({ name: 'clicks', reduce: (a: number, b: number) => a + b })
    this.#mean = context.getAggregatingState({
      name: 'mean',
      aggregate: {
        createAccumulator: () => [0, 0] as [number, number],
        add: (value: number, [sum, count]) => [sum + value, count + 1] as [number, number],
        getResult: ([sum, count]) => sum / count,
        merge: ([a, b], [c, d]) => [a + c, b + d] as [number, number],
      },
    })
    this.#seen = context.counter('clicks')
  }

  processElement(click: Click, context: KeyedProcessContext<string>): void {
    this.#seen.inc()
    if (!click.page.startsWith('/')) return context.output(errors, click.page)
    const timers = context.timerService()
    const last = this.#last.value()
    if (last !== undefined) timers.deleteEventTimeTimer(last + 60_000)
    const time = context.timestamp() ?? 0
    this.#last.update(time)
    timers.registerEventTimeTimer(time + 60_000)
    this.#pages.add(click.page)
    this.#counts.put(click.page, (this.#counts.get(click.page) ?? 0) + 1)
    this.#clicks.add(1)
    this.#mean.add(click.at)
  }

  onTimer(_timestamp: number, context: OnTimerContext<string>, out: Collector<string>): void {
    const counts = [...this.#counts.entries()].map(([page, count]) => `${page}×${count}`).sort()
    out.collect(
      `${context.getCurrentKey()}: ${this.#clicks.get()} clicks, ${this.#pages.get().join(' ')}, ${counts.join(' ')}, mean ${this.#mean.get()?.toFixed(1)}`,
    )
    for (const state of [this.#last, this.#pages, this.#counts, this.#clicks, this.#mean]) state.clear()
  }

  close(): void {
    // Connections that open() made are closed here.
  }
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const clicks = env.fromCollection(CLICKS, Click).union(env.fromCollection([{ user: 'eve', page: 'x', at: 130 }], Click))
  const visits = clicks
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forBoundedOutOfOrderness<Click>('1 min')
        .withTimestampAssigner((click) => click.at * 1000)
        .withIdleness('10 s'),
    )
    .keyBy('user')
    .process(new Visits(), Types.STRING)
    .uid('visits')
  visits.getSideOutput(errors).print('unknown page')
  visits.print('visit')
  await env.execute('visits')

  // Without keys: side outputs and watermarks, no state.
  const numbers = env.fromSequence(1, 4).process<number>({ processElement: (n, _context, out) => out.collect(n * n) })
  numbers.printToErr('square')
  await env.execute('squares')
}

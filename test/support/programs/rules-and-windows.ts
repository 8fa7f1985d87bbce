/**
 * A job with every kind of state, for savepoints that are restored elsewhere: readings wait in keyed map state, each under a timer, until the
 * rules of their time are there; the rules are broadcast; what they make of the readings is added up in windows. All of it depends on event
 * time only, so that its result is known beforehand at any parallelism. Arguments: directory of the output, readings per second.
 */
import {
  StreamExecutionEnvironment,
  TableSink,
  TableSource,
  TumblingEventTimeWindows,
  Types,
  WatermarkStrategy,
  type Collector,
  type EnumeratorContext,
  type KeyedBroadcastContext,
  type KeyedBroadcastProcessFunction,
  type KeyedBroadcastReadOnlyContext,
  type MapState,
  type MapStateDescriptor,
  type ReaderOutput,
  type RuntimeContext,
  type Source,
  type SourceReader,
  type SourceReaderContext,
  type SplitEnumerator,
  type ValueState,
} from 'weft'

export const LAST_ID = 63_999
export const KEYS = 100
/** Of event time from one reading to the next. */
const MS_PER_ID = 4
export const IDS_PER_WINDOW = 2_500
/** So many readings have the same rules; each of these rules says a part of what the reading counts for. */
export const IDS_PER_BLOCK = 250
export const RULES_PER_BLOCK = 4
export const amountOf = (rule: number): number => (rule % 7) + 1
const RULES = ((LAST_ID + 1) / IDS_PER_BLOCK) * RULES_PER_BLOCK
const RULES_PER_SPLIT = 8
const OUT_OF_ORDER = '20 s'

const Reading = Types.ROW({ id: Types.INT })
const Counted = Types.ROW({ id: Types.INT, k: Types.INT, n: Types.INT, v: Types.INT })
const Sum = Types.ROW({ k: Types.INT, w: Types.INT, n: Types.INT, v: Types.INT })
interface Reading {
  id: number
}
interface Counted {
  id: number
  k: number
  /** How many readings of the key there were up to this one. */
  n: number
  v: number
}
interface Rule {
  readonly block: number
  readonly amount: number
}
/** Rules `from` to `to` are still to come. */
interface RuleSplit {
  from: number
  readonly to: number
}

const startOf = (block: number): number => block * IDS_PER_BLOCK * MS_PER_ID

/** Splits in the order of time: most are not handed out yet when the savepoint is taken. */
class RuleSource implements Source<Rule, RuleSplit> {
  readonly boundedness = 'bounded'
  readonly #perSecond: number

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  createEnumerator(_context: EnumeratorContext): SplitEnumerator<RuleSplit> {
    let waiting: RuleSplit[] = []
    return {
      start(restored) {
        waiting = (restored as RuleSplit[] | undefined) ?? []
        if (restored !== undefined) return
        for (let from = 0; from < RULES; from += RULES_PER_SPLIT) waiting.push({ from, to: from + RULES_PER_SPLIT - 1 })
      },
      nextSplit: () => waiting.shift() ?? null,
      snapshotState: () => waiting,
      addSplitsBack: (splits) => void (waiting = [...waiting, ...splits].sort((a, b) => a.from - b.from)),
    }
  }

  createReader(context: SourceReaderContext): SourceReader<Rule, RuleSplit> {
    let splits: RuleSplit[] = []
    let last = false
    let wake = () => undefined as void
    let next = Date.now()
    const pause = (1_000 * context.parallelism) / this.#perSecond
    return {
      pollNext(output: ReaderOutput<Rule>) {
        const [split] = splits
        if (split === undefined) return last ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE'
        if (Date.now() < next) return 'NOTHING_AVAILABLE'
        next += pause
        const rule = split.from++
        const block = Math.floor(rule / RULES_PER_BLOCK)
        output.collect({ block, amount: amountOf(rule) }, startOf(block))
        if (split.from > split.to) {
          splits = splits.slice(1)
          if (splits.length === 0) context.sendSplitRequest()
        }
        return 'MORE_AVAILABLE'
      },
      isAvailable: () =>
        new Promise((resolve) => {
          wake = resolve
          if (splits.length > 0) setTimeout(resolve, Math.max(0, next - Date.now()))
        }),
      addSplits(added) {
        splits = [...splits, ...added].sort((a, b) => a.from - b.from)
        wake()
      },
      notifyNoMoreSplits() {
        last = true
        wake()
      },
      snapshotState: () => splits,
    }
  }
}

const factors: MapStateDescriptor<number, number> = { name: 'factors' }

class ByRules implements KeyedBroadcastProcessFunction<number, Reading, Rule, Counted> {
  #seen!: ValueState<number>
  #waiting!: MapState<number, Reading>

  open(context: RuntimeContext): void {
    this.#seen = context.getState({ name: 'seen' })
    this.#waiting = context.getMapState({ name: 'waiting' })
  }

  processElement(reading: Reading, context: KeyedBroadcastReadOnlyContext<number>): void {
    const time = reading.id * MS_PER_ID
    this.#waiting.put(time, reading)
    context.timerService().registerEventTimeTimer(time)
  }

  processBroadcastElement({ block, amount }: Rule, context: KeyedBroadcastContext<number>): void {
    const state = context.getBroadcastState(factors)
    state.put(block, (state.get(block) ?? 0) + amount)
  }

  onTimer(time: number, context: KeyedBroadcastReadOnlyContext<number>, out: Collector<Counted>): void {
    const reading = this.#waiting.get(time)
    if (reading === undefined) throw new Error(`nothing waits at ${time}`)
    this.#waiting.remove(time)
    const n = (this.#seen.value() ?? 0) + 1
    this.#seen.update(n)
    const { id } = reading
    const factor = context.getBroadcastState(factors).get(Math.floor(id / IDS_PER_BLOCK)) ?? 0
    out.collect({ id, k: context.getCurrentKey(), n, v: id * factor })
  }
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const [output, perSecond] = env.args
  if (output === undefined || perSecond === undefined) throw new Error('name the directory of the output, and a rate')
  const file = (name: string) => ({ connector: 'filesystem', format: 'csv', path: `${output}/${name}` })
  const numbers = TableSource.of(
    {
      connector: 'datagen',
      'rows-per-second': perSecond,
      'fields.id.kind': 'sequence',
      'fields.id.start': '0',
      'fields.id.end': String(LAST_ID),
    },
    Reading,
  )
  const readings = env
    .fromSource(
      numbers,
      WatermarkStrategy.forBoundedOutOfOrderness<Reading>(OUT_OF_ORDER).withTimestampAssigner(({ id }) => id * MS_PER_ID),
      'readings',
    )
    .uid('readings')
  const rules = env
    .fromSource(
      new RuleSource((Number(perSecond) * RULES_PER_BLOCK) / IDS_PER_BLOCK),
      WatermarkStrategy.forBoundedOutOfOrderness<Rule>(OUT_OF_ORDER),
      'rules',
    )
    .uid('rules')
  const counted = readings
    .keyBy(({ id }) => id % KEYS)
    .connect(rules.broadcast(factors))
    .process<Counted>(new ByRules(), Counted)
    .uid('by-rules')
  counted.sinkTo(TableSink.of(file('counted'), Counted)).uid('counted')
  counted
    .keyBy(({ k }) => k)
    .window(TumblingEventTimeWindows.of(IDS_PER_WINDOW * MS_PER_ID))
    .aggregate(
      {
        createAccumulator: () => ({ n: 0, v: 0 }),
        add: (each: Counted, { n, v }) => ({ n: n + 1, v: v + each.v }),
        getResult: (sum) => sum,
        merge: (a, b) => ({ n: a.n + b.n, v: a.v + b.v }),
      },
      {
        process(k, context, [sum], out: Collector<{ k: number; w: number; n: number; v: number }>) {
          if (sum !== undefined) out.collect({ k, w: context.window().start / (IDS_PER_WINDOW * MS_PER_ID), n: sum.n, v: sum.v })
        },
      },
      Sum,
    )
    .uid('sums')
    .sinkTo(TableSink.of(file('sums'), Sum))
    .uid('sums-written')
  await env.execute('rules and windows')
}

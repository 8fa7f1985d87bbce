/**
 * Numbers that come as fast as a file says, so that a test decides about the load while the job runs; each takes a while. Every number with how
 * many of its key there were up to it, and when it was counted, goes into files. Arguments: directory of the output, the file (numbers per
 * second, or `end`), ms per number; then, to give the job state: keys, and bytes that each number brings and its key keeps. As many numbers as there
 * are keys come at once at the beginning and take no time, so that the state is there.
 */
import { readFileSync } from 'node:fs'
import {
  StreamExecutionEnvironment,
  TableSink,
  Types,
  WatermarkStrategy,
  type Collector,
  type EnumeratorContext,
  type KeyedProcessContext,
  type KeyedProcessFunction,
  type ReaderOutput,
  type RuntimeContext,
  type Source,
  type SourceReader,
  type SourceReaderContext,
  type SplitEnumerator,
  type ValueState,
} from 'weft'

export const KEYS = 64
/** Numbers go out in portions of so many ms. */
const PORTION_MS = 50

const Counted = Types.ROW({ id: Types.INT, k: Types.INT, n: Types.INT, at: Types.LONG })
interface Counted {
  id: number
  k: number
  n: number
  /** ms since 1970. */
  at: bigint
}

const Event = Types.ROW({ id: Types.INT, text: Types.STRING })
interface Event {
  id: number
  text: string
}

interface Numbers {
  from: number
  readonly to: number
}

class Load implements Source<Event, Numbers> {
  readonly boundedness = 'bounded'
  readonly #file: string
  readonly #atOnce: number
  readonly #bytes: number

  constructor(file: string, atOnce: number, bytes: number) {
    this.#file = file
    this.#atOnce = atOnce
    this.#bytes = bytes
  }

  createEnumerator(_context: EnumeratorContext): SplitEnumerator<Numbers> {
    const atOnce = this.#atOnce
    let next = atOnce
    let ready: Numbers[] = next === 0 ? [] : [{ from: 0, to: next - 1 }]
    let last = false
    let timer: NodeJS.Timeout | undefined
    let due = 0
    const waiting = new Map<number, (split: Numbers | null) => void>()
    const serve = (): void => {
      for (const [subtask, answer] of waiting) {
        const split = ready.shift()
        if (split === undefined && !last) return
        waiting.delete(subtask)
        answer(split ?? null)
      }
    }
    const tick = (): void => {
      const text = readFileSync(this.#file, 'utf8').trim()
      if (text === 'end') last = true
      else due += (Number(text) * PORTION_MS) / 1000
      const count = last ? 0 : Math.floor(due)
      due -= count
      if (count > 0) ready.push({ from: next, to: next + count - 1 })
      next += count
      serve()
    }
    return {
      start(restored) {
        if (restored !== undefined) ({ next, ready } = restored as { next: number; ready: Numbers[] })
        timer = setInterval(tick, PORTION_MS)
      },
      nextSplit: (subtask) =>
        new Promise((resolve) => {
          waiting.get(subtask)?.(null)
          waiting.set(subtask, resolve)
          serve()
        }),
      snapshotState: () => ({ next, ready }),
      // Those that came at once are no load that lasts.
      pendingRecords: () => ready.reduce((sum, { from, to }) => (from < atOnce ? sum : sum + to + 1 - from), 0),
      addSplitsBack(splits, subtask) {
        ready = [...splits, ...ready]
        waiting.get(subtask)?.(null)
        waiting.delete(subtask)
      },
      close: () => clearInterval(timer),
    }
  }

  createReader(context: SourceReaderContext): SourceReader<Event, Numbers> {
    const bytes = this.#bytes
    let splits: Numbers[] = []
    let last = false
    let wake = () => undefined as void
    return {
      pollNext(output: ReaderOutput<Event>) {
        const [split] = splits
        if (split === undefined) return last ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE'
        const id = split.from++
        output.collect({ id, text: `${id} `.repeat(Math.ceil(bytes / `${id} `.length)).slice(0, bytes) })
        if (split.from > split.to) {
          splits = splits.slice(1)
          if (splits.length === 0) context.sendSplitRequest()
        }
        return 'MORE_AVAILABLE'
      },
      isAvailable: () => new Promise((resolve) => (wake = resolve)),
      addSplits(added) {
        splits = [...splits, ...added]
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

class SlowCounts implements KeyedProcessFunction<number, Event, Counted> {
  readonly #ms: number
  readonly #never = new Int32Array(new SharedArrayBuffer(4))
  #count!: ValueState<number>
  #memory!: ValueState<string>

  constructor(ms: number) {
    this.#ms = ms
  }

  open(context: RuntimeContext): void {
    this.#count = context.getState({ name: 'count', type: Types.INT })
    this.#memory = context.getState({ name: 'memory', type: Types.STRING })
  }

  processElement({ id, text }: Event, context: KeyedProcessContext<number>, out: Collector<Counted>): void {
    const k = context.getCurrentKey()
    const before = this.#count.value() ?? 0
    if (before === 0 && text !== '') this.#memory.update(text)
    else Atomics.wait(this.#never, 0, 0, this.#ms) // the thread is taken, no core is
    this.#count.update(before + 1)
    out.collect({ id, k, n: before + 1, at: BigInt(Date.now()) })
  }
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const [output, file, ms, keys = String(KEYS), bytes = '0'] = env.args
  if (output === undefined || file === undefined || ms === undefined)
    throw new Error('name the output, the file of the rate, and the ms per number')
  env
    .fromSource(new Load(file, Number(bytes) > 0 ? Number(keys) : 0, Number(bytes)), WatermarkStrategy.noWatermarks<Event>(), 'load', Event)
    .uid('load')
    .setMaxParallelism(1)
    .keyBy(({ id }) => id % Number(keys))
    .process<Counted>(new SlowCounts(Number(ms)), Counted)
    .uid('slow-counts')
    .sinkTo(TableSink.of({ connector: 'filesystem', format: 'csv', path: output }, Counted))
    .uid('counted')
  await env.execute('changing load')
}

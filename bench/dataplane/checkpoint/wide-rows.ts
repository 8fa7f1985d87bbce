/**
 * A job whose keyed state is about 1 GiB: a row of 2 KiB for each of half a million keys, read, changed and written again with every element.
 * Two sources feed one task, so that its barriers are to be aligned. The sink behind it notes how long its input stood still around each
 * barrier, and how many keys came in between. Checkpoints set the pace: a round is from one barrier to the next.
 *
 *   load      every key once, as fast as it goes, and on until SETTLED checkpoints more are complete
 *   share s   the next ROUNDS rounds change that part of the keys each, the same number of elements per second whatever the share
 *
 * Arguments: file for what the sink saw (JSON, `BarrierNote[]`), number of keys.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import {
  StreamExecutionEnvironment,
  Types,
  WatermarkStrategy,
  type Collector,
  type KeyedProcessContext,
  type KeyedProcessFunction,
  type ReaderOutput,
  type RuntimeContext,
  type Sink,
  type SinkWriter,
  type Source,
  type SourceReader,
  type SourceReaderContext,
  type SplitEnumerator,
  type ValueState,
} from 'weft'

/** Parts of the keys that change between two barriers. */
export const SHARES = [0.001, 0.01, 0.1]
export const SOURCES = 2
const ROUNDS = 5
const SETTLED = 2
/** Elements of each source. */
const PER_MS = 16
const POLL_ROWS = 256
/** Prime, so that multiples of it meet every key of a smaller number of keys before the first again. */
const STRIDE = 1_000_003
const TEXT = 'A wide row is what a profile, a session or an order with its lines looks like. '.repeat(25)

/** One barrier, as the sink saw it. Times in ms. */
export interface BarrierNote {
  readonly checkpointId: number
  /** Elements and different keys of the round before it. */
  readonly elements: number
  readonly changed: number
  /** From the last element before the barrier to the first one after it. */
  readonly gap: Gap
  /** The longest wait between two other elements of the round: what the source's pace, the collector and reading snapshots amount to. */
  readonly longestOther: Gap
}

export interface Gap {
  readonly wall: number
  /** Without the time in which the thread could have run and another process had the CPU. */
  readonly own: number
}

interface Change {
  readonly key: number
}

interface Wide {
  readonly version: number
  readonly name: string
  readonly note: string
}

class PacedChanges implements Source<Change, number> {
  readonly boundedness = 'bounded'
  readonly #keys: number

  constructor(keys: number) {
    this.#keys = keys
  }

  /** Each subtask's split is its number, once. A restart ends the measurement, so nothing is kept for one. */
  createEnumerator(): SplitEnumerator<number> {
    const given = new Set<number>()
    return {
      start: () => undefined,
      nextSplit(subtask) {
        if (given.has(subtask)) return null
        given.add(subtask)
        return subtask
      },
      snapshotState: () => null,
      addSplitsBack: () => undefined,
    }
  }

  /** The subtask's keys: subtask, subtask + SOURCES, … */
  createReader({ subtaskIndex }: SourceReaderContext): SourceReader<Change, number> {
    const keys = Math.floor(this.#keys / SOURCES)
    const emit = (output: ReaderOutput<Change>, index: number): void => output.collect({ key: index * SOURCES + subtaskIndex })
    let begun = false
    let wake = (): void => undefined
    let loaded = 0
    let settled = 0
    /** Rounds since the state has settled; -1: it has not. */
    let round = -1
    let roundStart = 0
    let emitted = 0
    return {
      pollNext(output: ReaderOutput<Change>) {
        if (!begun) return 'NOTHING_AVAILABLE'
        if (loaded < keys) {
          for (let i = 0; i < POLL_ROWS && loaded < keys; i++) emit(output, loaded++)
          roundStart = performance.now()
          return 'MORE_AVAILABLE'
        }
        if (round >= SHARES.length * ROUNDS) return 'END_OF_INPUT'
        const share = round < 0 ? (SHARES[0] as number) : (SHARES[Math.floor(round / ROUNDS)] as number)
        const changing = Math.round(share * keys)
        const due = Math.floor((performance.now() - roundStart) * PER_MS) - emitted
        for (let i = 0; i < Math.min(due, POLL_ROWS); i++) {
          const step = (Math.max(0, round) * changing + (emitted++ % changing)) % keys
          emit(output, (step * STRIDE) % keys)
        }
        return due > POLL_ROWS ? 'MORE_AVAILABLE' : 'NOTHING_AVAILABLE'
      },
      isAvailable: () =>
        new Promise<void>((resolve) => {
          wake = resolve
          if (begun) setTimeout(resolve, 1)
        }),
      addSplits() {
        begun = true
        wake()
      },
      notifyNoMoreSplits: () => wake(),
      snapshotState() {
        if (settled >= SETTLED) round++
        roundStart = performance.now()
        emitted = 0
        return [subtaskIndex]
      },
      notifyCheckpointComplete() {
        if (loaded >= keys) settled++
      },
    }
  }
}

class Keep implements KeyedProcessFunction<number, Change, Change> {
  #row!: ValueState<Wide>

  open(context: RuntimeContext): void {
    this.#row = context.getState({ name: 'row' })
  }

  processElement(change: Change, context: KeyedProcessContext<number>, out: Collector<Change>): void {
    const row = this.#row.value() ?? newRow(context.getCurrentKey())
    this.#row.update({ ...row, version: row.version + 1 })
    out.collect(change)
  }
}

function newRow(key: number): Wide {
  return { version: 0, name: `customer ${key}`, note: TEXT }
}

const NO_GAP: Gap = { wall: 0, own: 0 }

/** Waits between calls. */
class Gaps {
  #last = performance.now()
  #waited = waitedForCpu()
  #sampled = this.#last

  next(): Gap {
    const now = performance.now()
    const wall = now - this.#last
    this.#last = now
    // Looking costs microseconds: once a millisecond is exact enough.
    if (now - this.#sampled < 1) return { wall, own: wall }
    const before = this.#waited
    this.#waited = waitedForCpu()
    this.#sampled = now
    return { wall, own: Math.max(0, wall - (this.#waited - before)) }
  }
}

/** Ms in which this thread was ready to run and did not, since its start. */
function waitedForCpu(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6
}

class Noting implements Sink<Change> {
  readonly #file: string
  readonly #keys: number

  constructor(file: string, keys: number) {
    this.#file = file
    this.#keys = keys
  }

  createWriter(): SinkWriter<Change> {
    const notes: BarrierNote[] = []
    const gaps = new Gaps()
    let atBarrier: number | undefined
    let round = 1
    let elements = 0
    let changed = 0
    let longestOther: Gap = NO_GAP
    /** By key, in which round it came last. */
    const seen = new Uint32Array(this.#keys)
    return {
      write: ({ key }) => {
        const gap = gaps.next()
        if (atBarrier !== undefined) {
          notes.push({ checkpointId: atBarrier, elements, changed, gap, longestOther })
          atBarrier = undefined
          round++
          elements = changed = 0
          longestOther = NO_GAP
        } else if (gap.own > longestOther.own) longestOther = gap
        elements++
        if (seen[key] !== round) {
          seen[key] = round
          changed++
        }
      },
      flush: (endOfInput) => {
        if (endOfInput) writeFileSync(this.#file, JSON.stringify(notes))
      },
      snapshotState: (checkpointId) => {
        atBarrier = checkpointId
        return []
      },
    }
  }
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const [file, keys] = env.args
  if (file === undefined || keys === undefined) throw new Error('two arguments are needed: a file, the number of keys')
  const Changes = Types.ROW({ key: Types.INT })
  env.setBufferTimeout(0)
  env
    .fromSource(new PacedChanges(Number(keys)), WatermarkStrategy.noWatermarks<Change>(), 'changes', Changes)
    .uid('changes')
    .setParallelism(SOURCES)
    .keyBy('key')
    .process(new Keep(), Changes)
    .uid('rows')
    .setParallelism(1)
    .sinkTo(new Noting(file, Number(keys)))
    .uid('notes')
    .setParallelism(1)
  await env.execute('a GiB of wide rows')
}

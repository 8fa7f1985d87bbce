/**
 * A job of one hop: a paced source (one subtask) stamps each row as it emits it, a hash exchange deals the rows out to the sinks of every
 * slot, and each sink notes how old its rows are. Stamps are of the machine's monotonic clock, the same in all its threads and processes.
 *
 * With `busy`, a task without an end of work runs in each slot beside them: it makes numbers that a filter drops.
 *
 * Arguments: directory for what source and sinks saw (`Seen`, a file each), rows per second, number of rows, `busy` or nothing.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import {
  StreamExecutionEnvironment,
  Types,
  WatermarkStrategy,
  type Sink,
  type SinkWriter,
  type Source,
  type SourceReader,
  type SplitEnumerator,
} from 'weft'

interface Tick {
  readonly key: number
  /** Ms of the monotonic clock. */
  readonly sent: number
}

export interface Seen {
  /** Process and thread. */
  readonly where: string
  /** Ms under way, in the order of arrival; of the source: none. */
  readonly latencies: readonly number[]
}

const KEYS = 1_000
/** The source looks for rows that are due this often, ms. */
const TICK_MS = 1
const NUMBERS_PER_POLL = 1_024

const [seconds, nanoseconds] = process.hrtime()
const offset = seconds * 1e3 + nanoseconds / 1e6 - performance.now()
const monotonic = (): number => performance.now() + offset

function note(directory: string, name: string, latencies: readonly number[]): void {
  const seen: Seen = { where: `${process.pid}/${threadId}`, latencies }
  writeFileSync(join(directory, `${name}.json`), JSON.stringify(seen))
}

class PacedTicks implements Source<Tick, number> {
  readonly boundedness = 'bounded'
  readonly #directory: string
  readonly #perMs: number
  readonly #rows: number

  constructor(directory: string, perSecond: number, rows: number) {
    this.#directory = directory
    this.#perMs = perSecond / 1000
    this.#rows = rows
  }

  createEnumerator(): SplitEnumerator<number> {
    return { start: () => undefined, nextSplit: () => null, snapshotState: () => [], addSplitsBack: () => undefined }
  }

  createReader(): SourceReader<Tick, number> {
    const [directory, perMs, rows] = [this.#directory, this.#perMs, this.#rows]
    let sent = 0
    let start: number | undefined
    return {
      pollNext(output) {
        const now = monotonic()
        start ??= now
        const due = Math.min(rows, Math.floor((now - start) * perMs) + 1)
        while (sent < due) output.collect({ key: sent++ % KEYS, sent: monotonic() })
        return sent < rows ? 'NOTHING_AVAILABLE' : 'END_OF_INPUT'
      },
      isAvailable: () => new Promise((resolve) => setTimeout(resolve, TICK_MS)),
      addSplits: () => undefined,
      notifyNoMoreSplits: () => undefined,
      snapshotState: () => [],
      close: () => note(directory, 'source', []),
    }
  }
}

/** Makes numbers as fast as it is asked to, for so many ms. */
class Numbers implements Source<number, number> {
  readonly boundedness = 'bounded'
  readonly #forMs: number

  constructor(forMs: number) {
    this.#forMs = forMs
  }

  createEnumerator(): SplitEnumerator<number> {
    return { start: () => undefined, nextSplit: () => null, snapshotState: () => [], addSplitsBack: () => undefined }
  }

  createReader(): SourceReader<number, number> {
    const end = monotonic() + this.#forMs
    return {
      pollNext(output) {
        for (let n = 0; n < NUMBERS_PER_POLL; n++) output.collect(n)
        return monotonic() < end ? 'MORE_AVAILABLE' : 'END_OF_INPUT'
      },
      isAvailable: () => Promise.resolve(),
      addSplits: () => undefined,
      notifyNoMoreSplits: () => undefined,
      snapshotState: () => [],
    }
  }
}

class LatencySink implements Sink<Tick> {
  readonly #directory: string
  readonly #rows: number

  constructor(directory: string, rows: number) {
    this.#directory = directory
    this.#rows = rows
  }

  createWriter({ subtaskIndex }: { readonly subtaskIndex: number }): SinkWriter<Tick> {
    const latencies = new Float64Array(this.#rows)
    let received = 0
    return {
      write: ({ sent }) => void (latencies[received++] = monotonic() - sent),
      flush: () => undefined,
      close: () => note(this.#directory, `sink-${subtaskIndex}`, [...latencies.subarray(0, received)]),
    }
  }
}

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const [directory = '', perSecond = '', rows = '', beside = ''] = env.args
  env
    .fromSource(
      new PacedTicks(directory, Number(perSecond), Number(rows)),
      WatermarkStrategy.noWatermarks<Tick>(),
      'ticks',
      Types.ROW({ key: Types.INT, sent: Types.DOUBLE }),
    )
    .setParallelism(1)
    .keyBy('key')
    .sinkTo(new LatencySink(directory, Number(rows)))
    .name('latencies')
  if (beside === 'busy')
    env
      .fromSource(
        new Numbers((Number(rows) / Number(perSecond)) * 1_000),
        WatermarkStrategy.noWatermarks<number>(),
        'numbers',
        Types.DOUBLE,
      )
      .filter((n) => n < 0)
      .print()
  await env.execute('hops')
}

/** A source and a sink of one's own, and the connectors of SQL's tables. `npx weft run examples/datastream/sources-and-sinks.ts [directory]` */
import { appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  StreamExecutionEnvironment,
  TableSink,
  TableSource,
  Types,
  WatermarkStrategy,
  type Committer,
  type EnumeratorContext,
  type InputStatus,
  type ReaderOutput,
  type Sink,
  type SinkWriter,
  type Source,
  type SourceReader,
  type SourceReaderContext,
  type SplitEnumerator,
} from 'weft'

/** Counts to ten, in splits of five. */
interface Numbers {
  from: number
  to: number
}

class NumberSource implements Source<number, Numbers> {
  readonly boundedness = 'bounded'

  createEnumerator(_context: EnumeratorContext): SplitEnumerator<Numbers> {
    let waiting: Numbers[] = []
    return {
      start: (restored) => {
        waiting = (restored as Numbers[] | undefined) ?? [
          { from: 1, to: 5 },
          { from: 6, to: 10 },
        ]
      },
      nextSplit: () => waiting.shift() ?? null,
      snapshotState: () => waiting,
      addSplitsBack: (splits) => void waiting.push(...splits),
    }
  }

  createReader(context: SourceReaderContext): SourceReader<number, Numbers> {
    let splits: Numbers[] = []
    let last = false
    let wake = () => undefined as void
    return {
      pollNext(output: ReaderOutput<number>): InputStatus {
        const [split] = splits
        if (split === undefined) return last ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE'
        output.collect(split.from++, Date.UTC(2024, 0, 1))
        if (split.from > split.to) {
          splits = splits.slice(1)
          context.sendSplitRequest()
        }
        return 'MORE_AVAILABLE'
      },
      isAvailable: () => new Promise<void>((resolve) => (wake = resolve)),
      addSplits(added) {
        splits.push(...added)
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

/** Lines of a file: they are in it when their checkpoint is complete. */
class LineSink implements Sink<string, string> {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  createWriter(): SinkWriter<string, string> {
    let lines: string[] = []
    return {
      write: (line) => void lines.push(line),
      flush: () => undefined,
      prepareCommit: () => [lines.splice(0).join('\n')],
    }
  }

  createCommitter(): Committer<string> {
    return { commit: async (parts) => appendFile(this.#file, parts.map((part) => `${part}\n`).join('')) }
  }
}

const Sensor = Types.ROW({ id: Types.INT, name: Types.STRING })

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  // The directory is an argument, or below the system's own: the same on each worker, for main runs there again.
  const directory = env.args[0] ?? join(tmpdir(), 'weft-example-lines')
  const file = join(directory, 'lines.txt')

  env
    .fromSource(new NumberSource(), WatermarkStrategy.noWatermarks<number>(), 'numbers', Types.DOUBLE)
    .map((n) => `line ${n}`, Types.STRING)
    .sinkTo(new LineSink(file))
    .name('lines')
    .uid('lines')
    .setParallelism(1)
    .disableChaining()
  if (env.args[0] !== undefined) await env.execute('lines')

  const rows = env.fromSource(
    TableSource.of(
      {
        connector: 'datagen',
        'number-of-rows': '3',
        'fields.id.kind': 'sequence',
        'fields.id.start': '1',
        'fields.id.end': '3',
        'fields.name.length': '2',
      },
      Sensor,
    ),
    WatermarkStrategy.forMonotonousTimestamps<{ id: number; name: string }>().withTimestampAssigner(({ id }) => id),
    'sensors',
  )
  rows.map(({ id }) => id).print('sensor')
  rows.filter(({ id }) => id > 3).sinkTo(TableSink.of({ connector: 'print' }, Sensor))
  await env.execute('sensors')
}

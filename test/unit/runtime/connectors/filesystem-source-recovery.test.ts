import { expect } from 'chai'
import fc from 'fast-check'
import { FileSystems } from '#core/fs/file-systems.js'
import { setLogSink, type LogRecord } from '#core/log/logger.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { FileSplitEnumerator } from '#runtime/connectors/filesystem/enumerator.js'
import { splitFile, type Split } from '#runtime/connectors/filesystem/split.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import type { SourceOperator } from '#runtime/operators/operator.js'
import { failure, rowsOf } from '../formats/decode-support.js'
import { coordinatorContext, operatorContext, sourceSpec } from './operator-support.js'
import { MemoryFileSystem } from './memory-file-system.js'

const AB = schema(['a', INT], ['b', STRING])
const IN = 'file:///data/in'

interface Reader {
  readonly source: SourceOperator
  readonly batches: unknown[][]
  /** The task's: a poll that waits. */
  polling: boolean
  ended: boolean
  failure: unknown
  gone: boolean
}

interface Snapshot {
  readonly enumerator: unknown
  readonly splits: readonly (readonly unknown[])[]
  /** Rows that were emitted before it, by subtask. */
  readonly durable: readonly (readonly unknown[][])[]
}

/** A job with one source: its readers, its enumerator, and chunks and answers that come when the test says so. */
class Job {
  readonly files = new MemoryFileSystem()
  readonly fileSystems = new FileSystems('/')
  readonly environment = virtualEnvironment()
  readonly spec
  enumerator: FileSplitEnumerator
  readers: Reader[] = []
  snapshot: Snapshot | undefined
  /** Requests for splits that have not reached the enumerator, and chunks that are on their way. */
  requests: (() => void)[] = []
  chunks: (() => void)[] = []
  /** By subtask: what the enumerator handed out since the snapshot. */
  handedOut: unknown[][] = []
  /** Rows of readers that a rescale has replaced. */
  earlier: unknown[][] = []
  readonly splits: Split[] | undefined

  constructor(contents: readonly Buffer[], options: Record<string, string>, chunkBytes: number, maxSplitBytes: number | undefined) {
    this.fileSystems.register('file', this.files, 'file:///')
    this.files.chunkBytes = chunkBytes
    this.files.directories.add(IN)
    contents.forEach((bytes, i) => this.files.files.set(`${IN}/${i}`, bytes))
    this.files.beforeChunk = () => new Promise((resolve) => this.chunks.push(resolve))
    this.spec = sourceSpec(AB, { connector: 'filesystem', path: IN, ...options })
    this.enumerator = this.newEnumerator()
    this.splits = contents.flatMap((bytes, i) =>
      splitFile(
        { path: `${IN}/${i}`, directory: false, length: bytes.length, modificationTime: 0 },
        maxSplitBytes !== undefined,
        maxSplitBytes,
      ),
    )
  }

  newEnumerator(): FileSplitEnumerator {
    return new FileSplitEnumerator(this.spec, coordinatorContext({ fileSystems: this.fileSystems, environment: this.environment }))
  }

  async start(parallelism: number): Promise<void> {
    await this.enumerator.start(this.snapshot?.enumerator ?? { splits: this.splits })
    this.handedOut = Array.from({ length: parallelism }, () => [])
    const items = this.snapshot?.splits.flat() ?? []
    const same = this.snapshot?.splits.length === parallelism
    this.earlier = same ? [] : (this.snapshot?.durable.flat() ?? [])
    this.readers = await Promise.all(
      Array.from({ length: parallelism }, (_, subtask) =>
        this.startReader(
          subtask,
          parallelism,
          same ? (this.snapshot?.splits[subtask] ?? []) : items.filter((_item, i) => i % parallelism === subtask),
          same ? (this.snapshot?.durable[subtask] ?? []) : [],
        ),
      ),
    )
  }

  async startReader(subtask: number, parallelism: number, splits: readonly unknown[], durable: readonly unknown[][]): Promise<Reader> {
    const source = await loadSource(this.spec)
    const reader: Reader = { source, batches: [...durable], polling: false, ended: false, failure: undefined, gone: false }
    const coordinator = () =>
      new Promise<unknown>((resolve, reject) =>
        this.requests.push(() => {
          // Who asked is gone by now: nobody answers.
          if (reader.gone) return
          this.enumerator.nextSplit(subtask).then((split) => {
            if (reader.gone) return
            if (split !== null) this.handedOut[subtask]?.push(split)
            resolve({ split: JSON.parse(JSON.stringify(split)) })
          }, reject)
        }),
      )
    await source.open?.(operatorContext({ fileSystems: this.fileSystems, subtask, parallelism, coordinator }), {
      collect: (batch) => {
        expect(reader.polling, 'emitted while waiting').to.equal(false)
        reader.batches.push(...rowsOf(batch))
      },
      emitWatermark: () => undefined,
    })
    if (this.snapshot !== undefined) await source.restoreState?.({ keyed: nothing(), lists: { splits: copy(splits) } })
    return reader
  }

  poll(index: number): void {
    const reader = this.readers[index % this.readers.length]
    if (reader === undefined || reader.polling || reader.ended) return
    const polled = reader.source.poll()
    if (!(polled instanceof Promise)) return void (reader.ended = polled === 'end')
    reader.polling = true
    polled.then(
      (answer) => {
        reader.polling = false
        reader.ended = answer === 'end'
      },
      (error: unknown) => (reader.failure = error),
    )
  }

  /** As the coordinator and the tasks take it: what was answered has arrived, what is asked meanwhile waits. */
  take(): void {
    const enumerator = copy(this.enumerator.snapshotState())
    this.snapshot = {
      enumerator,
      splits: this.readers.map(({ source }) =>
        copy(source.snapshotState?.({ checkpointId: 1, full: false }).lists?.['splits']?.items ?? []),
      ),
      durable: [...this.readers.map(({ batches }) => [...batches])].map((rows, i) => (i === 0 ? [...this.earlier, ...rows] : rows)),
    }
    this.handedOut = this.readers.map(() => [])
  }

  async restart(parallelism: number): Promise<void> {
    for (const reader of this.readers) reader.gone = true
    this.enumerator = this.newEnumerator()
    await this.start(parallelism)
  }

  /** One reader fails, the others go on. */
  async fail(index: number): Promise<void> {
    const subtask = index % this.readers.length
    const reader = this.readers[subtask] as Reader
    if (this.snapshot !== undefined && this.snapshot.splits.length !== this.readers.length) return this.restart(this.readers.length)
    reader.gone = true
    this.enumerator.addSplitsBack(copy(this.handedOut[subtask] ?? []), subtask)
    this.handedOut[subtask] = []
    const durable = this.snapshot?.durable[subtask] ?? []
    this.readers[subtask] = await this.startReader(subtask, this.readers.length, this.snapshot?.splits[subtask] ?? [], durable)
    if (this.snapshot !== undefined && subtask === 0) this.earlier = []
  }

  rows(): unknown[][] {
    return [...this.earlier, ...this.readers.flatMap(({ batches }) => batches)]
  }
}

async function* nothing(): AsyncGenerator<never> {}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

type Step =
  | { readonly do: 'poll' | 'fail'; readonly subtask: number }
  | { readonly do: 'chunk' | 'answer'; readonly which: number }
  | { readonly do: 'snapshot' }
  | { readonly do: 'restart'; readonly parallelism: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('poll' as const), subtask: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('chunk' as const), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'snapshot' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), parallelism: fc.constantFrom(1, 1, 2, 3, 4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), subtask: fc.nat(3) }) },
)

function run<T>(from: T[], which: number): T | undefined {
  return from.splice(which % Math.max(1, from.length), 1)[0]
}

async function play(job: Job, each: Step): Promise<void> {
  switch (each.do) {
    case 'poll':
      return job.poll(each.subtask)
    case 'chunk':
      return run(job.chunks, each.which)?.()
    case 'answer':
      return run(job.requests, each.which)?.()
    case 'snapshot':
      return job.take()
    case 'restart':
      return job.restart(each.parallelism)
    case 'fail':
      return job.fail(each.subtask)
  }
}

async function readAll(job: Job): Promise<void> {
  while (job.readers.some((reader) => !reader.ended)) {
    job.readers.forEach((reader, i) => {
      if (reader.failure !== undefined) throw reader.failure
      job.poll(i)
    })
    for (const resume of [...job.chunks.splice(0), ...job.requests.splice(0)]) resume()
    await settle()
  }
}

const text = fc.string({ unit: fc.constantFrom('x', 'é', ',', '"', '\n', '\r\n', '\ufeff', ' '), maxLength: 8 })

const FORMATS: readonly {
  readonly name: string
  readonly options: Record<string, string>
  readonly cut: boolean
  readonly text: fc.Arbitrary<string>
  line(row: readonly [number, string]): string
}[] = [
  {
    name: 'csv with quoted line ends',
    options: { format: 'csv' },
    cut: false,
    text,
    line: ([a, b]) => `${a},"${b.replaceAll('"', '""')}"\r\n`,
  },
  {
    name: 'csv without quotes, lines that are skipped',
    options: { format: 'csv', 'csv.disable-quote-character': 'true', 'csv.allow-comments': 'true', 'csv.ignore-parse-errors': 'true' },
    cut: true,
    text: text.map((value) => value.replace(/[,\r\n]/g, '')),
    line: ([a, b]) => `#${b}\n\n${a},${b}\n1,2,3\n`,
  },
  { name: 'json', options: { format: 'json' }, cut: true, text, line: ([a, b]) => `${JSON.stringify({ a, b })}\n\n` },
]

describe('filesystem source over snapshots and failures', () => {
  for (const format of FORMATS) {
    it(`reads every row of ${format.name} exactly once`, async () => {
      const file = fc.array(fc.tuple(fc.nat(1000), format.text), { maxLength: 12 })
      await fc.assert(
        fc.asyncProperty(
          fc.array(file, { minLength: 1, maxLength: 3 }),
          fc.boolean(),
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 5, max: 60 }),
          fc.integer({ min: 1, max: 4 }),
          fc.array(step, { minLength: 15, maxLength: 60, size: 'max' }),
          async (files, openEnd, chunkBytes, splitBytes, parallelism, steps) => {
            const contents = files.map((rows) => {
              const written = rows.map(format.line).join('')
              return Buffer.from(openEnd ? written.replace(/\r?\n$/, '') : written)
            })
            const job = new Job(contents, format.options, chunkBytes, format.cut ? splitBytes : undefined)
            await job.start(parallelism)
            for (const each of steps) {
              await play(job, each)
              await settle()
            }
            await readAll(job)
            const order = (rows: readonly (readonly unknown[])[]) => rows.map((row) => JSON.stringify(row)).sort()
            expect(order(job.rows())).to.deep.equal(order(files.flat()))
          },
        ),
        { numRuns: 25 },
      )
    })
  }
})

describe('a split that is read on', () => {
  it('keeps a row that begins with the bytes of a byte order mark', async () => {
    const job = new Job([Buffer.from('1,x\n\ufeff2,y\n')], { format: 'csv', 'csv.ignore-parse-errors': 'true' }, 100, undefined)
    const split = job.splits?.[0] as Split
    job.snapshot = { enumerator: { splits: [] }, splits: [[{ ...split, position: 4 }]], durable: [[]] }
    await job.start(1)
    await readAll(job)
    // '\ufeff2' is no number; without the mark it would be 2.
    expect(job.rows()).to.deep.equal([[null, 'y']])
  })

  it('names the line of a malformed row', async () => {
    const job = new Job([Buffer.from('1,x\n2,y\nz,z\n')], { format: 'csv' }, 100, undefined)
    job.snapshot = { enumerator: { splits: [] }, splits: [[{ ...(job.splits?.[0] as Split), position: 4 }]], durable: [[]] }
    await job.start(1)
    const error = await failure(() => readAll(job))
    expect(error.message).to.contain('file:///data/in/0, line 3, column 1')
  })
})

describe('a watched directory', () => {
  const records: LogRecord[] = []
  before(() => setLogSink((record) => void records.push(record)))
  after(() => setLogSink(() => undefined))

  const options = { format: 'csv', 'source.monitor-interval': '10 s' }

  async function answerOf(split: Promise<Split | null>): Promise<Split | null | 'waits'> {
    return Promise.race([
      split,
      settle()
        .then(() => settle())
        .then(() => 'waits' as const),
    ])
  }

  it('hands out files as they come, each once, over a restore', async () => {
    const job = new Job([Buffer.from('1,a\n')], options, 100, undefined)
    const names = (split: Split | null | 'waits') => (typeof split === 'string' ? split : (split?.path.slice(-1) ?? null))
    await job.enumerator.start()
    expect(names(await answerOf(job.enumerator.nextSplit(0)))).to.equal('0')
    const [first, second] = [job.enumerator.nextSplit(0), job.enumerator.nextSplit(1)]
    expect([await answerOf(first), await answerOf(second)]).to.deep.equal(['waits', 'waits'])
    job.files.files.set(`${IN}/1`, Buffer.from('2,b\n'))
    job.environment.advance(9_999)
    expect(await answerOf(first)).to.equal('waits')
    job.environment.advance(1)
    await settle()
    expect(names(await answerOf(first))).to.equal('1')
    const state = copy(job.enumerator.snapshotState())
    job.files.files.set(`${IN}/2`, Buffer.from('3,c\n'))
    job.environment.advance(10_000)
    await settle()
    expect(names(await answerOf(second))).to.equal('2')
    await job.enumerator.close()

    const restored = job.newEnumerator()
    await restored.start(state)
    const again = restored.nextSplit(0)
    job.environment.advance(10_000)
    await settle()
    expect(names(await answerOf(again))).to.equal('2')
    const waiting = restored.nextSplit(0)
    await restored.close()
    expect(await answerOf(waiting)).to.equal(null)
    expect(job.environment.nextTimer()).to.equal(undefined)
  })

  it('keeps what it was restored with, whatever the listing of a start before finds out', async () => {
    const job = new Job([Buffer.from('1,a\n')], options, 100, undefined)
    const superseded = job.enumerator.start()
    await job.enumerator.start({ splits: job.splits, processedPaths: [`${IN}/0`] })
    await superseded
    expect(copy(job.enumerator.snapshotState())).to.deep.equal(copy({ splits: job.splits, processedPaths: [`${IN}/0`] }))
  })

  it('gives nothing to a reader that is gone', async () => {
    const job = new Job([Buffer.from('1,a\n')], options, 100, undefined)
    await job.enumerator.start()
    const split = await job.enumerator.nextSplit(0)
    const gone = job.enumerator.nextSplit(0)
    job.enumerator.addSplitsBack([split], 0)
    expect(await answerOf(gone)).to.equal(null)
    expect(await answerOf(job.enumerator.nextSplit(0))).to.deep.equal(split)
    const first = job.enumerator.nextSplit(0)
    const next = job.enumerator.nextSplit(0)
    expect([await answerOf(first), await answerOf(next)]).to.deep.equal([null, 'waits'])
  })

  it('outlasts a file system that does not answer for a while, not one that is gone', async () => {
    const job = new Job([Buffer.from('1,a\n')], options, 100, undefined)
    await job.enumerator.start()
    await job.enumerator.nextSplit(0)
    const waiting = job.enumerator.nextSplit(0)
    job.files.directories.delete(IN)
    for (let i = 0; i < 9; i++) {
      job.environment.advance(10_000)
      await settle()
    }
    expect(await answerOf(waiting)).to.equal('waits')
    job.environment.advance(10_000)
    const error = await waiting.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).to.include({ code: 'SOURCE_PATH_NOT_FOUND' })
    expect(records.map(({ message }) => message)).to.include('file:///data/in could not be listed (9 of 10 times in a row)')
  })
})

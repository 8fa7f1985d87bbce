import { expect } from 'chai'
import fc from 'fast-check'
import type { JobId } from '#core/ids/ids.js'
import { setLogSink, type LogRecord } from '#core/log/logger.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { INT, notNull } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import type { Operator } from '#runtime/operators/operator.js'
import { FileCommitter } from '#runtime/connectors/filesystem/committer.js'
import { loadSink } from '#runtime/connectors/load-sink.js'
import { batchOf, failure } from '../formats/decode-support.js'
import { collectingOutput, coordinatorContext, operatorContext, sinkSpec } from './operator-support.js'
import { InjectedFailure, MemoryFileSystem } from './memory-file-system.js'

/** NOT NULL, so that the enforcer stands before the sink and has to pass everything on. */
const OF = schema(['a', notNull(INT)])
const OUT = 'file:///data/out'
const ROWS = 40

interface Subtask {
  readonly sink: Operator
  /** Rows it has yet to write. */
  rows: number[]
}

/** A complete checkpoint. */
interface Checkpoint {
  readonly checkpointId: number
  readonly rows: readonly (readonly number[])[]
  readonly committables: readonly (readonly unknown[])[]
  readonly intervals: readonly unknown[]
}

/** A job with one sink: its tasks, its master, and what outlives both. */
class Job {
  readonly files = new MemoryFileSystem()
  readonly fileSystems = new FileSystems('/')
  readonly spec = sinkSpec(OF, { connector: 'filesystem', path: OUT, format: 'csv', 'sink.rolling-policy.file-size': '12 b' })
  checkpoint: Checkpoint | undefined
  nextId = 1
  attempt = 0
  committer: FileCommitter
  subtasks: Subtask[] = []

  constructor() {
    this.fileSystems.register('file', this.files, 'file:///')
    this.committer = this.newCommitter()
  }

  newCommitter(): FileCommitter {
    return new FileCommitter(this.spec, coordinatorContext({ fileSystems: this.fileSystems }))
  }

  /** Everything starts again; `newMaster`: the committer's memory is lost. Repeated until no failure comes between. */
  async restart(parallelism: number, newMaster: boolean): Promise<void> {
    for (let fresh = newMaster; ; fresh = true) {
      if (fresh) this.committer = this.newCommitter()
      try {
        const { checkpoint } = this
        await this.committer.start(
          checkpoint && { checkpointId: checkpoint.checkpointId, committables: JSON.parse(JSON.stringify(checkpoint.committables.flat())) },
        )
        break
      } catch (error) {
        if (!(error instanceof InjectedFailure)) throw error
      }
    }
    const left = this.checkpoint?.rows.flat() ?? Array.from({ length: ROWS }, (_, row) => row)
    const dealt = Array.from({ length: parallelism }, (_, subtask) => left.filter((_row, i) => i % parallelism === subtask))
    const same = this.checkpoint?.rows.length === parallelism
    this.subtasks = await Promise.all(
      dealt.map((rows, subtask) => this.startTask(subtask, parallelism, same ? [...(this.checkpoint?.rows[subtask] ?? [])] : rows)),
    )
    expect(this.visible(), 'after a restart').to.deep.equal(this.done())
  }

  async startTask(subtask: number, parallelism: number, rows: number[]): Promise<Subtask> {
    const sink = await loadSink(this.spec)
    await sink.open?.(operatorContext({ fileSystems: this.fileSystems, subtask, parallelism, attempt: this.attempt++ }), collectingOutput())
    if (this.checkpoint !== undefined) await sink.restoreState?.({ keyed: nothing(), lists: { interval: this.checkpoint.intervals } })
    return { sink, rows }
  }

  /** One task fails, the others go on. */
  async restartOne(index: number): Promise<void> {
    const subtask = index % this.subtasks.length
    const { checkpoint, subtasks } = this
    if (checkpoint === undefined || checkpoint.rows.length !== subtasks.length) return this.restart(subtasks.length, false)
    await subtasks[subtask]?.sink.close?.(true)
    const committables = checkpoint.committables[subtask] ?? []
    await this.committer.start({ checkpointId: checkpoint.checkpointId, committables }, [subtask])
    subtasks[subtask] = await this.startTask(subtask, subtasks.length, [...(checkpoint.rows[subtask] ?? [])])
  }

  async write(index: number, count: number): Promise<void> {
    const subtask = this.subtasks[index % this.subtasks.length]
    const rows = subtask?.rows.splice(0, count) ?? []
    if (rows.length > 0) {
      await subtask?.sink.processBatch(
        batchOf(
          OF,
          rows.map((row) => [row]),
        ),
        0,
      )
    }
  }

  /** `outcome`: complete and committed; complete, but the master is lost before it commits; given up. */
  async takeCheckpoint(outcome: 'committed' | 'complete' | 'aborted' | 'unheard'): Promise<void> {
    const checkpointId = this.nextId++
    const parts = this.subtasks.map(({ sink, rows }) => {
      const prepared = Promise.resolve(sink.prepareCommit?.() ?? [])
      prepared.catch(() => undefined)
      const { lists } = sink.snapshotState?.({ checkpointId, full: false }) ?? {}
      return { prepared, rows: [...rows], intervals: lists?.['interval']?.items ?? [] }
    })
    // Rows go on behind the barrier while the files before it are closed.
    for (let index = 0; index < this.subtasks.length; index++) await this.write(index, 1)
    const committables = await Promise.all(parts.map(({ prepared }) => prepared))
    if (outcome === 'aborted') {
      for (const { sink } of this.subtasks) sink.checkpointAborted?.(checkpointId)
      return
    }
    this.checkpoint = {
      checkpointId,
      rows: parts.map(({ rows }) => rows),
      committables,
      intervals: parts.flatMap((part) => part.intervals),
    }
    if (outcome === 'complete') return
    await this.committer.commit(committables.flat(), false)
    expect(this.visible(), 'after a commit').to.deep.equal(this.done())
    if (outcome === 'committed') for (const { sink } of this.subtasks) sink.checkpointComplete?.(checkpointId)
  }

  async end(): Promise<void> {
    for (let index = 0; index < this.subtasks.length; index++) await this.write(index, ROWS)
    const committables: unknown[] = []
    for (const { sink } of this.subtasks) {
      await sink.endInput(0)
      committables.push(...((await sink.prepareCommit?.()) ?? []))
      await sink.close?.(false)
    }
    await this.committer.commit(committables, true)
  }

  visible(): number[] {
    const rows: number[] = []
    for (const [path, bytes] of this.files.files) {
      if (!/^file:\/\/\/data\/out\/part-[0-9a-f-]+$/.test(path)) continue
      const text = bytes.toString()
      expect(text, path).to.match(/^(\d+\n)+$/)
      rows.push(...text.trimEnd().split('\n').map(Number))
    }
    return rows.sort((a, b) => a - b)
  }

  /** Rows before the newest complete checkpoint. */
  done(): number[] {
    const left = new Set(this.checkpoint?.rows.flat() ?? Array.from({ length: ROWS }, (_, row) => row))
    return Array.from({ length: ROWS }, (_, row) => row).filter((row) => !left.has(row))
  }
}

async function* nothing(): AsyncGenerator<never> {}

type Step =
  | { readonly do: 'write'; readonly subtask: number; readonly rows: number }
  | { readonly do: 'checkpoint'; readonly outcome: 'committed' | 'complete' | 'aborted' | 'unheard' }
  | { readonly do: 'crash'; readonly parallelism: number; readonly newMaster: boolean }
  | { readonly do: 'fail'; readonly subtask: number }
  | { readonly do: 'endAndCrash' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), subtask: fc.nat(3), rows: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('checkpoint' as const),
      outcome: fc.constantFrom('committed' as const, 'complete' as const, 'aborted' as const, 'unheard' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crash' as const), parallelism: fc.integer({ min: 1, max: 4 }), newMaster: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), subtask: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'endAndCrash' as const }) },
)

async function play(job: Job, each: Step): Promise<void> {
  switch (each.do) {
    case 'write':
      return job.write(each.subtask, each.rows)
    case 'checkpoint':
      await job.takeCheckpoint(each.outcome)
      // Whoever completed a checkpoint and did not commit it is gone.
      if (each.outcome === 'complete') await job.restart(job.subtasks.length, true)
      return
    case 'crash':
      return job.restart(each.parallelism, each.newMaster)
    case 'fail':
      return job.restartOne(each.subtask)
    case 'endAndCrash':
      await job.end()
      expect(job.visible(), 'at the end').to.deep.equal(Array.from({ length: ROWS }, (_, row) => row))
      // All is done, but nobody was told.
      return job.restart(2, true)
  }
}

describe('filesystem sink over failures', () => {
  it('shows exactly the rows before the newest complete checkpoint, and all of them once at the end, whatever fails', async () => {
    let failures = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14, size: 'max' }),
        fc.array(fc.record({ calls: fc.integer({ min: 1, max: 30 }), behind: fc.boolean() }), { maxLength: 4, size: 'max' }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, faults, parallelism) => {
          const job = new Job()
          const arm = () => {
            const fault = faults.shift()
            job.files.failIn = fault?.calls ?? Infinity
            job.files.failsBehind = fault?.behind ?? false
          }
          faults = [...faults]
          await job.restart(parallelism, true)
          arm()
          const attempt = async (action: () => Promise<void>): Promise<boolean> => {
            try {
              await action()
              return true
            } catch (error) {
              if (!(error instanceof InjectedFailure)) throw error
              failures++
              arm()
              await job.restart(job.subtasks.length, faults.length % 2 === 0)
              return false
            }
          }
          for (const each of steps) await attempt(() => play(job, each))
          while (!(await attempt(() => job.end())));
          expect(job.visible()).to.deep.equal(Array.from({ length: ROWS }, (_, row) => row))
          // What a failed start could not remove is removed at the latest here.
          expect([...job.files.files.keys()].filter((path) => path.includes('.staging'))).to.deep.equal([])
        },
      ),
      { numRuns: 25 },
    )
    expect(failures, 'injected failures').to.be.above(0)
  })
})

describe('filesystem sink with checkpoints', () => {
  async function written(job: Job, checkpoints: number): Promise<void> {
    await job.restart(2, true)
    for (let i = 0; i < checkpoints; i++) {
      for (const subtask of [0, 1]) await job.write(subtask, 2)
      await job.takeCheckpoint('committed')
    }
  }
  const shown = (job: Job) => [...job.files.files.keys()].filter((path) => /\/out\/part-/.test(path))

  it('names files by the checkpoint that their rows came after, and makes none for a subtask without rows', async () => {
    const job = new Job()
    await job.restart(1, true)
    await job.write(0, 1)
    await job.takeCheckpoint('committed')
    await job.takeCheckpoint('committed')
    await job.restart(1, true)
    await job.write(0, 1)
    await job.takeCheckpoint('committed')
    // Each checkpoint of this job writes a row behind its barrier.
    expect(shown(job).map((path) => path.replace(/.*part-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, ''))).to.have.members([
      '-0-0',
      '-0-2-0',
      '-0-3-0',
    ])
  })

  it('keeps what checkpoints committed when the job is given up, and nothing else', async () => {
    const job = new Job()
    await written(job, 2)
    const committed = shown(job)
    await job.write(0, 5)
    await job.committer.abort()
    expect([...job.files.files.keys()]).to.deep.equal(committed)
    expect(job.visible()).to.deep.equal(job.done())
  })

  it('takes back what the end of the job showed, when another of its sinks fails', async () => {
    const job = new Job()
    await written(job, 2)
    const committed = shown(job)
    await job.end()
    expect(shown(job).length).to.be.above(committed.length)
    await job.committer.abort()
    expect(shown(job)).to.deep.equal(committed)
  })

  it('goes on when a reader has moved committed files away', async () => {
    const job = new Job()
    await written(job, 2)
    for (const path of shown(job)) job.files.files.delete(path)
    const records: LogRecord[] = []
    setLogSink((record) => void records.push(record))
    const { checkpoint } = job
    const restored = { checkpointId: checkpoint?.checkpointId ?? 0, committables: checkpoint?.committables.flat() ?? [] }
    await job.newCommitter().start(restored)
    setLogSink(() => undefined)
    expect(records[0]?.message).to.contain('moved away by a reader')
    // The staging directory gone, too: somebody cleared the place, and files may be lost.
    await job.files.delete(`${OUT}`)
    job.files.directories.add(OUT)
    const error = await failure(() => job.newCommitter().start(restored))
    expect(error).to.include({ code: 'SINK_COMMIT_FAILED' })
  })

  it('commits what the checkpoint of another job holds, and leaves the rest of that job alone', async () => {
    const job = new Job()
    await written(job, 1)
    await job.write(0, 2)
    await job.takeCheckpoint('complete')
    await job.write(0, 1)
    await job.subtasks[0]?.sink.prepareCommit?.()
    const staged = (of: Job) => [...of.files.files.keys()].filter((path) => path.includes('.staging'))
    const { checkpoint } = job
    const jobId = 'f'.repeat(32) as JobId
    const committer = new FileCommitter(job.spec, { ...coordinatorContext({ fileSystems: job.fileSystems }), jobId })
    const before = staged(job).length
    await committer.start({ checkpointId: checkpoint?.checkpointId ?? 0, committables: checkpoint?.committables.flat() ?? [] })
    expect(job.visible()).to.deep.equal(job.done())
    expect(staged(job).length).to.be.within(1, before - 1)
    await committer.commit([], true)
    expect(job.visible()).to.deep.equal(job.done())
  })

  it('refuses a staged file that was cut', async () => {
    const job = new Job()
    await job.restart(1, true)
    await job.write(0, 3)
    const [part] = ((await job.subtasks[0]?.sink.prepareCommit?.()) ?? []) as { staged: string; staging: string }[]
    const path = `${OUT}/${part?.staging}/${part?.staged}`
    job.files.files.set(path, (job.files.files.get(path) as Buffer).subarray(0, 3))
    const error = await failure(() => job.committer.commit([part], false))
    expect(error.message).to.match(/has 3 instead of the \d+ bytes that were written/)
    expect(shown(job)).to.deep.equal([])
  })
})

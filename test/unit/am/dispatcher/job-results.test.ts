import { expect } from 'chai'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobFinished, StatementRunner } from '#am/application/statement-runner.js'
import { JobResultUnreadable, openJobResultStore, type JobResultRecord, type JobResultStore } from '#am/dispatcher/job-result-store.js'
import { jobDetails } from '#am/rest/views/job-view.js'
import type { JobMaster } from '#am/jobmaster/job-master.js'
import { describeFailure } from '#am/application/describe-failure.js'
import { FileSystemFailed } from '#core/fs/errors.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import type { JobId } from '#core/ids/ids.js'
import type { StatementEffect } from '#sql/session/statement-effect.js'
import { JOB, sourceToCollect, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const insert: StatementEffect = { kind: 'job', jobGraph: sourceToSink(), columns: null, wait: true }
const METRICS = {
  recordsIn: 3,
  recordsOut: 5,
  bytesIn: 30,
  bytesOut: 50,
  busyMs: 1,
  idleMs: 2,
  backPressuredMs: 3,
  watermark: 7,
  lateRecordsDropped: 0,
}
const RECORD: JobResultRecord = {
  version: 1,
  jobId: JOB,
  name: 'copy',
  statement: 0,
  state: 'FINISHED',
  startTime: 1000,
  endTime: 4000,
  metrics: [METRICS, METRICS],
  failure: null,
}

/** Keeps what is added; finds what it is given. */
class MemoryStore implements JobResultStore {
  readonly added: JobResultRecord[] = []
  readonly #earlier: readonly JobResultRecord[]
  constructor(earlier: readonly JobResultRecord[] = []) {
    this.#earlier = earlier
  }
  find(jobId: JobId): JobResultRecord | undefined {
    return this.#earlier.find((record) => record.jobId === jobId)
  }
  add(record: JobResultRecord): Promise<void> {
    this.added.push(record)
    return Promise.resolve()
  }
}

describe('the store of job results', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weft-results-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const open = (attempt: number, fileSystem: FileSystem = localFileSystem) =>
    openJobResultStore(fileSystem, `file://${folder}/results`, attempt)

  it('gives a later attempt what an earlier one wrote, and the first nothing', async () => {
    const first = await open(1)
    expect(first.find(JOB)).to.equal(undefined)
    await first.add(RECORD)
    expect(readdirSync(join(folder, 'results'))).to.deep.equal([`${JOB}.json`])
    expect(statSync(join(folder, 'results', `${JOB}.json`)).mode & 0o777).to.equal(0o600)
    const second = await open(2)
    expect(second.find(JOB)).to.deep.equal(RECORD)
    expect(second.find('b'.repeat(32) as JobId)).to.equal(undefined)
    await second.add({ ...RECORD, endTime: 5000 }) // written anew
    expect((await open(3)).find(JOB)?.endTime).to.equal(5000)
  })

  it('is empty where nothing was written, and passes over what is half written', async () => {
    expect((await open(2)).find(JOB)).to.equal(undefined)
    const broken: FileSystem = {
      ...localFileSystem,
      rename: () => Promise.reject(new FileSystemFailed({ path: folder, operation: 'rename', reason: 'killed here' })),
    }
    await (await open(1, broken)).add(RECORD).catch(() => undefined)
    expect((await open(2)).find(JOB)).to.equal(undefined)
  })

  it('does not run on when a record cannot be understood', async () => {
    await (await open(1)).add(RECORD)
    const path = join(folder, 'results', `${JOB}.json`)
    for (const wrong of [
      '{',
      '{}',
      JSON.stringify({ ...RECORD, state: 'RUNNING' }),
      JSON.stringify({ ...RECORD, jobId: 'c'.repeat(32) }),
    ]) {
      writeFileSync(path, wrong)
      expect(await open(2).catch((error: unknown) => error)).to.satisfy(JobResultUnreadable.is)
    }
  })
})

describe('a job and its record', () => {
  async function run(results: JobResultStore, end: 'FINISHED' | 'FAILED'): Promise<MiniMaster> {
    const master = new MiniMaster({}, results)
    master.dispatcher.submit(sourceToSink(), 4)
    const worker = await master.worker('w1')
    if (end === 'FINISHED') for (const task of worker.tasks) await worker.finish(task, [])
    else {
      await worker.report(worker.tasks[0]!, 'FAILED', new Error('boom'))
      await worker.report(worker.tasks[1]!, 'CANCELED')
    }
    await master.settle()
    return master
  }

  it('is written when sinks have committed, before anybody hears of the end', async () => {
    const results = new MemoryStore()
    let release: () => void = () => undefined
    const committedAtWrite: string[] = []
    const slow: JobResultStore = {
      find: () => undefined,
      add: (record) => {
        committedAtWrite.push(...master.connectors.log.filter((line) => line.startsWith('commit')))
        return new Promise((resolve) => (release = () => resolve(results.add(record))))
      },
    }
    const master = new MiniMaster({}, slow)
    const job = master.dispatcher.submit(sourceToSink(), 4)
    let told = false
    void job.result.then(() => (told = true))
    const worker = await master.worker('w1')
    for (const task of worker.tasks) await worker.finish(task, [])
    await master.settle()
    expect([committedAtWrite.length > 0, told]).to.deep.equal([true, false])
    release()
    await master.settle()
    expect(told).to.equal(true)
    expect(results.added).to.have.length(1)
    expect(results.added[0]).to.include({ jobId: JOB, name: 'copy', statement: 4, state: 'FINISHED', failure: null })
  })

  it('is not written for a SELECT, whose rows are gone with the master', async () => {
    const results = new MemoryStore()
    const master = new MiniMaster({}, results)
    const job = master.dispatcher.submit(sourceToCollect())
    const worker = await master.worker('w1')
    for (const task of worker.tasks) await worker.finish(task)
    await master.settle()
    expect(job.state).to.equal('FINISHED')
    expect(results.added).to.deep.equal([])
  })

  it('is written down as soon as it can be, before the job counts as ended', async () => {
    const store = new MemoryStore()
    let broken = true
    const master = await run(
      { find: () => undefined, add: (record) => (broken ? Promise.reject(new Error('no answer')) : store.add(record)) },
      'FINISHED',
    )
    let ended = false
    void master.dispatcher.jobs()[0]?.result.then(() => (ended = true))
    await master.settle(2_000)
    expect(ended).to.equal(false)
    broken = false
    for (let i = 0; i < 10; i++) await master.settle(1_000)
    expect(ended).to.equal(true)
    expect(store.added).to.have.length(1)
  })

  it('ends the job though it cannot be written', async () => {
    const master = await run({ find: () => undefined, add: () => Promise.reject(new Error('no space left')) }, 'FINISHED')
    for (let i = 0; i < 60; i++) await master.settle(1_000)
    expect((await master.dispatcher.jobs()[0]?.result)?.state).to.equal('FINISHED')
  })

  it('keeps a finished job from running again, which is seen as it was', async () => {
    const master = new MiniMaster({}, new MemoryStore([RECORD]))
    const runner = new StatementRunner(master.dispatcher, true)
    const job = runner.execute({ text: 'INSERT', kind: 'insert', effect: insert })
    if (job === undefined) throw new Error('no job')
    await jobFinished(job)
    await master.settle()
    expect(
      master.driver.wanted.every(({ count }) => count === 0),
      'slots are wanted',
    ).to.equal(true)
    expect(master.connectors.log).to.deep.equal([])
    expect(runner.statements).to.deep.include({
      index: 0,
      text: 'INSERT',
      kind: 'insert',
      jobid: JOB,
      columns: null,
      rows: null,
      recovered: true,
    })
    const details = jobDetails(job, JOB, 10_000)
    expect(details).to.include({ state: 'FINISHED', 'start-time': 1000, 'end-time': 4000, duration: 3000 })
    expect(details.vertices.map(({ status, metrics }) => [status, metrics['read-records'], metrics['write-records']])).to.deep.equal([
      ['FINISHED', 3, 5],
      ['FINISHED', 3, 5],
    ])
  })

  it('of an earlier attempt: what its tasks may have left behind is removed, and checkpoints that nobody keeps', async () => {
    for (const [state, stays] of [
      ['FINISHED', false],
      ['FAILED', true],
    ] as const) {
      const retention = { 'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION' }
      const master = new MiniMaster(retention, new MemoryStore([{ ...RECORD, state }]))
      const checkpoint = `mem:///checkpoints/${JOB}/chk-3/_metadata`
      const writer = await master.files.create(checkpoint)
      await writer.close()
      new StatementRunner(master.dispatcher, true).execute({ text: 'INSERT', kind: 'insert', effect: insert })
      master.environment.advance(60_000)
      await master.settle()
      expect(master.connectors.log.filter((line) => line === 'abort sink')).to.have.length(1)
      expect((await master.files.status(checkpoint)) !== undefined, state).to.equal(stays)
    }
  })

  it('tells a failure again, in the same words', async () => {
    const results = new MemoryStore()
    const master = await run(results, 'FAILED')
    const lines = async (job: Parameters<typeof jobFinished>[0]) => describeFailure(await jobFinished(job).catch((error: unknown) => error))
    const said = await lines(master.dispatcher.jobs()[0] as JobMaster)
    const stored = JSON.parse(JSON.stringify(results.added)) as JobResultRecord[]
    const later = new MiniMaster({}, new MemoryStore(stored))
    expect(await lines(later.dispatcher.submit(sourceToSink(), 4))).to.equal(said)
    expect(said).to.match(/^boom\n/)
  })

  it('does not stand for another job of the same id', async () => {
    for (const other of [
      { ...RECORD, name: 'other' },
      { ...RECORD, statement: 1 },
      { ...RECORD, metrics: [METRICS] },
    ]) {
      const master = new MiniMaster({}, new MemoryStore([other]))
      const job = master.dispatcher.submit(sourceToSink())
      expect([job.recovered, job.state]).not.to.deep.equal([true, 'FINISHED'])
    }
  })
})

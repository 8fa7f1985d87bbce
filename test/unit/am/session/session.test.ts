/** Several jobs in one session, on virtual time. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { JobId } from '#core/ids/ids.js'
import { InvalidSubmission, NotSubmitted, SessionEnding } from '#am/session/errors.js'
import { InvalidJobGraph } from '#am/jobmaster/errors.js'
import { Session } from '#am/session/session.js'
import { Submissions } from '#am/session/submissions.js'
import { InjectedFailure, MemoryFileSystem } from '../../runtime/connectors/memory-file-system.js'
import { hexId, sourceToCollect, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import type { ScriptedWorker } from '../scripted-worker.js'

const DIRECTORY = 'mem:///session/jobs'
const A = hexId<JobId>(0xa)
const B = hexId<JobId>(0xb)

const graph = (jobId: JobId, base: JobGraph = sourceToSink()): JobGraph => ({ ...base, jobId, name: `job ${jobId.slice(-1)}` })

function session(options: Readonly<Record<string, string>> = {}, recovers = false, files = new MemoryFileSystem()) {
  const master = new MiniMaster(options)
  const closed: string[] = []
  const created = new Session({
    id: hexId(0x5e),
    name: 'shared',
    user: 'alice',
    submissionDirectory: DIRECTORY,
    idleTimeout: options['session.idle-timeout'] === undefined ? undefined : Number(options['session.idle-timeout']),
    recovers,
    environment: master.environment,
    dispatcher: master.dispatcher,
    submissions: new Submissions(files, DIRECTORY),
    coordinators: ({ jobId }, bundle) => ({
      program: { enumerator: async () => undefined, committer: async () => undefined },
      close: async () => void closed.push(`${jobId.slice(-1)} ${Buffer.from(bundle).toString('utf8')}`),
    }),
  })
  return { session: created, master, files, closed, ended: created.run() }
}

async function put(files: MemoryFileSystem, path: string, content: string): Promise<void> {
  const writer = await files.create(`${DIRECTORY}/${path}`, { overwrite: true })
  await writer.write(Buffer.from(content))
  await writer.close()
}

/** As a client does. */
async function stage(files: MemoryFileSystem, jobGraph: JobGraph, bundle?: string): Promise<JobId> {
  const program =
    bundle === undefined ? null : { blobKey: createHash('sha256').update(bundle).digest('hex'), size: Buffer.byteLength(bundle) }
  if (bundle !== undefined) await put(files, `${jobGraph.jobId}/program.mjs`, bundle)
  await put(files, `${jobGraph.jobId}/submission.json`, JSON.stringify({ version: 1, jobId: jobGraph.jobId, jobGraph, program }))
  return jobGraph.jobId
}

async function left(files: MemoryFileSystem, jobId: JobId): Promise<string[]> {
  const found = await files.list(`${DIRECTORY}/${jobId}`).catch(() => [])
  return found.map(({ path }) => path.slice(path.lastIndexOf('/') + 1))
}

const finishAll = async (worker: ScriptedWorker) => {
  for (const task of worker.tasks.splice(0)) await worker.finish(task)
}

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it was taken'),
    (error: unknown) => error,
  )
}

describe('a session', () => {
  it('runs jobs side by side; one that fails harms no other, and the session outlives them', async () => {
    const { session: it_, master, files } = session()
    const [a, b] = await Promise.all([it_.submit(await stage(files, graph(A))), it_.submit(await stage(files, graph(B)))])
    const [first, second] = [await master.worker('w1'), await master.worker('w2')]
    await master.settle()
    expect([a.state, b.state]).to.deep.equal(['RUNNING', 'RUNNING'])
    const ofA = first.tasks[0]?.jobId === A ? first : second
    const ofB = ofA === first ? second : first
    expect(new Set(ofA.tasks.map(({ jobId }) => jobId))).to.deep.equal(new Set([A]))
    expect(new Set(ofB.tasks.map(({ jobId }) => jobId))).to.deep.equal(new Set([B]))

    await ofA.report(ofA.tasks[0]!, 'FAILED', new Error('boom'))
    await ofA.report(ofA.tasks[1]!, 'CANCELED')
    expect((await a.result).state).to.equal('FAILED')
    expect(b.state).to.equal('RUNNING')
    await finishAll(ofB)
    expect((await b.result).state).to.equal('FINISHED')
    await master.settle()
    expect(it_.details().status).to.equal('RUNNING')
    expect(master.dispatcher.jobs().map(({ state }) => state)).to.have.members(['FAILED', 'FINISHED'])
  })

  it('starts a job once, however often it is told to', async () => {
    const { session: it_, master, files } = session()
    const id = await stage(files, graph(A))
    const [one, two] = await Promise.all([it_.submit(id), it_.submit(id)])
    expect(one).to.equal(two)
    expect(await it_.submit(id)).to.equal(one)
    expect(master.dispatcher.jobs()).to.have.length(1)
  })

  it('takes a program’s bundle with its job and lets go of it at the job’s end', async () => {
    const { session: it_, master, files, closed } = session()
    const job = await it_.submit(await stage(files, graph(A), 'export const main = 1'))
    const worker = await master.worker('w1')
    await master.settle()
    await finishAll(worker)
    await job.result
    await master.settle()
    expect(closed).to.deep.equal(['a export const main = 1'])
  })

  it('refuses what is not there, not whole, or another’s', async () => {
    const { session: it_, master, files } = session()
    expect(NotSubmitted.is(await refusal(it_.submit(A)))).to.equal(true)
    await put(files, `${A}/submission.json`, '{"version":1')
    expect(InvalidSubmission.is(await refusal(it_.submit(A)))).to.equal(true)
    await put(files, `${A}/submission.json`, JSON.stringify({ version: 2 }))
    expect(InvalidSubmission.is(await refusal(it_.submit(A)))).to.equal(true)
    await put(files, `${A}/submission.json`, JSON.stringify({ version: 1, jobId: B, jobGraph: graph(B), program: null }))
    expect((await refusal(it_.submit(A))) as Error)
      .to.have.property('message')
      .that.contains(`it is job ${B}`)
    await put(files, `${A}/submission.json`, JSON.stringify({ version: 1, jobId: A, jobGraph: graph(B), program: null }))
    expect(InvalidSubmission.is(await refusal(it_.submit(A)))).to.equal(true)
    await put(files, `${A}/submission.json`, JSON.stringify({ version: 1, jobId: A, jobGraph: { nonsense: 1 }, program: null }))
    expect(InvalidJobGraph.is(await refusal(it_.submit(A)))).to.equal(true)
    await stage(files, graph(A), 'the program')
    await put(files, `${A}/program.mjs`, 'the progran')
    expect((await refusal(it_.submit(A))) as Error)
      .to.have.property('message')
      .that.contains('not the one that the job was made of')
    expect(master.dispatcher.jobs()).to.deep.equal([])
    expect(it_.details().status).to.equal('RUNNING')
  })

  it('stops when told: its jobs are cancelled, no other is taken', async () => {
    const { session: it_, master, files, ended } = session()
    const job = await it_.submit(await stage(files, graph(A)))
    const worker = await master.worker('w1')
    await master.settle()
    it_.cancel()
    await master.settle()
    expect(SessionEnding.is(await refusal(it_.submit(await stage(files, graph(B)))))).to.equal(true)
    for (const task of worker.tasks) await worker.report(task, 'CANCELED')
    expect(await ended).to.deep.equal({ status: 'FINISHED', failure: null })
    expect(job.state).to.equal('CANCELED')
    expect(it_.details().status).to.equal('FINISHED')
  })

  it('ends itself when no job has run for as long as is asked, not before', async () => {
    const { session: it_, master, files } = session({ 'session.idle-timeout': '10000' })
    await master.settle(9_000)
    const job = await it_.submit(await stage(files, graph(A)))
    const worker = await master.worker('w1')
    await master.settle(20_000)
    expect(it_.details().status).to.equal('RUNNING')
    await finishAll(worker)
    await job.result
    await master.settle(9_999)
    expect(it_.details().status).to.equal('RUNNING')
    await master.settle(1)
    expect(it_.details().status).to.equal('FINISHED')
  })

  it('stays for ever when nothing is asked', async () => {
    const { session: it_, master } = session()
    await master.settle(600_000)
    expect(it_.details().status).to.equal('RUNNING')
  })

  it('of a later attempt goes on with the jobs that were accepted, and only with those', async () => {
    const { session: first, files } = session()
    await first.submit(await stage(files, graph(A)))
    await stage(files, graph(B)) // its client has not told the session of it
    const { master, session: next } = session({}, true, files)
    await Promise.all([next.recovered, master.settle()])
    expect(master.dispatcher.jobs().map(({ jobId }) => jobId)).to.deep.equal([A])
  })

  it('of a later attempt leaves out what cannot be read', async () => {
    const { session: first, files } = session()
    await first.submit(await stage(files, graph(A)))
    await first.submit(await stage(files, graph(B)))
    await put(files, `${A}/submission.json`, 'spoilt')
    const { master, session: it_ } = session({}, true, files)
    await master.settle()
    expect(master.dispatcher.jobs().map(({ jobId }) => jobId)).to.deep.equal([B])
    expect(it_.details().status).to.equal('RUNNING')
  })

  it('of a later attempt gives up where the jobs cannot be read: the next attempt may find them', async () => {
    const { session: first, files } = session()
    await first.submit(await stage(files, graph(A)))
    files.failIn = 1
    const { ended, master } = session({}, true, files)
    const failure = refusal(ended)
    await master.settle()
    expect(await failure).to.be.instanceOf(InjectedFailure)
    expect(await left(files, A)).to.deep.equal(['accepted', 'submission.json'])
  })

  it('keeps what was submitted as long as the job is listed; of a SELECT not beyond its end', async () => {
    const { session: it_, master, files } = session({ 'jobstore.expiration-time': '60' })
    const select = await it_.submit(await stage(files, graph(A, sourceToCollect())))
    const worker = await master.worker('w1')
    await master.settle()
    select.cancel()
    for (const task of worker.tasks.splice(0)) await worker.report(task, 'CANCELED')
    await select.result
    await master.settle()
    expect(await left(files, A)).to.deep.equal([])

    const insert = await it_.submit(await stage(files, graph(B)))
    await master.settle()
    await finishAll(worker)
    await insert.result
    await master.settle()
    expect(await left(files, B)).to.deep.equal(['accepted', 'submission.json'])
    it_.forgotten(B)
    await master.settle()
    expect(await left(files, B)).to.deep.equal([])
  })
})

/** A script's statements and their jobs, with a session that a test plays. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { MasterClient, MasterRefused, MasterUnreachable } from '#client/cluster/master-client.js'
import { DetachedSelect, JobRefused, RemoteJobCanceled, RemoteJobFailed, RemoteJobLost, SessionOfAnother } from '#client/session/errors.js'
import { RemoteJob } from '#client/session/remote-job.js'
import { SessionApplication } from '#client/session/session-application.js'
import type { SessionConnection } from '#client/session/session-connection.js'
import { runSessionScript } from '#client/session/session-script.js'
import { submitJob } from '#client/session/submit-job.js'
import { Configuration } from '#core/config/configuration.js'
import { PermissionDenied } from '#core/fs/errors.js'
import type { JobId } from '#core/ids/ids.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import { MemoryFileSystem } from '../../runtime/connectors/memory-file-system.js'
import { JOB, sourceToSink } from '../../am/job-graphs.js'

const SCRIPT = `CREATE TABLE t (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE s (n INT) WITH ('connector' = 'blackhole');
INSERT INTO s SELECT n FROM t;
INSERT INTO s SELECT n + 1 FROM t;`

/** Time passes when somebody waits. */
function hurried(): Environment {
  let now = 0
  return {
    ...systemEnvironment,
    clock: { now: () => now, monotonic: () => now },
    timers: {
      after: (delay, action) => {
        setImmediate(() => {
          now += delay
          action()
        })
        return { cancel: () => undefined }
      },
    },
  }
}

type Outcome = 'SUCCEEDED' | 'FAILED' | 'CANCELED'

/** Its jobs end at once, each as `outcomes` says; the first `away` requests are not answered. */
class ScriptedSession {
  readonly files = new MemoryFileSystem()
  readonly asked: string[] = []
  outcomes: Outcome[] = []
  away = 0
  gone: string | undefined
  refusal: Error | undefined
  readonly #jobs: string[] = []
  readonly connection: SessionConnection = {
    name: 'application_1_0007',
    switches: '-yid application_1_0007',
    master: new MasterClient({ request: (method, path) => this.#answer(method, path) }),
    details: { id: JOB, name: 'shared', user: 'alice', 'submission-directory': 'mem:///jobs', 'default-scheme': null, 'start-time': 0 },
    files: this.files,
    gone: async () => this.gone,
  }

  async #answer(method: string, path: string): Promise<unknown> {
    if (this.away-- > 0) throw new MasterUnreachable({ url: path, reason: 'refused' })
    this.asked.push(`${method} ${path.replaceAll(/[0-9a-f]{32}/g, (id) => `job ${this.#number(id)}`)}`)
    if (method === 'PUT' && path.startsWith('session/jobs/')) {
      if (this.refusal !== undefined) throw this.refusal
      return {}
    }
    if (path === 'jobs/overview') return { jobs: this.#jobs.map((jid) => ({ jid, state: 'RUNNING' })) }
    const id = /jobs\/([0-9a-f]{32})/.exec(path)?.[1] ?? ''
    if (path.endsWith('/execution-result')) {
      const outcome = this.outcomes[this.#number(id) - 1]
      if (outcome === undefined) return { status: { id: 'IN_PROGRESS' }, 'job-execution-result': null }
      const cause = outcome === 'FAILED' ? { 'failure-cause': { class: 'X', 'stack-trace': 'boom', message: 'boom\n  Job failed' } } : {}
      return { status: { id: 'COMPLETED' }, 'job-execution-result': { id, 'application-status': outcome, 'net-runtime': 5, ...cause } }
    }
    return {}
  }

  #number(id: string): number {
    if (!this.#jobs.includes(id)) this.#jobs.push(id)
    return this.#jobs.indexOf(id) + 1
  }
}

function application(session: ScriptedSession, attached = true): SessionApplication {
  return new SessionApplication({ id: JOB, name: 'script', attached, environment: hurried(), connection: session.connection })
}
const script =
  (text: string, app: SessionApplication, options: Record<string, string> = {}) =>
  () =>
    runSessionScript({ name: 'job.sql', text, configuration: Configuration.of(options), jobId: JOB }, app)

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as Error,
  )
}

describe('a script in a session', () => {
  it('submits its jobs one after the other, and attached waits for all of them', async () => {
    const session = new ScriptedSession()
    session.outcomes = ['SUCCEEDED', 'SUCCEEDED']
    const app = application(session)
    expect(await app.run(script(SCRIPT, app))).to.equal(null)
    expect(session.asked).to.deep.equal([
      'PUT session/jobs/job 1',
      'PUT session/jobs/job 2',
      'GET jobs/job 1/execution-result',
      'GET jobs/job 2/execution-result',
    ])
    expect((await app.application()).statements.map(({ jobid }) => jobid !== null)).to.deep.equal([false, false, true, true])
    expect((await app.application()).status).to.equal('FINISHED')
  })

  it('waits for each job before the next statement where that is asked', async () => {
    const session = new ScriptedSession()
    session.outcomes = ['SUCCEEDED', 'SUCCEEDED']
    const app = application(session)
    await app.run(script(SCRIPT, app, { 'table.dml-sync': 'true' }))
    expect(session.asked.slice(0, 3)).to.deep.equal(['PUT session/jobs/job 1', 'GET jobs/job 1/execution-result', 'PUT session/jobs/job 2'])
  })

  it('detached waits for none', async () => {
    const session = new ScriptedSession()
    const app = application(session, false)
    expect(await app.run(script(SCRIPT, app))).to.equal(null)
    expect(session.asked).to.deep.equal(['PUT session/jobs/job 1', 'PUT session/jobs/job 2'])
  })

  it('detached submits no SELECT, which nobody would read', async () => {
    const session = new ScriptedSession()
    const app = application(session, false)
    expect(await app.run(script(`${SCRIPT.split('\n')[0]}\nSELECT n FROM t;`, app))).to.contain(new DetachedSelect({}).message)
    expect(session.asked).to.deep.equal([])
  })

  it('compiles everything before anything is submitted', async () => {
    const session = new ScriptedSession()
    const app = application(session)
    expect(await app.run(script(`${SCRIPT}\nINSERT INTO nowhere SELECT 1;`, app))).to.contain('nowhere')
    expect(session.asked).to.deep.equal([])
  })

  it('ends with the first job that fails, cause first; those before it go on', async () => {
    const session = new ScriptedSession()
    session.outcomes = ['FAILED']
    const app = application(session)
    const failure = await app.run(script(SCRIPT, app, { 'table.dml-sync': 'true' }))
    expect(failure).to.match(/^boom\n {2}Job failed\n {2}Statement 3 \(job\.sql, line 3\) failed: INSERT INTO s/)
    expect((await app.application()).status).to.equal('FAILED')
    expect((await app.running()).length).to.equal(1)
  })

  it('runs no further statement when nobody is there any more', async () => {
    const session = new ScriptedSession()
    const app = application(session)
    app.leave()
    await app.run(script(SCRIPT, app))
    expect(session.asked).to.deep.equal([])
  })
})

describe('handing a job to a session', () => {
  it('puts its files first, readable by their user only', async () => {
    const session = new ScriptedSession()
    await submitJob(session.connection, hurried(), sourceToSink(), Buffer.from('the bundle'))
    expect([...session.files.files.keys()]).to.deep.equal([`mem:///jobs/${JOB}/program.mjs`, `mem:///jobs/${JOB}/submission.json`])
    expect(JSON.parse(String(session.files.files.get(`mem:///jobs/${JOB}/submission.json`)))).to.deep.include({
      version: 1,
      jobId: JOB,
      program: { blobKey: createHash('sha256').update('the bundle').digest('hex'), size: 10 },
    })
  })

  it('takes away what was refused', async () => {
    const session = new ScriptedSession()
    session.refusal = new MasterRefused({ url: 'x', status: 400, reason: 'a circle' })
    const error = await failureOf(submitJob(session.connection, hurried(), sourceToSink()))
    expect(JobRefused.is(error)).to.equal(true)
    expect(error.message).to.contain('a circle')
    expect(session.files.files.size).to.equal(0)
  })

  it('asks again while the master is away for a moment; gives up when the session has ended', async () => {
    const session = new ScriptedSession()
    session.away = 3
    await submitJob(session.connection, hurried(), sourceToSink())
    expect(session.asked).to.deep.equal(['PUT session/jobs/job 1'])
    session.away = Infinity
    session.gone = 'it has ended'
    expect(MasterUnreachable.is(await failureOf(submitJob(session.connection, hurried(), sourceToSink())))).to.equal(true)
  })

  it('names the owner where the directory is not one’s own', async () => {
    const session = new ScriptedSession()
    session.files.mkdirs = (path) => Promise.reject(new PermissionDenied({ path, reason: 'mode 0700' }))
    const error = await failureOf(submitJob(session.connection, hurried(), sourceToSink()))
    expect(SessionOfAnother.is(error)).to.equal(true)
    expect(error.message).to.contain('alice')
  })
})

describe('a job in a session', () => {
  const job = (session: ScriptedSession) => new RemoteJob(session.connection, hurried(), 'f'.repeat(32) as JobId, 'job')

  it('ends as the session says', async () => {
    for (const [outcome, kind] of [
      ['FAILED', RemoteJobFailed],
      ['CANCELED', RemoteJobCanceled],
    ] as const) {
      const session = new ScriptedSession()
      session.outcomes = [outcome]
      expect(kind.is(await failureOf(job(session).finished()))).to.equal(true)
    }
    const session = new ScriptedSession()
    session.outcomes = ['SUCCEEDED']
    expect(await job(session).finished()).to.equal(5)
  })

  it('is waited for while the master is replaced', async () => {
    const session = new ScriptedSession()
    session.outcomes = ['SUCCEEDED']
    session.away = 20
    expect(await job(session).finished()).to.equal(5)
  })

  it('is lost with its session, and when that does not answer for long', async () => {
    const ended = new ScriptedSession()
    ended.away = Infinity
    ended.gone = 'application_1_0007 has ended: KILLED / KILLED'
    const error = await failureOf(job(ended).finished())
    expect(RemoteJobLost.is(error)).to.equal(true)
    expect(error.message).to.contain('KILLED / KILLED')
    const silent = new ScriptedSession()
    silent.away = Infinity
    expect(RemoteJobLost.is(await failureOf(job(silent).finished()))).to.equal(true)
  })
})

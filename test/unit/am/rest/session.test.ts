/** What a session's clients ask over REST, and the outcome of a job. */
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { Configuration } from '#core/config/configuration.js'
import type { JobId } from '#core/ids/ids.js'
import type { JobDetails } from '#core/rest/responses.js'
import type { ExecutionResult, SessionDetails } from '#core/rest/session-responses.js'
import { InvalidJobGraph } from '#am/jobmaster/errors.js'
import { AsyncOperations } from '#am/rest/async-operations.js'
import { createRestServer } from '#am/rest/server.js'
import { InvalidSubmission, NotSubmitted, SessionEnding } from '#am/session/errors.js'
import { JOB, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const details = {
  id: JOB,
  name: 'shared',
  status: 'RUNNING',
  'start-time': 7,
  'end-time': -1,
  duration: 0,
  statements: [],
  failure: null,
} as const

/** `session` undefined: the master of an application. */
function rest(options: Readonly<Record<string, string>> = {}, submit?: (jobId: JobId) => Promise<unknown>) {
  const master = new MiniMaster()
  const told: string[] = []
  const session =
    submit === undefined
      ? undefined
      : {
          id: JOB,
          user: 'alice',
          submissionDirectory: 'hdfs://nn/jobs',
          details: () => ({ ...details, statements: [] }),
          submit: submit as never,
        }
  const server = createRestServer({
    configuration: Configuration.of(options),
    environment: master.environment,
    dispatcher: master.dispatcher,
    resourceManager: master.resourceManager,
    session,
    application: {
      id: JOB,
      details: () => ({ ...details, statements: [], name: 'a script' }),
      cancel: () => void told.push('cancel'),
      acknowledge: () => undefined,
      contacted: () => undefined,
    },
    operations: new AsyncOperations(master.environment, 300_000),
    disposeSavepoint: async () => undefined,
  })
  return { master, server, told }
}

async function ask(server: FastifyInstance, method: 'GET' | 'PUT' | 'DELETE', url: string): Promise<[number, unknown]> {
  const answer = await server.inject({ method, url })
  return [answer.statusCode, answer.json()]
}
const errorOf = (body: unknown): string => (body as { errors: string[] }).errors[0] ?? ''

describe('REST of a session', () => {
  it('says who it is and where jobs are put', async () => {
    const { server } = rest({ 'fs.default-scheme': 'hdfs://nn' }, async () => undefined)
    const [status, body] = await ask(server, 'GET', '/session')
    expect(status).to.equal(200)
    const expected: SessionDetails = {
      id: JOB,
      name: 'shared',
      user: 'alice',
      'submission-directory': 'hdfs://nn/jobs',
      'default-scheme': 'hdfs://nn',
      'start-time': 7,
    }
    expect(body).to.deep.equal(expected)
  })

  it('starts a job by its id', async () => {
    const started: string[] = []
    const { server } = rest({}, async (jobId) => started.push(jobId))
    expect(await ask(server, 'PUT', `/session/jobs/${JOB}`)).to.deep.equal([202, { jobid: JOB }])
    expect(started).to.deep.equal([JOB])
    expect((await ask(server, 'PUT', '/session/jobs/nonsense'))[0]).to.equal(400)
  })

  it('tells why a job is not taken', async () => {
    const refusals: [Error, number][] = [
      [new NotSubmitted({ jobId: JOB, path: 'hdfs://nn/jobs/x' }), 404],
      [new SessionEnding({ name: 'shared' }), 409],
      [new InvalidSubmission({ path: 'p', problem: 'it is empty' }), 400],
      [new InvalidJobGraph({ problem: 'a circle' }), 400],
      [new Error('a bug'), 500],
    ]
    for (const [error, expected] of refusals) {
      const { server } = rest({}, () => Promise.reject(error))
      const [status, body] = await ask(server, 'PUT', `/session/jobs/${JOB}`)
      expect(status, error.message).to.equal(expected)
      if (status < 500) expect(errorOf(body)).to.equal(error.message)
    }
  })

  it('is not what an application’s master has, which says what it is', async () => {
    const { server } = rest()
    for (const [method, url] of [
      ['GET', '/session'],
      ['PUT', `/session/jobs/${JOB}`],
    ] as const) {
      const [status, body] = await ask(server, method, url)
      expect(status).to.equal(404)
      expect(errorOf(body)).to.contain("no session: it runs the application 'a script'")
    }
  })

  it('stops by Flink’s DELETE /cluster, unless cancelling is switched off', async () => {
    const open = rest({}, async () => undefined)
    expect(await ask(open.server, 'DELETE', '/cluster')).to.deep.equal([200, {}])
    expect(open.told).to.deep.equal(['cancel'])
    const closed = rest({ 'web.cancel.enable': 'false' }, async () => undefined)
    expect((await ask(closed.server, 'DELETE', '/cluster'))[0]).to.equal(403)
    expect(closed.told).to.deep.equal([])
  })
})

describe('the outcome of a job over REST', () => {
  const result = async (server: FastifyInstance) => (await ask(server, 'GET', `/jobs/${JOB}/execution-result`))[1] as ExecutionResult

  it('is in progress, then there with its time', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    expect(await result(server)).to.deep.equal({ status: { id: 'IN_PROGRESS' }, 'job-execution-result': null })
    master.environment.advance(1_000)
    for (const task of worker.tasks) await worker.finish(task)
    await master.settle()
    const [, job] = await ask(server, 'GET', `/jobs/${JOB}`)
    expect(await result(server)).to.deep.equal({
      status: { id: 'COMPLETED' },
      'job-execution-result': {
        id: JOB,
        'application-status': 'SUCCEEDED',
        'net-runtime': (job as JobDetails).duration,
        'accumulator-results': {},
      },
    })
    expect((job as JobDetails).duration).to.be.at.least(1_000)
  })

  it('names the cause of a failure first', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    await worker.report(worker.tasks[0]!, 'FAILED', new Error('boom'))
    await worker.report(worker.tasks[1]!, 'CANCELED')
    await master.settle()
    const { 'job-execution-result': outcome } = await result(server)
    expect(outcome?.['application-status']).to.equal('FAILED')
    expect(outcome?.['failure-cause']?.message).to.equal(`boom\n  Job 'copy' (${JOB}) failed in task Source (1/1) on host-of-w1 (w1)`)
    expect(outcome?.['failure-cause']?.['stack-trace']).to.contain('boom')
  })

  it('is not that of a job that nobody knows', async () => {
    expect((await ask(rest().server, 'GET', `/jobs/${JOB}/execution-result`))[0]).to.equal(404)
  })
})

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { Configuration } from '#core/config/configuration.js'
import type { ApplicationDetails, JobDetails, JobsOverview, TaskManagers } from '#core/rest/responses.js'
import { JOB_STATES } from '#core/graph/states.js'
import { Application } from '#am/application/application.js'
import { StatementRunner } from '#am/application/statement-runner.js'
import { AsyncOperations } from '#am/rest/async-operations.js'
import { RestListener, RestPortTaken } from '#am/rest/listener.js'
import type { MasterView } from '#am/rest/master-view.js'
import type { Right } from '#am/rest/route.js'
import { ROUTES } from '#am/rest/routes.js'
import { createRestServer, restAnswers } from '#am/rest/server.js'
import { WEFT_VERSION } from '#am/rest/version.js'
import { hexId, JOB, SINK_OPERATOR, sourceToCollect, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const CONFIGURATION = Configuration.of({ 'parallelism.default': '2', 's3.secret-key': 'hush' })

function rest(master = new MiniMaster()) {
  const runner = new StatementRunner(master.dispatcher as never, true)
  const application = new Application({
    id: JOB,
    name: 'my <b>script',
    attached: true,
    environment: master.environment,
    dispatcher: master.dispatcher,
    runner,
    run: () => new Promise(() => undefined),
  })
  const view: MasterView = {
    configuration: CONFIGURATION,
    environment: master.environment,
    dispatcher: master.dispatcher,
    resourceManager: master.resourceManager,
    application,
    operations: new AsyncOperations(master.environment, 300_000),
    disposeSavepoint: async () => undefined,
  }
  return { master, view, server: createRestServer(view), runner, application }
}

async function get<T>(server: FastifyInstance, url: string): Promise<T> {
  const answer = await server.inject({ method: 'GET', url })
  expect(answer.statusCode, `${url}: ${answer.body}`).to.equal(200)
  expect(answer.headers['content-type']).to.equal('application/json; charset=UTF-8')
  expect(answer.headers['access-control-allow-origin']).to.equal('*')
  return answer.json() as T
}

async function refused(
  server: FastifyInstance,
  method: 'GET' | 'PUT' | 'PATCH' | 'DELETE' | 'POST',
  url: string,
): Promise<[number, string[]]> {
  const answer = await server.inject({ method, url })
  return [answer.statusCode, (answer.json() as { errors: string[] }).errors]
}

describe('REST', () => {
  it('answers Flink’s cluster endpoints, bare and below /v1', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToSink())
    await master.worker('w1')
    for (const prefix of ['', '/v1']) {
      expect(await get(server, `${prefix}/overview`)).to.deep.equal({
        taskmanagers: 1,
        'slots-total': 1,
        'slots-available': 0,
        'jobs-running': 1,
        'jobs-finished': 0,
        'jobs-cancelled': 0,
        'jobs-failed': 0,
        'flink-version': WEFT_VERSION,
        'flink-commit': 'unknown',
      })
    }
    expect(await get(server, '/config')).to.deep.include({ 'refresh-interval': 3000 })
  })

  it('shows a running job in Flink’s shape', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToSink(1, 2))
    const [first, second] = [await master.worker('w1'), await master.worker('w2')]
    const source = first.tasks[0]
    if (source === undefined) throw new Error('no task')
    await first.report(source, 'RUNNING')
    master.environment.advance(1_000)
    const job = await get<JobDetails>(server, `/jobs/${JOB}`)
    expect(job).to.include({
      jid: JOB,
      'application-id': JOB,
      state: 'RUNNING',
      'job-type': 'BATCH',
      schedulerType: 'Adaptive',
      'end-time': -1,
      maxParallelism: 128,
    })
    expect(Object.keys(job.timestamps)).to.have.members([...JOB_STATES])
    expect(job.timestamps.FINISHED).to.equal(0)
    expect(job.duration).to.be.at.least(1_000)
    expect(job.vertices.map(({ name, status, parallelism }) => [name, status, parallelism])).to.deep.equal([
      ['Source', 'RUNNING', 1],
      ['Sink', 'CREATED', 2],
    ])
    expect(job.vertices[1]?.tasks.DEPLOYING).to.equal(2)
    expect(job['status-counts'].RUNNING).to.equal(1)
    expect(job.plan.nodes.map((node) => [node.description, node.inputs?.map((input) => input.ship_strategy)])).to.deep.equal([
      ['Sink<br/>', ['REBALANCE']],
      ['Source<br/>', undefined],
    ])
    expect(second.tasks).to.have.length(1)
    const overview = await get<JobsOverview>(server, '/jobs/overview')
    expect(overview.jobs[0]).to.deep.include({ jid: JOB, state: 'RUNNING', schedulerType: 'Adaptive' })
    expect(overview.jobs[0]?.tasks).to.include({ total: 3, running: 1, deploying: 2 })
    expect(await get(server, `/jobs/${JOB}/status`)).to.deep.equal({ status: 'RUNNING' })
    expect(await get(server, '/jobs')).to.deep.equal({ jobs: [{ id: JOB, status: 'RUNNING' }] })
    expect(await get<object>(server, `/jobs/${JOB}/config`))
      .to.have.property('execution-config')
      .that.includes({ 'restart-strategy': 'Restart deactivated.', 'job-parallelism': 2 })
  })

  it('sums the metrics of subtasks, and shows each', async () => {
    const { server, master } = rest()
    const job = master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    const metrics = {
      recordsIn: 3,
      recordsOut: 5,
      bytesIn: 7,
      bytesOut: 11,
      busyMs: 13,
      idleMs: 17,
      backPressuredMs: 19,
      watermark: null,
      lateRecordsDropped: 0,
    }
    for (const { executionAttemptId } of worker.tasks)
      await worker.jobMaster().updateTaskExecutionState({ executionAttemptId, state: 'RUNNING', metrics })
    const details = await get<JobDetails>(server, `/jobs/${JOB}`)
    expect(details.vertices[0]?.metrics).to.include({
      'read-records': 3,
      'write-records': 5,
      'read-bytes': 7,
      'write-bytes': 11,
      'accumulated-busy-time': 13,
    })
    const vertex = await get<{ subtasks: Record<string, unknown>[]; aggregated: { metrics: Record<string, unknown> } }>(
      server,
      `/jobs/${JOB}/vertices/${hexId(0x100)}`,
    )
    expect(vertex.subtasks[0]).to.include({
      subtask: 0,
      status: 'RUNNING',
      attempt: 0,
      endpoint: 'host-of-w1:40000',
      'taskmanager-id': 'w1',
    })
    expect(vertex.aggregated.metrics['write-records']).to.deep.equal({ min: 5, max: 5, avg: 5, sum: 5, median: 5, p25: 5, p75: 5, p95: 5 })
    expect(job.state).to.equal('RUNNING')
  })

  it('lists TaskManagers with their slots', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToSink())
    await master.worker('w:1')
    const { taskmanagers } = await get<TaskManagers>(server, '/taskmanagers')
    expect(taskmanagers[0]).to.include({ id: 'w:1', dataPort: 40_000, slotsNumber: 1, freeSlots: 0, assignedTasks: 2 })
    expect(await get<object>(server, '/taskmanagers/w:1'))
      .to.have.property('allocatedSlots')
      .that.has.length(1)
    expect(await refused(server, 'GET', '/taskmanagers/nobody')).to.deep.equal([404, ['No TaskManager nobody is registered']])
  })

  it('shows a failure with its causes, newest first', async () => {
    const { server, master } = rest()
    const job = master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    const [source, sink] = worker.tasks
    if (source === undefined || sink === undefined) throw new Error('no tasks')
    await worker.report(source, 'FAILED', new Error('outer', { cause: new Error('inner') }))
    await worker.report(sink, 'CANCELED')
    await job.result
    const { exceptionHistory } = await get<{ exceptionHistory: { entries: Record<string, string>[]; truncated: boolean } }>(
      server,
      `/jobs/${JOB}/exceptions`,
    )
    expect(exceptionHistory.entries[0]).to.include({ taskName: 'Source (1/1)', endpoint: 'host-of-w1', taskManagerId: 'w1' })
    expect(exceptionHistory.entries[0]?.['stacktrace']).to.match(/outer[\s\S]*Caused by: [\s\S]*inner/)
    expect(await get<{ exceptionHistory: object }>(server, `/jobs/${JOB}/exceptions?maxExceptions=0`)).to.deep.equal({
      exceptionHistory: { entries: [], truncated: true },
    })
  })

  it('cancels by PATCH as Flink’s clients do, and by PUT through YARN’s proxy', async () => {
    for (const [method, url] of [
      ['PATCH', `/v1/jobs/${JOB}?mode=cancel`],
      ['PUT', `/jobs/${JOB}/cancel`],
    ] as const) {
      const { server, master } = rest()
      const job = master.dispatcher.submit(sourceToSink())
      const answer = await server.inject({ method, url })
      expect([answer.statusCode, answer.body]).to.deep.equal([202, '{}'])
      expect((await job.result).state).to.equal('CANCELED')
      expect((await server.inject({ method, url })).statusCode, 'cancelled already').to.equal(202)
    }
  })

  it('does not cancel a job that has ended otherwise', async () => {
    const { server, master } = rest()
    const job = master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    for (const task of worker.tasks) await worker.finish(task)
    await job.result
    const [status, errors] = await refused(server, 'PATCH', `/jobs/${JOB}?mode=cancel`)
    expect(status).to.equal(409)
    expect(errors[0]).to.contain('already reached another terminal state (FINISHED)')
  })

  it('changes nothing by GET', async () => {
    const { server, master } = rest()
    const job = master.dispatcher.submit(sourceToSink())
    for (const url of [`/jobs/${JOB}/yarn-cancel`, `/jobs/${JOB}/cancel`, `/applications/${JOB}/cancel`])
      expect((await refused(server, 'GET', url))[0], url).to.equal(404)
    expect(job.state).to.equal('CREATED')
  })

  it('hands out the rows of a SELECT', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToCollect())
    const worker = await master.worker('w1')
    const rows = [
      { kind: 0, cells: ['1'] },
      { kind: 1, cells: [null] },
    ]
    await worker.jobMaster().operatorRequest({
      executionAttemptId: worker.tasks[1]!.executionAttemptId,
      operatorId: SINK_OPERATOR,
      event: { type: 'rows', rows },
    })
    expect(await get(server, `/jobs/${JOB}/collect?token=0`)).to.deep.equal({ rows, next: 2, end: false })
    expect((await refused(server, 'GET', `/jobs/${JOB}/collect?token=9`))[0]).to.equal(400)
    expect((await refused(server, 'GET', `/jobs/${JOB}/collect?token=-1`))[0]).to.equal(400)
  })

  it('says that a job without result has none', async () => {
    const { server, master } = rest()
    master.dispatcher.submit(sourceToSink())
    expect((await refused(server, 'GET', `/jobs/${JOB}/collect`))[0]).to.equal(404)
  })

  it('shows the application with its statements', async () => {
    const { server, runner, master } = rest()
    runner.execute({ text: 'SHOW TABLES', kind: 'show', effect: { kind: 'rows', columns: ['table name'], rows: [['bids']] } })
    runner.execute({ text: 'INSERT …', kind: 'insert', effect: { kind: 'job', jobGraph: sourceToSink(), columns: null, wait: true } })
    const application = await get<ApplicationDetails>(server, `/applications/${JOB}`)
    expect(application).to.include({ id: JOB, name: 'my <b>script', status: 'CREATED', failure: null })
    expect(application.statements).to.deep.equal([
      { index: 0, text: 'SHOW TABLES', kind: 'show', jobid: null, columns: ['table name'], rows: [['bids']] },
      { index: 1, text: 'INSERT …', kind: 'insert', jobid: JOB, columns: null, rows: null },
    ])
    expect(application.jobs.map((job) => job.jid)).to.deep.equal([JOB])
    expect((await refused(server, 'GET', `/applications/${hexId(5)}`))[0]).to.equal(404)
    expect(master.dispatcher.jobs()).to.have.length(1)
  })

  it('masks secrets in the configuration', async () => {
    expect(await get(rest().server, '/jobmanager/config')).to.deep.equal([
      { key: 'parallelism.default', value: '2' },
      { key: 's3.secret-key', value: '******' },
    ])
  })

  it('refuses in Flink’s words', async () => {
    const { server } = rest()
    expect(await refused(server, 'GET', '/nosuch')).to.deep.equal([404, ['Unable to load requested file /nosuch.']])
    expect(await refused(server, 'DELETE', '/overview')).to.deep.equal([404, ['Not found: /overview']])
    expect(await refused(server, 'GET', '/jobs/zzz')).to.deep.equal([
      400,
      ['Bad request, could not parse parameters: Cannot resolve path parameter (jobid) from value "zzz".'],
    ])
    expect(await refused(server, 'GET', `/jobs/${hexId(9)}`)).to.deep.equal([404, [`Job ${hexId(9)} not found`]])
    expect(await refused(server, 'PATCH', `/jobs/${hexId(9)}?mode=cancel`)).to.deep.equal([404, [`Job ${hexId(9)} not found`]])
  })

  it('tells an unexpected failure as Flink does', async () => {
    const { master, application } = rest()
    const server = createRestServer({
      configuration: CONFIGURATION,
      environment: master.environment,
      dispatcher: master.dispatcher,
      resourceManager: {
        workers: () => {
          throw new Error('a bug')
        },
      },
      application,
      operations: new AsyncOperations(master.environment, 300_000),
      disposeSavepoint: async () => undefined,
    })
    const [status, errors] = await refused(server, 'GET', '/taskmanagers')
    expect([status, errors[0]]).to.deep.equal([500, 'Internal server error.'])
    expect(errors[1]).to.match(/^<Exception on server side:\nError: a bug[\s\S]*End of exception on server side>$/)
  })

  it('reads a body on GET without minding it, as Java clients send one', async () => {
    const answer = await rest().server.inject({
      method: 'GET',
      url: '/v1/overview',
      headers: { 'content-type': 'application/json' },
      payload: '{}',
    })
    expect(answer.statusCode).to.equal(200)
  })

  it('has a page with relative links and no markup of the user’s', async () => {
    const answer = await rest().server.inject({ method: 'GET', url: '/' })
    expect(answer.headers['content-type']).to.equal('text/html; charset=UTF-8')
    expect(answer.body)
      .to.contain('my &lt;b&gt;script')
      .and.not.to.match(/href="[/h]/)
  })

  it('lets whoever may only see an application change and take nothing', async () => {
    const listener = await RestListener.listen('127.0.0.1', [0])
    const { view, master } = rest()
    const job = master.dispatcher.submit(sourceToCollect())
    let right: Right = 'VIEW'
    try {
      const answers = await restAnswers(view)
      listener.serve((request, response) => answers(request, response, { user: 'bob', owner: 'alice', right }))
      const ask = async (method: string, path: string) => {
        const url = `http://127.0.0.1:${listener.port}${path.replace(':jobid', JOB).replaceAll(/:\w+/g, '1')}`
        const answer = await fetch(url, { method })
        return { status: answer.status, text: await answer.text() }
      }
      for (const route of ROUTES) {
        for (const prefix of ['', '/v1']) {
          const { status, text } = await ask(route.method, prefix + route.path)
          const what = `${route.method} ${prefix}${route.path}: ${text}`
          if (route.method !== 'GET') expect(route.right, what).to.equal('MODIFY')
          if (route.right === 'VIEW') expect(status, what).not.to.equal(403)
          else
            expect([status, text], what).to.deep.equal([
              403,
              '{"errors":["User bob may not change the jobs of alice (yarn.modify.acls)."]}',
            ])
        }
      }
      expect(job.state).not.to.match(/^CANCEL/)
      expect((await ask('GET', '/jobs/:jobid/collect?token=0')).status, 'the rows of a SELECT').to.equal(403)
      right = 'MODIFY'
      expect((await ask('GET', '/jobs/:jobid/collect?token=0')).status).to.equal(200)
      expect((await ask('PUT', '/jobs/:jobid/cancel')).status).to.equal(202)
    } finally {
      await listener.close()
    }
  })

  it('takes the next port of a range when one is taken', async () => {
    const first = await RestListener.listen('127.0.0.1', [0])
    const second = await RestListener.listen('127.0.0.1', [first.port, 0])
    try {
      expect(second.port).not.to.equal(first.port)
      await RestListener.listen('127.0.0.1', [first.port]).then(
        () => expect.fail('two servers on one port'),
        (error) => expect(error).to.satisfy(RestPortTaken.is),
      )
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  })

  it('keeps requests that come before its routes are there', async () => {
    const listener = await RestListener.listen('127.0.0.1', [0])
    try {
      const early = fetch(`http://127.0.0.1:${listener.port}/overview`)
      const { server } = rest()
      await server.ready()
      listener.serve((request, response) => server.routing(request, response))
      expect((await early).status).to.equal(200)
      expect((await fetch(`http://127.0.0.1:${listener.port}/v1/overview`)).status).to.equal(200)
    } finally {
      await listener.close()
    }
  })

  it('says the product’s version', () => {
    expect(WEFT_VERSION).to.equal((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version)
  })
})

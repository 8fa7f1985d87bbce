import { expect } from 'chai'
import { Configuration } from '#core/config/configuration.js'
import { Application } from '#am/application/application.js'
import { StatementRunner } from '#am/application/statement-runner.js'
import { AsyncOperations } from '#am/rest/async-operations.js'
import { answerDirectly } from '#am/rest/direct.js'
import type { MasterView } from '#am/rest/master-view.js'
import { ROUTES } from '#am/rest/routes.js'
import { createRestServer } from '#am/rest/server.js'
import { hexId, JOB, sourceToCollect } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

async function masterWithJob(): Promise<MasterView & { readonly master: MiniMaster }> {
  const master = new MiniMaster()
  master.dispatcher.submit(sourceToCollect())
  await master.worker('w1')
  const { environment, dispatcher, resourceManager } = master
  const application = new Application({
    id: JOB,
    name: 'my script',
    attached: true,
    environment,
    dispatcher,
    runner: new StatementRunner(dispatcher as never, true),
    run: () => new Promise(() => undefined),
  })
  return {
    master,
    configuration: Configuration.of({ 'parallelism.default': '2' }),
    environment,
    dispatcher,
    resourceManager,
    application,
    operations: new AsyncOperations(environment, 300_000),
    disposeSavepoint: async () => undefined,
  }
}

/** Values of the parameters in paths: of something that is there, of nothing that is there, of no form at all. */
const PARAMETERS: readonly Record<string, string>[] = [
  { jobid: JOB, applicationid: JOB, taskmanagerid: 'w1', vertexid: hexId(0x100), checkpointid: '1', triggerid: hexId(7) },
  { jobid: hexId(9), applicationid: hexId(9), taskmanagerid: 'nobody', vertexid: hexId(9), checkpointid: '9', triggerid: hexId(9) },
  { jobid: 'x%20y', applicationid: '%C3%BC', taskmanagerid: '%20', vertexid: 'z', checkpointid: 'z', triggerid: 'z' },
]

describe('endpoints without HTTP', function () {
  this.timeout(20_000)

  it('answer as with HTTP: every GET, on what is there, what is not, and what is no id', async () => {
    const view = await masterWithJob()
    const server = createRestServer(view)
    let good = 0
    for (const { method, path } of ROUTES) {
      if (method !== 'GET') continue
      for (const parameters of PARAMETERS) {
        const target = path.replace(/:(\w+)/g, (_, name: string) => parameters[name] ?? 'x')
        for (const query of ['', '?token=0&maxExceptions=1', '?token=-1&maxExceptions=a%26b']) {
          const byHttp = await server.inject({ method, url: target + query })
          const direct = await answerDirectly(view, method, target + query)
          expect([direct.status, JSON.parse(direct.json)], target + query).to.deep.equal([byHttp.statusCode, byHttp.json()])
          if (direct.status === 200) good++
        }
      }
    }
    expect(good).to.be.greaterThan(20)
  })

  it('do what PUT asks for, with its status', async () => {
    const view = await masterWithJob()
    const [job] = view.dispatcher.jobs()
    expect(await answerDirectly(view, 'PUT', `jobs/${JOB}/cancel`)).to.deep.equal({ status: 202, json: '{}' })
    expect(job?.state).to.equal('CANCELLING')
  })

  it('tell of paths that are none, and of failures, as HTTP does', async () => {
    const view = await masterWithJob()
    expect(await answerDirectly(view, 'GET', 'nosuch')).to.deep.equal({
      status: 404,
      json: '{"errors":["Unable to load requested file /nosuch."]}',
    })
    expect((await answerDirectly(view, 'PUT', 'overview')).status).to.equal(404)
    const broken: MasterView = {
      ...view,
      resourceManager: {
        workers: () => {
          throw new Error('a bug')
        },
      },
    }
    const { status, json } = await answerDirectly(broken, 'GET', 'taskmanagers')
    expect(status).to.equal(500)
    expect((JSON.parse(json) as { errors: string[] }).errors[1]).to.contain('Error: a bug')
    expect((await answerDirectly(view, 'GET', 'jobs/%')).status).to.equal(500)
  })
})

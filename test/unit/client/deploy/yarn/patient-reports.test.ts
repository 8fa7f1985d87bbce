import { expect } from 'chai'
import { patientReports } from '#client/deploy/yarn/applications.js'
import { UnknownApplication } from '#client/deploy/yarn/errors.js'
import type { YarnCluster } from '#client/deploy/yarn/yarn-cluster.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { ResourceManagerUnreachable } from '#hadoop/rest/errors.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'

const ID = 'application_1_0001'
const away = () => Promise.reject(new ResourceManagerUnreachable({ tried: 'rm: refused' }))
const there = () => Promise.resolve({ id: ID, state: 'RUNNING' } as ApplicationReport)

/** What asking comes to when the ResourceManager answers like that. */
function asking() {
  const environment = virtualEnvironment()
  let answer: () => Promise<ApplicationReport | undefined> = there
  const cluster = { environment, resourceManager: { application: () => answer(), activeUrl: 'http://rm' } } as unknown as YarnCluster
  const reports = patientReports(cluster, ID)
  return {
    environment,
    ask: (next: typeof answer) => {
      answer = next
      return reports().then(
        (report) => report?.state ?? 'no answer',
        (error: unknown) => (ResourceManagerUnreachable.is(error) ? 'gives up' : UnknownApplication.is(error) ? 'unknown' : String(error)),
      )
    },
  }
}

describe('reports of an application', () => {
  it('ride out a ResourceManager that restarts', async () => {
    const { environment, ask } = asking()
    expect(await ask(there)).to.equal('RUNNING')
    expect(await ask(away)).to.equal('no answer')
    environment.advance(100_000)
    expect(await ask(away)).to.equal('no answer')
    expect(await ask(there)).to.equal('RUNNING')
    environment.advance(100_000)
    expect(await ask(away), 'a new outage').to.equal('no answer')
  })

  it('give up after a long one', async () => {
    const { environment, ask } = asking()
    await ask(away)
    environment.advance(120_001)
    expect(await ask(away)).to.equal('gives up')
  })

  it('wait for nothing when the application is not known', async () => {
    expect(await asking().ask(() => Promise.resolve(undefined))).to.equal('unknown')
  })
})

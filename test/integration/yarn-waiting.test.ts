/** What a client sees while an application waits, and while the ResourceManager restarts under it. A cluster of its own: it is hurt. */
import { expect } from 'chai'
import { applicationReport, killApplication, waitUntilRunning } from '#client/deploy/yarn/applications.js'
import { explainWaiting } from '#client/deploy/yarn/explain-failure.js'
import { connectYarn, type YarnCluster } from '#client/deploy/yarn/yarn-cluster.js'
import { Configuration } from '#core/config/configuration.js'
import { ResourceManagerUnreachable } from '#hadoop/rest/errors.js'
import { rejection } from '../support/file-system-contract.js'
import { startHadoop, type HadoopCluster } from '../support/hadoop-cluster.js'

describe('an application that waits', function () {
  this.timeout(600_000)
  let hadoop: HadoopCluster
  let cluster: YarnCluster
  const ids: string[] = []

  before(async () => {
    hadoop = await startHadoop({ name: 'waiting', nodes: 1, memoryMb: 1024, heartbeatMs: 200 })
    cluster = await connectYarn(Configuration.of({ 'env.hadoop.conf.dir': hadoop.confDir }), { HADOOP_USER_NAME: 'alice' })
    for (let i = 0; i < 2; i++) {
      const { applicationId } = await cluster.resourceManager.newApplication()
      await cluster.resourceManager.submit({
        applicationId,
        name: `sleeper ${i}`,
        type: 'Weft',
        queue: 'default',
        priority: undefined,
        tags: [],
        maxAttempts: 1,
        attemptFailuresValidityInterval: undefined,
        lifetime: undefined,
        keepContainers: true,
        nodeLabel: undefined,
        resource: { memoryMb: 512, vcores: 1 },
        localResources: [],
        environment: {},
        command: 'exec sleep 600',
        secrets: {},
        tokens: {},
        acls: {},
        rolledLogs: {},
      })
      ids.push(applicationId)
    }
  })
  after(() => hadoop?.stop())

  /** Until the first one's container is allocated the second one waits for nothing special. */
  async function second(): Promise<string> {
    let reason = ''
    class Seen extends Error {}
    const watching = waitUntilRunning(cluster, ids[1] ?? '', async (report) => {
      reason = (await explainWaiting(cluster, report)) ?? ''
      if (reason.includes('application master')) throw new Seen()
    })
    expect(await rejection(() => watching)).to.be.instanceOf(Seen)
    return reason
  }

  it('is told which limit of its queue holds it up', async () => {
    expect(await second()).to.match(
      /^Queue root\.default has no room for another application master \(512 of \d+ MB, 1 of 8 vcores used\); it starts when another/,
    )
  })

  it('is found again by a client that waits while the ResourceManager restarts', async () => {
    await hadoop.kill('rm')
    const gone = await rejection(() => applicationReport(cluster, ids[1] ?? ''))
    expect(ResourceManagerUnreachable.is(gone) && gone.message).to.match(
      /^No ResourceManager answers: http:\/\/localhost:\d+: connection refused/,
    )
    const states: string[] = []
    const waiting = waitUntilRunning(cluster, ids[1] ?? '', (report) => void states.push(report.state))
    await hadoop.launch('rm')
    expect(await killApplication(cluster, ids[1] ?? '', 'end of the test')).to.equal(true)
    expect((await waiting).state).to.equal('KILLED')
    for (const state of states) expect(['SUBMITTED', 'NEW', 'ACCEPTED', 'KILLING', 'FINAL_SAVING', 'NEW_SAVING']).to.include(state)
    await killApplication(cluster, ids[0] ?? '', 'end of the test')
  })
})

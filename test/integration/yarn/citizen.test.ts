/** What YARN is told and tells beyond containers: how long an application may be, which queue it is in, a larger size for a container. */
import { expect } from 'chai'
import type { JobDetails } from '#core/rest/responses.js'
import { startHadoop, type HadoopCluster } from '../../support/hadoop-cluster.js'
import { applicationOf, expectNoStack, until, YarnJobs } from '../../support/yarn-jobs.js'

const ENDLESS = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');
CREATE TABLE void (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n FROM ticks;`
/** A key for every row: state outgrows any memory. */
const GROWING = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
CREATE TABLE void (n BIGINT, c BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n, COUNT(*) FROM ticks GROUP BY n;`

/** Two jobs at a time; the second in TaskManagers of its own. */
const TWO_SIZES = `${ENDLESS}
SET 'job.taskmanager.memory.process.size' = '384 mb';
INSERT INTO void SELECT n + 1 FROM ticks;`

describe('an application among others on YARN', () => {
  let jobs: YarnJobs
  before(async () => void (jobs = await YarnJobs.start()))
  afterEach(() => jobs.endAll())

  /** As the cluster's administrator. */
  async function administer(path: string, body: unknown): Promise<void> {
    const response = await fetch(`${jobs.hadoop.resourceManager}/ws/v1/cluster/${path}?user.name=yarn`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`)
  }
  async function pids(applicationId: string): Promise<number[]> {
    await until('its TaskManager', () => jobs.taskManagers(applicationId).length > 0)
    return jobs.taskManagers(applicationId).map(({ pid }) => pid)
  }

  it('is ended by YARN when its lifetime is over, which was said at its start and is said at its end', async () => {
    const command = jobs.script(ENDLESS, ['-D', 'yarn.application.lifetime=25 s'])
    const [, end = ''] = await command.says(/YARN ends the application at (\S+), whatever it does then\./)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const { startedTime } = await jobs.report(applicationId)
    expect(Math.abs(Date.parse(end) - startedTime - 25_000), end).to.be.below(2_000)
    const status = await jobs.weft(['status', applicationId]).result
    expect(status.stdout).to.contain(`YARN ends the application at ${end}`)
    const result = await command.result
    expect(result.status, result.stderr).to.equal(1)
    expectNoStack(result.stderr)
    expect(result.stderr)
      .to.match(/lifetime|timeout/i)
      .and.to.contain(`${applicationId}: KILLED / KILLED`)
    await jobs.expectNothingLeft(applicationId, 'KILLED', 'KILLED')
  })

  it('goes on in another queue with the containers it has', async () => {
    const command = jobs.script(ENDLESS, ['-d', '-p', '1', '-D', 'yarn.application.queue=default', '-D', 'yarn.tags=Moved,Citizens'])
    const result = await command.result
    const applicationId = applicationOf(result)
    const before = await pids(applicationId)
    await administer(`apps/${applicationId}/queue`, { queue: 'streaming' })
    const report = await jobs.report(applicationId)
    expect(report.queue).to.match(/streaming$/)
    expect(report.applicationTags.split(',').sort()).to.deep.equal(['citizens', 'moved'])
    expect((await jobs.weft(['status', applicationId]).result).stdout).to.match(/queue \S*streaming/)
    expect(await pids(applicationId)).to.deep.equal(before)
    const [, jobId = ''] = /JobID ([0-9a-f]{32})/.exec(result.stderr) ?? []
    await until('the job to run', async () => ((await jobs.proxied(applicationId, `jobs/${jobId}`)) as JobDetails).state === 'RUNNING')
    // Its next container comes out of the new queue.
    process.kill(before[0] as number, 'SIGKILL')
    await until('the end of the job, which has no restart strategy', async () => (await jobs.report(applicationId)).state === 'FINISHED')
    expect((await jobs.report(applicationId)).queue).to.match(/streaming$/)
  })

  it('has TaskManagers of two sizes for two jobs', async () => {
    const command = jobs.script(TWO_SIZES, ['-d', '-p', '1', '-D', 'taskmanager.memory.process.size=256 mb'])
    const result = await command.result
    expect(result.status, result.stderr).to.equal(0)
    const applicationId = applicationOf(result)
    const [usual, sized] = await until('both TaskManagers', async () => {
      const answer = await jobs.proxied(applicationId, 'taskmanagers').catch(() => undefined)
      const { taskmanagers = [] } = (answer ?? {}) as { taskmanagers?: { id: string }[] }
      return taskmanagers.length === 2 && taskmanagers.map(({ id }) => id)
    })
    const attempts = await jobs.cluster.resourceManager.attempts(applicationId)
    const containers = await jobs.cluster.resourceManager.containers(applicationId, attempts.at(-1)?.appAttemptId ?? '')
    const sizes = [usual, sized].map((id) => containers.find(({ containerId }) => containerId === id)?.allocatedMB)
    expect(sizes.sort()).to.deep.equal([256, 384])
    await until('both jobs to run', async () => {
      const { jobs: all } = (await jobs.proxied(applicationId, 'jobs/overview')) as { jobs: { state: string }[] }
      return all.length === 2 && all.every(({ state }) => state === 'RUNNING')
    })
    await jobs.weft(['cancel', applicationId]).result
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'KILLED')
    expect(jobs.masterLog(applicationId)).to.contain('asked 2, granted 2, released 2 (asked = granted = released)')
  })
})

/** Nodes of one name, as the cluster of the test run has, are none that YARN can enlarge a container on. */
describe('a container on a node of its own name', () => {
  let hadoop: HadoopCluster
  let jobs: YarnJobs
  before(async () => {
    hadoop = await startHadoop({ name: 'growth', nodes: 1, heartbeatMs: 100, distinctHosts: true })
    jobs = await YarnJobs.on(hadoop)
  })
  afterEach(() => jobs?.endAll())
  after(() => hadoop?.stop())

  it('is made larger where it is when its TaskManager’s memory runs short', async () => {
    const command = jobs.script(GROWING, [
      ...['-d', '-p', '1', '-D', 'taskmanager.memory.process.size=256 mb', '-D', 'taskmanager.memory.process.max-size=512 mb'],
    ])
    const result = await command.result
    const applicationId = applicationOf(result)
    const before = await until('its TaskManager', () => jobs.taskManagers(applicationId)[0]?.pid)
    await until('the container to have grown', () =>
      /The container of TaskManager \S+ has grown from 256 MB to 384 MB\./.test(jobs.masterLog(applicationId)),
    )
    expect(
      jobs.taskManagers(applicationId).map(({ pid }) => pid),
      'the same process',
    ).to.deep.equal([before])
    const answer = (await jobs.proxied(applicationId, 'taskmanagers')) as { taskmanagers: { totalProcessMemory?: number; id: string }[] }
    const [id = ''] = answer.taskmanagers.map((each) => each.id)
    const attempts = await jobs.cluster.resourceManager.attempts(applicationId)
    const containers = await jobs.cluster.resourceManager.containers(applicationId, attempts.at(-1)?.appAttemptId ?? '')
    expect(containers.find(({ containerId }) => containerId === id)?.allocatedMB).to.be.at.least(384)
    const logs = [...jobs.logs(applicationId)].filter(([name]) => name.startsWith(id)).map(([, text]) => text)
    expect(logs.join('\n')).to.match(/This TaskManager's container has grown: (384|512) MB/)
    await jobs.weft(['cancel', applicationId]).result
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'KILLED')
  })
})

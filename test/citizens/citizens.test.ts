/**
 * A job on a cluster that wants containers and nodes back: it leaves in time, goes on elsewhere from a checkpoint taken for that, and
 * counts none of it as a failure (its restart strategy allows none).
 */
import { expect } from 'chai'
import type { JobDetails } from '#core/rest/responses.js'
import { startHadoop, type HadoopCluster } from '../support/hadoop-cluster.js'
import { expectNoStack, until, YarnJobs, type ContainerProcess } from '../support/yarn-jobs.js'
import type { RunningCommand } from '../support/weft-command.js'

const RATE = 100

function counting(rows: number, folder: string): string {
  return `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '${RATE}', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '${rows}');
CREATE TABLE ticked (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${folder}', 'format' = 'csv');
INSERT INTO ticked SELECT n FROM ticks;`
}
/** The pause of its only restart is longer than the test: one that is counted would be seen. */
const OPTIONS = [
  ...['-D', 'execution.checkpointing.interval=2 s'],
  ...['-D', 'restart-strategy.type=fixed-delay'],
  ...['-D', 'restart-strategy.fixed-delay.attempts=1'],
  ...['-D', 'restart-strategy.fixed-delay.delay=10 min'],
]

interface Running {
  readonly command: RunningCommand
  readonly applicationId: string
  readonly jobId: string
}

let hadoop: HadoopCluster
let jobs: YarnJobs

async function start(rows: number, folder: string, args: readonly string[]): Promise<Running> {
  const command = jobs.script(counting(rows, folder), [...OPTIONS, ...args])
  const [applicationId = ''] = await command.says(/application_\d+_\d+/)
  const [, jobId = ''] = await command.says(/JobID ([0-9a-f]{32})/)
  const running = { command, applicationId, jobId }
  await until('running tasks', async () => (await details(running))?.vertices.every(({ status }) => status === 'RUNNING'))
  return running
}

function details({ applicationId, jobId }: Running): Promise<JobDetails | undefined> {
  return jobs.proxied(applicationId, `jobs/${jobId}`).then(
    (body) => body as JobDetails,
    () => undefined,
  )
}

async function expectAllRowsOnce({ command, applicationId }: Running, rows: number, folder: string): Promise<void> {
  const { status, stderr } = await command.result
  expect(status, stderr).to.equal(0)
  expectNoStack(stderr)
  await until('the end of the application', async () => (await jobs.report(applicationId)).state === 'FINISHED', 120_000)
  const texts = await Promise.all((await jobs.list(folder)).map((name) => jobs.read(`${folder}/${name}`)))
  const found = texts.flatMap((text) => text.trimEnd().split('\n').map(Number)).sort((x, y) => x - y)
  expect(found.length).to.equal(rows)
  expect(
    found.every((value, index) => value === index + 1),
    'each row once',
  ).to.equal(true)
  await jobs.expectNothingLeft(applicationId, 'FINISHED', 'SUCCEEDED')
  expect(jobs.masterLog(applicationId)).to.contain('(asked = granted = released)')
}

const hostOf = ({ environment }: ContainerProcess) => /\0NM_HOST=([^\0]*)/.exec(environment)?.[1]
const nodeOf = (host: string | undefined) => `nm${Number(host?.split('.')[3]) - 1}`

/** A node with a TaskManager and without the master. */
function busyNode(applicationId: string): string {
  const master = jobs.master(applicationId)
  const host = jobs
    .taskManagers(applicationId)
    .map(hostOf)
    .find((each) => each !== undefined && (master === undefined || each !== hostOf(master)))
  if (host === undefined) throw new Error('every TaskManager is beside the master')
  return host
}

describe('a cluster that wants things back', () => {
  before(async () => {
    hadoop = await startHadoop({
      name: 'citizens',
      nodes: 3,
      memoryMb: 768,
      heartbeatMs: 100,
      distinctHosts: true,
      preemption: true,
      properties: { 'yarn.nm.liveness-monitor.expiry-interval-ms': '5000' },
    })
    jobs = YarnJobs.on(hadoop)
  })
  afterEach(() => jobs?.endAll())
  after(() => hadoop?.stop())

  it('preempts containers: they are left in time and the job goes on when there is room', async () => {
    const rows = RATE * 40
    const job = await start(rows, 'citizens/preempted', ['-p', '4', '-D', 'yarn.application.queue=streaming'])
    const before = jobs.taskManagers(job.applicationId).map(({ container }) => container)
    expect(before).to.have.length(4)
    const other = await start(RATE * 8, 'citizens/other', ['-p', '5', '-D', 'yarn.application.queue=default'])
    const after = jobs.taskManagers(job.applicationId).map(({ container }) => container)
    expect(after.length, 'the other job has what it needs').to.be.below(4)
    await expectAllRowsOnce(other, RATE * 8, 'citizens/other')
    await until('the job at work again', async () => (await details(job))?.state !== 'RESTARTING')
    await expectAllRowsOnce(job, rows, 'citizens/preempted')
    const log = jobs.masterLog(job.applicationId)
    expect(log).to.match(/YARN wants the container back for another queue or application: leaving container_/)
    expect(log, 'none was killed').not.to.contain('PREEMPTED')
  })

  it('decommissions a node: it is empty soon, and the job has not stood still for long', async () => {
    const rows = RATE * 30
    const job = await start(rows, 'citizens/decommissioned', ['-p', '2'])
    const host = busyNode(job.applicationId)
    const leaving = jobs.taskManagers(job.applicationId).filter((worker) => hostOf(worker) === host)
    await hadoop.decommission(nodeOf(host), 120)
    try {
      await until('the node to be empty', () => jobs.taskManagers(job.applicationId).every((worker) => hostOf(worker) !== host), 30_000)
      await expectAllRowsOnce(job, rows, 'citizens/decommissioned')
      const log = jobs.masterLog(job.applicationId)
      for (const { container } of leaving) expect(log).to.match(new RegExp(`is being decommissioned: leaving .*${container}`))
    } finally {
      await hadoop.recommission(nodeOf(host))
    }
  })

  it('loses a node: its TaskManagers are replaced, and what still runs there ends by itself', async () => {
    const rows = RATE * 40
    const job = await start(rows, 'citizens/lost', ['-p', '2'])
    const host = busyNode(job.applicationId)
    const there = jobs.taskManagers(job.applicationId).filter((worker) => hostOf(worker) === host)
    await hadoop.kill(nodeOf(host))
    try {
      await until('the end of what ran there', () => {
        const alive = new Set(jobs.taskManagers(job.applicationId).map(({ container }) => container))
        return there.every(({ container }) => !alive.has(container))
      })
      await expectAllRowsOnce(job, rows, 'citizens/lost')
      expect(jobs.masterLog(job.applicationId)).to.match(/was taken back|its node was lost|is LOST/)
    } finally {
      await hadoop.launch(nodeOf(host))
    }
  })
})

describe('a cluster whose ResourceManager restarts', () => {
  before(async () => {
    // A master that YARN does not hear for the expiry of its node ends itself: that must last longer than the restart.
    const properties = { 'yarn.nm.liveness-monitor.expiry-interval-ms': '120000' }
    hadoop = await startHadoop({ name: 'rm-restart', nodes: 2, memoryMb: 1024, heartbeatMs: 100, properties })
    jobs = YarnJobs.on(hadoop)
  })
  afterEach(() => jobs?.endAll())
  after(() => hadoop?.stop())

  it('keeps the same containers, and does not restart the job', async () => {
    const rows = RATE * 40
    const job = await start(rows, 'citizens/rm', ['-p', '2', '-d'])
    const before = jobs.taskManagers(job.applicationId).map(({ pid }) => pid)
    await hadoop.kill('rm')
    await hadoop.launch('rm')
    await until('the master to be registered again', () =>
      jobs.masterLog(job.applicationId).includes('Registered again with the ResourceManager'),
    )
    expect(jobs.taskManagers(job.applicationId).map(({ pid }) => pid)).to.deep.equal(before)
    expect((await details(job))?.state).to.be.oneOf(['RUNNING', 'FINISHED'])
    await expectAllRowsOnce(job, rows, 'citizens/rm')
    expect(jobs.masterLog(job.applicationId)).not.to.contain('switched to RESTARTING')
  })
})

/** Processes that die under a running job: TaskManagers without and with a restart strategy, and the application master. */
import { expect } from 'chai'
import type { JobDetails } from '#core/rest/responses.js'
import { applicationOf, expectNoStack, until, YarnJobs, type ContainerProcess } from '../../support/yarn-jobs.js'

const ENDLESS = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');
CREATE TABLE void (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n FROM ticks;`
const ROWS = 250
/** Five seconds' worth of rows, into files. */
const BOUNDED = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '${ROWS}');
CREATE TABLE ticked (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'failures/ticked', 'format' = 'csv');
INSERT INTO ticked SELECT n FROM ticks;`

describe('processes that die under a running job', () => {
  let jobs: YarnJobs
  before(async () => void (jobs = await YarnJobs.start()))
  afterEach(() => jobs.endAll())
  after(() => jobs?.cluster.hdfs.delete(jobs.uri('failures')))

  function onlyTaskManager(applicationId: string): Promise<ContainerProcess> {
    return until('a TaskManager', () => jobs.taskManagers(applicationId)[0])
  }

  it('a TaskManager, without a restart strategy: exit status in words and the last lines of its log', async () => {
    const command = jobs.script(ENDLESS)
    await command.says(/RUNNING +1\/1/)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const worker = await onlyTaskManager(applicationId)
    process.kill(worker.pid, 'SIGKILL')
    const { status, stderr } = await command.result
    expect(status, stderr).to.equal(1)
    expectNoStack(stderr)
    const message = stderr.slice(stderr.indexOf('TaskManager container_'))
    expect(message.split('\n')[0]).to.match(
      new RegExp(`^TaskManager ${worker.container} on localhost is lost: exit status 137 \\(.*\\): .*SIGKILL`),
    )
    expect(message).to.contain('Last lines of its log')
    expect(message).to.match(/\| .*TaskExecutor - Starting Source: ticks/)
    const { diagnostics } = await jobs.expectNothingLeft(applicationId, 'FINISHED', 'FAILED')
    expect(diagnostics).to.contain('exit status 137')
    expect(jobs.masterLog(applicationId)).to.match(
      /asked 1, granted 1, released 1 \(asked = granted = released\); 1 of them ended by themselves/,
    )
  })

  it('a TaskManager, with fixed-delay: the job goes on in a new container', async () => {
    const command = jobs.script(ENDLESS, [
      '-D',
      'restart-strategy.type=fixed-delay',
      '-D',
      'restart-strategy.fixed-delay.attempts=1',
      '-D',
      'restart-strategy.fixed-delay.delay=100 ms',
    ])
    await command.says(/RUNNING +1\/1/)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const [, jobId = ''] = await command.says(/JobID ([0-9a-f]{32})/)
    const first = await onlyTaskManager(applicationId)
    process.kill(first.pid, 'SIGKILL')
    const second = await until('a second TaskManager', () =>
      jobs.taskManagers(applicationId).find(({ container }) => container !== first.container),
    )
    await until('rows of the second one', async () => {
      const job = (await jobs.proxied(applicationId, `jobs/${jobId}`)) as JobDetails
      return job.state === 'RUNNING' && job.vertices[0]?.status === 'RUNNING' && job.vertices[0].metrics['write-records'] > 0
    })
    expect(command.child.exitCode, 'the client follows on').to.equal(null)
    // The strategy allows one restart: the next death ends the job.
    process.kill(second.pid, 'SIGKILL')
    const { status, stderr } = await command.result
    expect(status, stderr).to.equal(1)
    expectNoStack(stderr)
    expect(stderr).to.contain(`TaskManager ${second.container}`)
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'FAILED')
    expect(jobs.masterLog(applicationId)).to.match(
      /asked 2, granted 2, released 2 \(asked = granted = released\); 2 of them ended by themselves/,
    )
  })

  it('the application master: the second attempt runs the job to its end under the same id, and the client follows on', async () => {
    const command = jobs.script(BOUNDED, ['-D', 'yarn.application-attempts=2'])
    await command.says(/RUNNING +1\/1/)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const [, jobId = ''] = await command.says(/JobID ([0-9a-f]{32})/)
    const worker = await onlyTaskManager(applicationId)
    const master = await until('the master', () => jobs.master(applicationId))
    // Some rows are in a file already.
    await until(
      'rows',
      async () => (((await jobs.proxied(applicationId, `jobs/${jobId}`)) as JobDetails).vertices[0]?.metrics['write-records'] ?? 0) > 20,
    )
    process.kill(master.pid, 'SIGKILL')
    const second = await until('the second attempt', () => {
      const found = jobs.master(applicationId)
      return found !== undefined && found.container !== master.container && found
    })
    expect(second.container).to.match(/_02_000001$/)
    const result = await command.result
    expect(result.status, result.stderr).to.equal(0)
    expectNoStack(result.stderr)
    expect(applicationOf(result)).to.equal(applicationId)
    expect(result.stderr).to.contain(`Job with JobID ${jobId} has finished.`)
    const { diagnostics } = await jobs.expectNothingLeft(applicationId, 'FINISHED', 'SUCCEEDED')
    expect(diagnostics).to.equal('')
    expect(result.stderr).to.match(/The JobManager does not answer\.[^]*The JobManager answers again\./)
    // Every row once, though it was computed twice, and nothing of the first attempt.
    const names = await jobs.list('failures/ticked')
    expect(names.filter((name) => /^[._]/.test(name))).to.deep.equal([])
    const rows = (await Promise.all(names.map((name) => jobs.read(`failures/ticked/${name}`)))).flatMap((text) =>
      text.trimEnd().split('\n').map(Number),
    )
    expect(rows.sort((a, b) => a - b)).to.deep.equal(Array.from({ length: ROWS }, (_, index) => index + 1))
    const log = jobs.masterLog(applicationId)
    expect(log).to.contain(`JobManager of ${applicationId}, attempt 2`)
    // The container of the first attempt was taken over, not replaced.
    expect(log).to.match(new RegExp(`TaskManager ${worker.container} on localhost was left by an earlier attempt`))
    expect(log).to.match(
      /asked 0, granted 0, released 0 \(asked = granted = released\); 1 of an earlier attempt were taken over and released too/,
    )
  })

  it('the application master, on its only attempt: what it means, and nothing goes on', async () => {
    const command = jobs.script(ENDLESS, ['-D', 'yarn.application-attempts=1'])
    await command.says(/RUNNING +1\/1/)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const master = await until('the master', () => jobs.master(applicationId))
    process.kill(master.pid, 'SIGKILL')
    const { status, stderr } = await command.result
    expect(status, stderr).to.equal(1)
    expectNoStack(stderr)
    expect(stderr).to.match(/The application master failed: .*SIGKILL.*\(exit status 137\)\./)
    expect(stderr).to.contain(`YARN application ${applicationId} failed.`)
    await jobs.expectNothingLeft(applicationId, 'FAILED', 'FAILED')
  })
})

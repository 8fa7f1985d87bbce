/** Applications that outlive their client: detached, or left by Ctrl-C; list, status and cancel; the master's REST API through YARN's proxy. */
import { expect } from 'chai'
import type { ClusterOverview, DashboardConfiguration, JobDetails, JobsOverview, TaskManagers } from '#core/rest/responses.js'
import { applicationOf, until, YarnJobs } from '../../support/yarn-jobs.js'

const ENDLESS = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE void (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n FROM ticks;`

describe('an application that outlives its client', () => {
  let jobs: YarnJobs
  before(async () => void (jobs = await YarnJobs.start()))
  afterEach(() => jobs.endAll())

  it('detached: ids on stdout, REST through the proxy, list, status, cancel', async () => {
    const { status, stdout, stderr } = await jobs.script(ENDLESS, ['-d', '-p', '2']).result
    expect(status, stderr).to.equal(0)
    const [applicationId = '', jobId = '', ...others] = stdout.trimEnd().split('\n')
    expect(applicationId).to.match(/^application_\d+_\d+$/)
    expect(jobId).to.match(/^[0-9a-f]{32}$/)
    expect(others).to.deep.equal([])
    expect(stderr).to.contain(`Job has been submitted with JobID ${jobId}`)
    expect(stderr).to.contain(`weft cancel ${applicationId}`)

    const job = await until('the job to run', async () => {
      const details = (await jobs.proxied(applicationId, `jobs/${jobId}`)) as JobDetails
      return (
        details.state === 'RUNNING' &&
        details.vertices.every((vertex) => vertex.status === 'RUNNING' && vertex.metrics['write-records'] > 0) &&
        details
      )
    })
    expect(job.vertices.map(({ parallelism }) => parallelism)).to.deep.equal([2])
    const overview = (await jobs.proxied(applicationId, 'overview')) as ClusterOverview
    expect(overview).to.include({ taskmanagers: 2, 'slots-total': 2, 'slots-available': 0, 'jobs-running': 1, 'jobs-failed': 0 })
    const all = (await jobs.proxied(applicationId, 'jobs/overview')) as JobsOverview
    expect(all.jobs.map(({ jid, state }) => [jid, state])).to.deep.equal([[jobId, 'RUNNING']])
    const { taskmanagers } = (await jobs.proxied(applicationId, 'taskmanagers')) as TaskManagers
    expect(taskmanagers.map(({ id, slotsNumber, freeSlots }) => ({ id, slotsNumber, freeSlots }))).to.have.deep.members(
      jobs.taskManagers(applicationId).map(({ container }) => ({ id: container, slotsNumber: 1, freeSlots: 0 })),
    )
    expect(((await jobs.proxied(applicationId, 'config')) as DashboardConfiguration).features).to.include({ 'web-submit': false })

    const list = await jobs.weft(['list']).result
    expect(list.status, list.stderr).to.equal(0)
    expect(list.stdout).to.match(new RegExp(`${applicationId} .*RUNNING`))
    const shown = await jobs.weft(['status', applicationId]).result
    expect(shown.status, shown.stderr).to.equal(0)
    expect(shown.stdout).to.match(new RegExp(`state RUNNING[\\s\\S]*${jobId} RUNNING[\\s\\S]*RUNNING +2/2`))

    const cancelled = await jobs.weft(['cancel', applicationId]).result
    expect(cancelled.status, cancelled.stderr).to.equal(0)
    expect(cancelled.stdout).to.contain(`Cancelled ${applicationId}.`)
    // The master ended itself: it took leave of YARN, gave all back and removed its files.
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'KILLED')
    expect(jobs.masterLog(applicationId)).to.match(/asked 2, granted 2, released 2 \(asked = granted = released\)/)
    expect((await jobs.weft(['list']).result).stdout).not.to.contain(applicationId)
    expect((await jobs.weft(['status', applicationId]).result).stdout).to.match(/state FINISHED, final status KILLED[\s\S]*was cancelled/)
    const again = await jobs.weft(['cancel', applicationId]).result
    expect(again.status).to.equal(0)
    expect(again.stdout).to.contain('has ended already: FINISHED / KILLED')
  })

  it('Ctrl-C while attached: it goes on, and the client says how to see and end it', async () => {
    const command = jobs.script(ENDLESS)
    await command.says(/RUNNING +1\/1/)
    command.child.kill('SIGINT')
    const result = await command.result
    const applicationId = applicationOf(result)
    expect(result.status).to.equal(1)
    expect(result.stderr).to.contain(`Interrupted. ${applicationId} goes on running.`)
    expect(result.stderr).to.contain(`weft status ${applicationId}`)
    expect(result.stderr).to.contain(`weft cancel ${applicationId}`)
    expect((await jobs.report(applicationId)).state).to.equal('RUNNING')
    const { jobs: running } = (await jobs.proxied(applicationId, 'jobs/overview')) as JobsOverview
    expect(running.map(({ state }) => state)).to.deep.equal(['RUNNING'])
    expect((await jobs.weft(['cancel', applicationId]).result).status).to.equal(0)
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'KILLED')
  })

  it('Ctrl-C on a SELECT: the job ends once nobody has fetched its rows for long enough, and the client says so', async () => {
    const command = jobs.script(`${ENDLESS.slice(0, ENDLESS.indexOf('\n'))}\nSELECT n FROM ticks;`, ['-D', 'client.heartbeat.timeout=2 s'])
    await command.says(/\| \+I \|/)
    command.child.kill('SIGINT')
    const result = await command.result
    const applicationId = applicationOf(result)
    expect(result.status).to.equal(1)
    expect(result.stderr).to.contain(
      'Nobody fetches the rows of its SELECT any more, so that job ends within 2 s (client.heartbeat.timeout).',
    )
    await until('its end', async () => (await jobs.report(applicationId)).state === 'FINISHED')
    const { diagnostics } = await jobs.expectNothingLeft(applicationId, 'FINISHED', 'FAILED')
    expect(diagnostics).to.contain('client.heartbeat.timeout')
  })

  it('Ctrl-C with -sae: the application ends with its client', async () => {
    const command = jobs.script(ENDLESS, ['-sae'])
    await command.says(/RUNNING +1\/1/)
    command.child.kill('SIGINT')
    const result = await command.result
    const applicationId = applicationOf(result)
    expect(result.status).to.equal(1)
    expect(result.stderr).to.contain(`Interrupted: ending ${applicationId}.`)
    const { diagnostics } = await jobs.expectNothingLeft(applicationId, 'KILLED', 'KILLED')
    expect(diagnostics).to.contain('its attached client was interrupted')
  })

  it('status and cancel of an id that is none, or not there', async () => {
    const unknown = (id: string) => `does not know ${id}`
    const cases = [
      ['status', 'application_1_0001', unknown('application_1_0001')],
      ['status', 'nonsense', unknown('nonsense')],
      ['cancel', 'application_1_0001', unknown('application_1_0001')],
      ['cancel', 'nonsense', "'nonsense' is neither an application id"],
    ] as const
    for (const [verb, id, message] of cases) {
      const { status, stderr } = await jobs.weft([verb, id]).result
      expect(status).to.equal(1)
      expect(stderr).to.contain(message)
      expect(stderr).to.contain("'weft list'")
    }
  })
})

/** Sessions on YARN: started, attached to and stopped by the command; jobs side by side; one that fails; the master killed. */
import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobDetails, JobsOverview } from '#core/rest/responses.js'
import type { ExecutionResult } from '#core/rest/session-responses.js'
import type { CommandResult, RunningCommand } from '../../support/weft-command.js'
import { expectNoStack, until, YarnJobs } from '../../support/yarn-jobs.js'

const ENDLESS = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE void (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n FROM ticks;`

const COUNTED = `SET 'execution.runtime-mode' = 'batch';
CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000');
SELECT COUNT(*) AS c FROM ticks;`

const SHORT = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '5');
CREATE TABLE void (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n FROM ticks;`

const FAILING = `import { StreamExecutionEnvironment } from 'weft'
export async function main() {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  env.fromElements(1, 2, 3).map((n) => {
    if (n === 2) throw new Error('no twos')
    return n
  }).print()
  await env.execute('picky')
}`

/** What it finds in its thread that a job before it left there. */
const STICKY = `import { StreamExecutionEnvironment } from 'weft'
export async function main() {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const found = env.fromElements(1).map(() => {
    const before = globalThis.left ?? 0
    globalThis.left = before + 1
    return before + ' in ' + process.pid
  })
  for await (const each of await found.executeAndCollect()) console.log('found ' + each)
}`

describe('a session on YARN', function () {
  this.timeout(240_000)
  let jobs: YarnJobs
  let folder: string
  before(async () => {
    jobs = await YarnJobs.start()
    folder = mkdtempSync(join(tmpdir(), 'weft-yarn-'))
    writeFileSync(join(folder, 'endless.sql'), ENDLESS)
    writeFileSync(join(folder, 'count.sql'), COUNTED)
    writeFileSync(join(folder, 'short.sql'), SHORT)
    writeFileSync(join(folder, 'picky.ts'), FAILING)
    writeFileSync(join(folder, 'sticky.ts'), STICKY)
  })
  afterEach(() => jobs.endAll())
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function detached(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await jobs.weft(['yarn-session', '-d', ...args]).result
    expect(status, stderr).to.equal(0)
    const id = stdout.trim()
    expect(id).to.match(/^application_\d+_\d+$/)
    expect(stderr).to.contain('YARN application has been deployed successfully.')
    expect(stderr).to.contain(`weft run -t yarn-session -Dyarn.application.id=${id}`)
    return id
  }
  const run = (id: string, ...args: string[]): RunningCommand =>
    jobs.weft(['run', '-t', 'yarn-session', `-Dyarn.application.id=${id}`, ...args], { cwd: folder })
  const stop = (id: string): Promise<CommandResult> => jobs.weft(['yarn-session', '-id', id, '--stop']).result
  const overview = async (id: string) =>
    ((await jobs.proxied(id, 'jobs/overview')) as JobsOverview).jobs.map(({ jid, name, state }) => ({ jid, name, state }))

  it('takes jobs side by side, outlives one that fails, lists and cancels them, and stops without a trace', async () => {
    const id = await detached('-nm', 'shared', '-s', '1', '-tm', '512')
    const report = await jobs.report(id)
    expect(report).to.include({ name: 'shared', state: 'RUNNING' })
    expect(jobs.taskManagers(id), 'no TaskManager before there is a job').to.deep.equal([])

    const [one, two] = await Promise.all([run(id, '-d', 'endless.sql').result, run(id, '-d', '-p', '2', 'endless.sql').result])
    expect(one.status, one.stderr).to.equal(0)
    expect(two.status, two.stderr).to.equal(0)
    const [first, second] = [one.stdout.trim(), two.stdout.trim()]
    await until('both jobs to run', async () => {
      const all = await Promise.all([first, second].map(async (job) => (await jobs.proxied(id, `jobs/${job}`)) as JobDetails))
      return all.every(({ vertices }) => vertices.every(({ metrics }) => metrics['write-records'] > 0))
    })

    const failed = await run(id, 'picky.ts').result
    expect(failed.status).to.equal(1)
    expect(failed.stderr).to.contain('no twos').and.to.contain("Job 'picky'")
    const counted = await run(id, 'count.sql').result
    expect(counted.status, counted.stderr).to.equal(0)
    expect(counted.stdout).to.match(/\| +1000 \|/)
    expect(await overview(id)).to.deep.include.members([
      { jid: first, name: 'insert-into_default_catalog.default_database.void', state: 'RUNNING' },
      { jid: second, name: 'insert-into_default_catalog.default_database.void', state: 'RUNNING' },
    ])

    const list = await jobs.weft(['list', '-t', 'yarn-session', `-Dyarn.application.id=${id}`, '-a']).result
    expect(list.status, list.stderr).to.equal(0)
    expect(list.stdout)
      .to.match(new RegExp(` : ${first} : .* \\(RUNNING\\)`))
      .and.to.match(/ : picky \(FAILED\)/)
    const cancelled = await jobs.weft(['cancel', '-yid', id, first]).result
    expect(cancelled.status, cancelled.stderr).to.equal(0)
    const states = new Map((await overview(id)).map(({ jid, state }) => [jid, state]))
    expect([states.get(first), states.get(second)]).to.deep.equal(['CANCELED', 'RUNNING'])
    expect((await jobs.report(id)).state).to.equal('RUNNING')

    const stopped = await stop(id)
    expect(stopped.status, stopped.stderr).to.equal(0)
    expect(stopped.stderr).to.contain(`Session ${id} has ended: FINISHED / SUCCEEDED`)
    await jobs.expectNothingLeft(id, 'FINISHED', 'SUCCEEDED')
    expect(jobs.masterLog(id)).to.match(/asked = granted = released/)
    const late = await run(id, 'count.sql').result
    expect(late.status).to.equal(1)
    expect(late.stderr).to.contain(`${id} takes no jobs: it has ended (FINISHED / SUCCEEDED)`)
    expectNoStack(late.stderr)
  })

  it('gives a job threads of its own in a TaskManager that another has used', async () => {
    const id = await detached('-s', '1', '-tm', '512')
    const found: string[] = []
    for (let time = 0; time < 3; time++) {
      const { status, stdout, stderr } = await run(id, 'sticky.ts').result
      expect(status, stderr).to.equal(0)
      found.push(/found (.*)/.exec(stdout)?.[1] ?? stdout)
    }
    expect(found[0]).to.match(/^0 in \d+$/)
    expect(new Set(found), 'the same process each time, and nothing in it').to.have.property('size', 1)
    expect((await stop(id)).status).to.equal(0)
    await jobs.expectNothingLeft(id, 'FINISHED', 'SUCCEEDED')
  })

  it('attached: shows how to use it; Ctrl-C stops the session of its command, and leaves one that it only attached to', async () => {
    const owner = jobs.weft(['yarn-session', '-s', '1', '-tm', '512'])
    const [id] = await owner.says(/application_\d+_\d+/)
    await owner.says(/--stop/)
    const watcher = jobs.weft(['yarn-session', '-id', id])
    await watcher.says(/--stop/)
    watcher.child.kill('SIGINT')
    const watched = await watcher.result
    expect(watched.status, watched.stderr).to.equal(0)
    expect(watched.stderr).to.contain(`${id} goes on without this command.`)
    const job = await run(id, '-d', 'endless.sql').result
    expect(job.status, job.stderr).to.equal(0)
    owner.child.kill('SIGINT')
    const { status, stderr } = await owner.result
    expect(status, stderr).to.equal(0)
    expect(stderr).to.contain(`Session ${id} has ended: FINISHED / SUCCEEDED`)
    await jobs.expectNothingLeft(id, 'FINISHED', 'SUCCEEDED')
  })

  it('ends itself when it has been idle for as long as is asked', async () => {
    const id = await detached('-D', 'session.idle-timeout=3 s', '-tm', '512')
    expect((await run(id, 'count.sql').result).status).to.equal(0)
    await until('its end', async () => (await jobs.report(id)).state === 'FINISHED')
    await jobs.expectNothingLeft(id, 'FINISHED', 'SUCCEEDED')
    expect(jobs.masterLog(id)).to.contain('no job has run for 3 s (session.idle-timeout)')
  })

  it('goes on with its jobs under another master, and still knows those that ended', async () => {
    const id = await detached('-s', '1', '-tm', '512')
    expect((await run(id, 'count.sql').result).status).to.equal(0)
    const endless = (await run(id, '-d', 'endless.sql').result).stdout.trim()
    const done = (await run(id, '-d', 'short.sql').result).stdout.trim()
    // From then on its end is written down; a state alone is there a moment before.
    await until('the short one to end', async () => {
      const { status } = (await jobs.proxied(id, `jobs/${done}/execution-result`)) as ExecutionResult
      return status.id === 'COMPLETED'
    })
    const before = jobs.master(id)
    expect(before).not.to.equal(undefined)
    process.kill(before!.pid, 'SIGKILL')
    await until('another master', () => jobs.master(id)?.pid !== before!.pid && jobs.master(id) !== undefined)
    const after = await until('its jobs', async () => {
      const all = await overview(id).catch(() => [])
      const states = new Map(all.map(({ jid, state }) => [jid, state]))
      return states.get(endless) === 'RUNNING' && states
    })
    expect(after.get(done), 'it does not run again').to.equal('FINISHED')
    expect((await run(id, 'count.sql').result).status).to.equal(0)
    expect((await stop(id)).status).to.equal(0)
    await jobs.expectNothingLeft(id, 'FINISHED', 'SUCCEEDED')
  })

  it('tells what is wrong with a session that is named: unknown, none, not given, somebody else’s', async () => {
    const failing = async (args: string[], user?: string): Promise<string> => {
      const environment = user === undefined ? {} : { HADOOP_USER_NAME: user }
      const { status, stderr } = await jobs.weft(args, { cwd: folder, environment }).result
      expect(status, stderr).to.equal(1)
      expectNoStack(stderr)
      return stderr
    }
    const job = 'count.sql'
    expect(await failing(['run', '-t', 'yarn-session', job])).to.contain('-t yarn-session needs -Dyarn.application.id')
    expect(await failing(['run', '-t', 'yarn-session', '-Dyarn.application.id=application_1_0001', job])).to.contain(
      'does not know application_1_0001',
    )
    expect(await failing(['run', '-t', 'yarn-application', '-Dyarn.application.id=application_1_0001', job])).to.contain(
      "-Dyarn.application.id names the session that is to take the job, which is target 'yarn-session'",
    )
    expect(await failing(['yarn-session', '-z', 'ns'])).to.contain('-z is refused')
    expect(await failing(['yarn-session', '--stop'])).to.contain("it needs the session's id")

    const alone = await jobs.script(ENDLESS, ['-d']).result
    const application = alone.stdout.split('\n')[0] ?? ''
    expect(await failing(['run', '-t', 'yarn-session', `-Dyarn.application.id=${application}`, job])).to.match(
      new RegExp(`${application} is no session\\. .*runs the application`),
    )
    expect(await failing(['yarn-session', '-id', application, '--stop'])).to.contain(`${application} is no session`)
    expect((await jobs.report(application)).state).to.equal('RUNNING')
    expect((await jobs.weft(['cancel', application]).result).status).to.equal(0)

    const id = await detached('-tm', '512')
    expect(await failing(['run', '-t', 'yarn-session', `-Dyarn.application.id=${id}`, job], 'mallory')).to.contain(
      `${id} was started by user alice, who alone may submit jobs to it; this is user mallory`,
    )
    expect((await stop(id)).status).to.equal(0)
  })
})

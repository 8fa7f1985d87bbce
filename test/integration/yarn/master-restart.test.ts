/** A master that dies between the statements of a script: what has ended does not run again. */
import { expect } from 'chai'
import type { ApplicationDetails } from '#core/rest/responses.js'
import { applicationOf, expectNoStack, until, YarnJobs } from '../../support/yarn-jobs.js'

const FIRST_ROWS = 500
/** Eight seconds' worth. */
const SECOND_ROWS = 400
const sequence = (rows: number) => `'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '${rows}'`
const SCRIPT = `SET 'table.dml-sync' = 'true';
CREATE TABLE quick (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000', ${sequence(FIRST_ROWS)});
CREATE TABLE slow (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50', ${sequence(SECOND_ROWS)});
CREATE TABLE first_out (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'master-restart/one', 'format' = 'csv');
CREATE TABLE second_out (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'master-restart/two', 'format' = 'csv');
INSERT INTO first_out SELECT n FROM quick;
INSERT INTO second_out SELECT n FROM slow;`

describe('a master that dies between two INSERTs', () => {
  let jobs: YarnJobs
  before(async () => void (jobs = await YarnJobs.start()))
  afterEach(() => jobs.endAll())
  after(() => jobs?.cluster.hdfs.delete(jobs.uri('master-restart')))

  /** Name, length and time of each file. */
  async function files(folder: string): Promise<string[]> {
    const found: string[] = []
    for await (const { pathSuffix, length, modificationTime } of jobs.cluster.hdfs.list(jobs.uri(folder)))
      found.push(`${pathSuffix} ${length} ${modificationTime}`)
    return found.sort()
  }
  async function rows(folder: string): Promise<number[]> {
    const texts = await Promise.all((await jobs.list(folder)).map((name) => jobs.read(`${folder}/${name}`)))
    return texts.flatMap((text) => text.trimEnd().split('\n').map(Number)).sort((a, b) => a - b)
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

  it('runs the second one again, and not the first', async () => {
    const command = jobs.script(SCRIPT, ['-D', 'yarn.application-attempts=2'])
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const details = async () => (await jobs.proxied(applicationId, `applications/${jobIdOf(await started)}`)) as ApplicationDetails
    const started = command.says(/submitted with JobID ([0-9a-f]{32})[^]*submitted with JobID ([0-9a-f]{32})/)
    const [, first = '', second = ''] = await started
    await until('rows of the second INSERT', async () =>
      (await details()).jobs.some(({ jid, state }) => jid === second && state === 'RUNNING'),
    )
    const before = await files('master-restart/one')
    expect(before).not.to.deep.equal([])
    const master = await until('the master', () => jobs.master(applicationId))
    process.kill(master.pid, 'SIGKILL')
    const again = await until('the second attempt at its work', async () => {
      const next = jobs.master(applicationId)
      if (next === undefined || next.container === master.container) return undefined
      const now = await details().catch(() => undefined)
      return now !== undefined && now.jobs.length === 2 ? now : undefined
    })
    expect(again.statements.map(({ kind, jobid, recovered }) => [kind, jobid, recovered ?? false]).slice(-2)).to.deep.equal([
      ['insert', first, true],
      ['insert', second, false],
    ])
    const [recovered] = again.jobs
    expect([recovered?.jid, recovered?.state, recovered?.tasks.finished]).to.deep.equal([first, 'FINISHED', recovered?.tasks.total])
    const result = await command.result
    expect(result.status, result.stderr).to.equal(0)
    expectNoStack(result.stderr)
    expect(applicationOf(result)).to.equal(applicationId)
    expect(await files('master-restart/one')).to.deep.equal(before)
    expect(await rows('master-restart/one')).to.deep.equal(upTo(FIRST_ROWS))
    expect(await rows('master-restart/two')).to.deep.equal(upTo(SECOND_ROWS))
    expect(jobs.masterLog(applicationId)).to.contain(`(${first}) was FINISHED under an earlier attempt and does not run again.`)
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'SUCCEEDED')
  })
})

function jobIdOf([, id = '']: RegExpExecArray): string {
  return id
}

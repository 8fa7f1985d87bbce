/** Savepoints of a job on YARN: through the proxy, into HDFS, and a job that goes on from there at another parallelism. */
import { expect } from 'chai'
import type { CheckpointsBody } from '#core/rest/checkpoint-responses.js'
import { until, YarnJobs } from '../../support/yarn-jobs.js'

const COUNTING = `SET 'execution.checkpointing.interval' = '1 s';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');
CREATE TABLE void (k BIGINT, c BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n % 10, COUNT(*) FROM numbers GROUP BY n % 10;`

describe('savepoints on YARN', () => {
  let jobs: YarnJobs
  before(async () => void (jobs = await YarnJobs.start()))
  afterEach(() => jobs.endAll())

  async function start(options: readonly string[]): Promise<{ applicationId: string; jobId: string }> {
    const { status, stdout, stderr } = await jobs.script(COUNTING, ['-d', ...options]).result
    expect(status, stderr).to.equal(0)
    const [applicationId = '', jobId = ''] = stdout.trimEnd().split('\n')
    return { applicationId, jobId }
  }
  const checkpoints = async (applicationId: string, jobId: string) =>
    (await jobs.proxied(applicationId, `jobs/${jobId}/checkpoints`)) as CheckpointsBody

  it('stops a job by its application’s id, starts it again from there, and leaves no checkpoints behind', async () => {
    const first = await start(['-p', '2'])
    await until('a checkpoint', async () => (await checkpoints(first.applicationId, first.jobId)).counts.completed > 0)
    const stopped = await jobs.weft(['stop', '-p', `${jobs.home}/savepoints ä`, first.applicationId]).result
    expect(stopped.status, stopped.stderr).to.equal(0)
    expect(stopped.stdout).to.contain(`Suspending job "${first.jobId}" with a CANONICAL savepoint.`)
    const path = /^Savepoint completed\. Path: (.*)$/m.exec(stopped.stdout)?.[1] ?? ''
    expect(path).to.match(new RegExp(`^${jobs.home}/savepoints ä/savepoint-${first.jobId.slice(0, 6)}-[0-9a-f]{12}$`))
    await jobs.expectNothingLeft(first.applicationId, 'FINISHED', 'SUCCEEDED')

    const second = await start(['-p', '1', '-s', path])
    const { latest } = await until('a checkpoint', async () => {
      const body = await checkpoints(second.applicationId, second.jobId)
      return body.counts.completed > 0 && body
    })
    expect(latest.restored).to.deep.include({ is_savepoint: true, external_path: path })
    const taken = await jobs.weft(['savepoint', second.jobId, `${jobs.home}/savepoints`]).result
    expect(taken.status, taken.stderr).to.equal(0)
    const info = await jobs.weft(['checkpoint-info', path]).result
    expect(info.stdout, info.stderr).to.match(/Savepoint \d+: [\s\S]*parallelism 2, max 128/)
    const disposed = await jobs.weft(['savepoint', '-d', path]).result
    expect(disposed.stdout, disposed.stderr).to.contain(`Savepoint '${path}' disposed.`)
    expect(await jobs.cluster.hdfs.status(path)).to.equal(undefined)
    expect((await jobs.weft(['cancel', second.applicationId]).result).status).to.equal(0)
    await jobs.expectNothingLeft(second.applicationId, 'FINISHED', 'KILLED')
  })
})

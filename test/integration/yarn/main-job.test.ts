/** examples/flight-delays.sql, unchanged, on YARN with input and output in HDFS. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { expectedWeeklyDelays, expectedWorstStates, normalizeWeeklyDelay } from '../../support/flight-delays.js'
import { projectRoot } from '../../support/project-root.js'
import type { CommandResult } from '../../support/weft-command.js'
import { applicationOf, YarnJobs } from '../../support/yarn-jobs.js'

const SCRIPT = join(projectRoot, 'examples/flight-delays.sql')
const DATA = join(projectRoot, 'examples/data')
const PARALLELISM = 2

describe('examples/flight-delays.sql on YARN', () => {
  let jobs: YarnJobs
  let result: CommandResult
  let applicationId: string

  before(async function () {
    jobs = await YarnJobs.start()
    expect(existsSync(join(DATA, '.ready')), 'run dist/tools/prepare-example-data.js first').to.equal(true)
    for (const folder of ['flights', 'airports']) {
      for (const name of readdirSync(join(DATA, folder)))
        await jobs.write(`examples/data/${folder}/${name}`, readFileSync(join(DATA, folder, name)))
    }
    await jobs.cluster.hdfs.delete(jobs.uri('examples/data/weekly-delays'))
    await jobs.cluster.hdfs.delete(jobs.uri('.weft'))
    result = await jobs.run(['-p', String(PARALLELISM), SCRIPT]).result
    applicationId = applicationOf(result)
  })
  after(async () => {
    await jobs?.endAll()
    await jobs?.cluster.hdfs.delete(jobs.uri('examples'))
  })

  it('ends FINISHED / SUCCEEDED with exit status 0 and leaves no container, process or staged file', async () => {
    expect(result.status, result.stderr).to.equal(0)
    expect(result.stderr).to.contain(`Application ${applicationId}: FINISHED / SUCCEEDED`)
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'SUCCEEDED')
  })

  it('writes to HDFS what independent code computes, and nothing else', async () => {
    const names = await jobs.list('examples/data/weekly-delays')
    expect(names.filter((name) => /^[._]/.test(name))).to.deep.equal([])
    const lines = (await Promise.all(names.map((name) => jobs.read(`examples/data/weekly-delays/${name}`)))).flatMap((text) =>
      text.trimEnd().split('\n'),
    )
    expect(lines.map(normalizeWeeklyDelay).sort()).to.deep.equal(expectedWeeklyDelays())
  })

  it('shows the table of the SELECT at the client', () => {
    const shown = result.stdout.slice(result.stdout.indexOf('Result:'))
    const table = [...shown.matchAll(/^\| +([A-Z]{2}) \| +(.*) \|$/gm)].map(([, state = '', rest = '']) => [state, ...rest.split(/ *\| */)])
    expect(table.sort((a, b) => Number(b[3]) - Number(a[3]) || (String(a[0]) < String(b[0]) ? -1 : 1))).to.deep.equal(expectedWorstStates())
  })

  it('got the containers it asked for, no more, and gave all back', () => {
    const log = jobs.masterLog(applicationId)
    const [, asked, granted, released] =
      /Containers: asked (\d+), granted (\d+), released (\d+) \(asked = granted = released\)/.exec(log) ?? []
    expect([asked, granted, released], log).to.deep.equal([String(PARALLELISM), String(PARALLELISM), String(PARALLELISM)])
    const workers = new Set(
      [...jobs.logs(applicationId).keys()].map((name) => name.split('/')[0]).filter((name) => !name?.endsWith('_000001')),
    )
    expect(workers.size).to.equal(PARALLELISM)
  })

  it('stores the runtime once: a second submission uploads none', async () => {
    const runtime = async () => {
      const [name, ...others] = await jobs.list('.weft/runtime')
      expect(others).to.deep.equal([])
      expect(name).to.match(/^[0-9a-f]{16}-\d+\.tar\.gz$/)
      return jobs.cluster.hdfs.status(jobs.uri(`.weft/runtime/${name}`))
    }
    const before = await runtime()
    await jobs.write('numbers/a.csv', '1\n2\n')
    const second = jobs.script(`CREATE TABLE numbers (n INT) WITH ('connector' = 'filesystem', 'path' = 'numbers', 'format' = 'csv');
      SET 'execution.runtime-mode' = 'batch'; SELECT SUM(n) AS total FROM numbers;`)
    const ended = await second.result
    expect(ended.status, ended.stderr).to.equal(0)
    expect(ended.stdout).to.match(/\| +3 \|/)
    // Same file, same time: not written again.
    expect(await runtime()).to.deep.equal(before)
    await jobs.expectNothingLeft(applicationOf(ended), 'FINISHED', 'SUCCEEDED')
  })
})

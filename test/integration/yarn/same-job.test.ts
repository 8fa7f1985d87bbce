/** One and the same file, in this process's machine and on YARN: only the target differs, the output does not. */
import { expect } from 'chai'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { normalizeWeeklyDelay } from '../../support/flight-delays.js'
import { projectRoot } from '../../support/project-root.js'
import { LAST_ID } from '../../support/programs/rules-and-windows.js'
import { runWeft } from '../../support/weft-command.js'
import { applicationOf, YarnJobs } from '../../support/yarn-jobs.js'

const PROGRAM = 'test/support/programs/rules-and-windows.ts'
const SCRIPT = 'examples/flight-delays.sql'
const DATA = 'examples/data'
const INPUTS = ['flights', 'airports']
/** What follows the target; paths are relative, so below the working directory or the user's home in HDFS. */
const OPTIONS = ['-p', '2', '-D', 'execution.checkpointing.interval=500 ms']

describe('the same file with -t local and -t yarn-application', () => {
  let jobs: YarnJobs
  let folder: string
  before(async () => {
    jobs = await YarnJobs.start()
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
  })
  afterEach(() => jobs.endAll())
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Runs `job` on both; lines of the files in each of `outputs`, sorted. */
  async function onBoth(job: readonly string[], outputs: readonly string[]): Promise<{ local: string[][]; yarn: string[][] }> {
    const here = await runWeft(['run', '-t', 'local', ...OPTIONS, ...job], { cwd: folder })
    expect(here.status, here.stderr).to.equal(0)
    const there = await jobs.weft(['run', '-t', 'yarn-application', ...OPTIONS, ...job], { cwd: folder }).result
    expect(there.status, there.stderr).to.equal(0)
    await jobs.expectNothingLeft(applicationOf(there), 'FINISHED', 'SUCCEEDED')
    const sorted = (texts: readonly string[]): string[] => texts.flatMap((text) => text.trimEnd().split('\n')).sort()
    const local = outputs.map((output) =>
      sorted(readdirSync(join(folder, output)).map((name) => readFileSync(join(folder, output, name), 'utf8'))),
    )
    const yarn: string[][] = []
    for (const output of outputs) {
      const names = await jobs.list(output)
      yarn.push(sorted(await Promise.all(names.map((name) => jobs.read(`${output}/${name}`)))))
      await jobs.cluster.hdfs.delete(jobs.uri(output))
    }
    return { local, yarn }
  }

  it('a DataStream program: broadcast and keyed state, timers, windows, two sinks', async () => {
    const { local, yarn } = await onBoth([join(projectRoot, PROGRAM), 'same-job', '40000'], ['same-job/counted', 'same-job/sums'])
    expect(local.map((lines) => lines.length)).to.deep.equal([LAST_ID + 1, yarn[1]?.length])
    expect(yarn).to.deep.equal(local)
  })

  it('an SQL script: windows and a join over files', async () => {
    mkdirSync(join(folder, DATA), { recursive: true })
    for (const input of INPUTS) {
      symlinkSync(join(projectRoot, DATA, input), join(folder, DATA, input))
      for (const name of readdirSync(join(projectRoot, DATA, input)))
        await jobs.write(`${DATA}/${input}/${name}`, readFileSync(join(projectRoot, DATA, input, name)))
    }
    const { local, yarn } = await onBoth([join(projectRoot, SCRIPT)], [`${DATA}/weekly-delays`])
    const rows = (lines: readonly string[] | undefined) => lines?.map(normalizeWeeklyDelay).sort()
    expect(local[0]).to.have.length.greaterThan(1000)
    expect(rows(yarn[0])).to.deep.equal(rows(local[0]))
    await jobs.cluster.hdfs.delete(jobs.uri('examples'))
  })
})

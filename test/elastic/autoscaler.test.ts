import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AutoscalerBody, RescaleSummary, ResourceRequirementsAnswer } from '#core/rest/rescale-responses.js'
import { freePort } from '../support/free-port.js'
import { projectRoot } from '../support/project-root.js'
import { KEYS } from '../support/programs/changing-load.js'
import { startWeft, type RunningCommand } from '../support/weft-command.js'
import { exactnessOf, parseRows } from './exactness.js'

const PROGRAM = join(projectRoot, 'test/support/programs/changing-load.ts')
const MS_PER_NUMBER = 4
const MOST = 4

describe('the autoscaler', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  for (const isolation of ['THREADS', 'PROCESSES']) {
    it(`follows the load up and down, in ${isolation.toLowerCase()}, and every number is counted once`, async function () {
      this.timeout(300_000)
      const port = await freePort()
      const rate = join(folder, 'rate')
      writeFileSync(rate, '50')
      const settings = {
        'job.autoscaler.enabled': 'true',
        'job.autoscaler.metrics.window': '3 s',
        'job.autoscaler.stabilization.interval': '2 s',
        'job.autoscaler.scale-down.interval': '2 s',
        'job.autoscaler.restart.time': '1 s',
        'job.autoscaler.vertex.max-parallelism': String(MOST),
        'execution.checkpointing.interval': '1 s',
        'local.isolation': isolation,
        'taskmanager.numberOfTaskSlots': '2',
        'rest.bind-port': String(port),
      }
      const options = Object.entries(settings).flatMap(([key, value]) => ['-D', `${key}=${value}`])
      const weft = startWeft(['run', '-p', '1', ...options, PROGRAM, join(folder, 'out'), rate, String(MS_PER_NUMBER)], {
        cwd: folder,
        environment: { TMPDIR: folder },
      })
      await weft.says(/RUNNING/)
      const { jobs } = await rest<{ jobs: { id: string }[] }>(port, '/jobs')
      const job = `/jobs/${jobs[0]?.id ?? ''}`
      const highest = async () =>
        Math.max(
          ...Object.values(await rest<ResourceRequirementsAnswer>(port, `${job}/resource-requirements`)).map(({ current }) => current),
        )
      expect(await highest()).to.equal(1)
      // One subtask takes 250 a second.
      writeFileSync(rate, '450')
      await until(async () => (await highest()) > 1, weft)
      await until(async () => (await rest<RescaleSummary[]>(port, `${job}/rescales/history`))[0]?.terminalState === 'COMPLETED', weft)
      writeFileSync(rate, '20')
      await until(async () => (await highest()) === 1, weft)
      const history = await rest<RescaleSummary[]>(port, `${job}/rescales/history`)
      for (const { reason } of history) expect(reason).to.match(/^autoscaler: .* rows\/s are wanted, it /)
      const { decisions, vertices } = await rest<AutoscalerBody>(port, `${job}/rescales/autoscaler`)
      expect(decisions.map(({ kind }) => kind)).to.include('scale')
      expect(Object.keys(vertices).length).to.be.greaterThan(0)
      writeFileSync(rate, 'end')
      const { status, stderr } = await weft.result
      expect(status, stderr).to.equal(0)
      expectExact(join(folder, 'out'))
    })
  }
})

async function rest<T>(port: number, path: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  const body = (await answer.json()) as T
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status} ${JSON.stringify(body)}`)
  return body
}

async function until(holds: () => Promise<boolean>, weft: RunningCommand): Promise<void> {
  let ended: string | undefined
  void weft.result.then(({ stderr }) => (ended = stderr))
  while (!(await holds())) {
    if (ended !== undefined) throw new Error(`the job ended: ${ended}`)
    await sleep(100)
  }
}

/** Each number from 0 on once, and each key's counts 1, 2, 3, … */
function expectExact(directory: string): void {
  const files = readdirSync(directory).filter((name) => name.startsWith('part-'))
  const exact = exactnessOf(parseRows(files.map((name) => readFileSync(join(directory, name), 'utf8'))), KEYS)
  expect(exact.rows).to.be.greaterThan(KEYS)
  expect(exact).to.deep.equal({ rows: exact.rows, missing: [], repeated: [], miscounted: [] })
}

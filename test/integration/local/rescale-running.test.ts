import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RescaleSummary, ResourceRequirementsAnswer } from '#core/rest/rescale-responses.js'
import { chaosJob } from '../../chaos/job.js'
import { describeVerdict, isExact, judge } from '../../chaos/oracle.js'
import { freePort } from '../../support/free-port.js'
import { runWeft, startWeft } from '../../support/weft-command.js'

const LAST_ID = 209_999
const RATE = 6_000

async function rest<T>(port: number, path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, init)
  const body = (await answer.json()) as T
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status} ${JSON.stringify(body)}`)
  return body
}

describe('rescaling a running job', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const files = (directory: string) =>
    readdirSync(directory)
      .filter((name) => name.startsWith('part-'))
      .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }))

  for (const isolation of ['THREADS', 'PROCESSES']) {
    it(`up, down and up again, in ${isolation.toLowerCase()}: no row is lost and none comes twice`, async function () {
      this.timeout(180_000)
      const port = await freePort()
      const out = join(folder, 'out')
      writeFileSync(join(folder, 'job.sql'), chaosJob(out, RATE, LAST_ID))
      const weft = startWeft(
        [
          ...['run', '-p', '2', '-D', `rest.bind-port=${port}`, '-D', 'execution.checkpointing.interval=1 s'],
          ...['-D', `local.isolation=${isolation}`, '-D', 'taskmanager.numberOfTaskSlots=2', 'job.sql'],
        ],
        { cwd: folder, environment: { TMPDIR: folder } },
      )
      await weft.says(/RUNNING/)
      const { jobs } = await rest<{ jobs: { id: string }[] }>(port, '/jobs')
      const job = jobs[0]?.id ?? ''
      for (const parallelism of [4, 1, 3]) {
        await sleep(1_500)
        const { status, stdout, stderr } = await runWeft(['rescale', job, '-m', `127.0.0.1:${port}`, '-p', String(parallelism)], {
          cwd: folder,
        })
        expect(status, `to ${parallelism}: ${stdout} ${stderr}`).to.equal(0)
        const now = await rest<ResourceRequirementsAnswer>(port, `/jobs/${job}/resource-requirements`)
        for (const { current, fixed, name } of Object.values(now)) if (fixed === null) expect(current, name).to.equal(parallelism)
      }
      const history = await rest<RescaleSummary[]>(port, `/jobs/${job}/rescales/history`)
      expect(history.map(({ terminalState }) => terminalState)).to.deep.equal(['COMPLETED', 'COMPLETED', 'COMPLETED'])
      expect(history.map(({ phases }) => phases.map(({ phase }) => phase).join(' '))[0]).to.contain('checkpoint cancel restore deploy')
      const { status, stderr } = await weft.result
      expect(status, stderr).to.equal(0)
      const verdict = judge(files(out), LAST_ID)
      expect(isExact(verdict), `${describeVerdict(verdict)} ${verdict.examples.join('; ')}`).to.equal(true)
    })
  }
})

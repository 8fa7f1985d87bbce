import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chaosJob } from '../../chaos/job.js'
import { describeVerdict, isExact, judge } from '../../chaos/oracle.js'
import { freePort } from '../../support/free-port.js'
import { runWeft, startWeft, type RunningCommand } from '../../support/weft-command.js'

const LAST_ID = 39_999
const RATE = 8_000

/** Answers of the embedded master's REST endpoint. */
async function rest<T>(port: number, path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, init)
  const body = (await answer.json()) as T
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status} ${JSON.stringify(body)}`)
  return body
}

/** Resolves with the savepoint's path when the job has stopped. */
async function stopWithSavepoint(weft: RunningCommand, port: number, directory: string): Promise<string> {
  const { jobs } = await rest<{ jobs: { id: string }[] }>(port, '/jobs')
  const job = jobs[0]?.id ?? ''
  const trigger = await rest<{ 'request-id': string }>(port, `/jobs/${job}/stop`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ targetDirectory: directory, drain: false }),
  })
  let exited = false
  void weft.result.then(() => (exited = true))
  while (!exited) {
    // The master may be gone with its job before it is asked again.
    const status = await rest<{ status: { id: string }; operation?: { location?: string; 'failure-cause'?: unknown } }>(
      port,
      `/jobs/${job}/savepoints/${trigger['request-id']}`,
    ).catch(() => undefined)
    if (status?.operation?.['failure-cause'] !== undefined) throw new Error(JSON.stringify(status.operation['failure-cause']))
    if (status?.operation?.location !== undefined) break
    await sleep(20)
  }
  const { status, stderr } = await weft.result
  expect(status, stderr).to.equal(0)
  const [name] = readdirSync(directory)
  return join(directory, name ?? '')
}

describe('a savepoint at another parallelism', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const files = (directory: string) =>
    readdirSync(directory)
      .filter((name) => name.startsWith('part-'))
      .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }))

  it('SQL: windows, a join, sources and files go on at 1, 3 and 8 as if nothing had been', async function () {
    this.timeout(180_000)
    const port = await freePort()
    const first = join(folder, 'first')
    writeFileSync(join(folder, 'first.sql'), chaosJob(first, RATE, LAST_ID))
    const weft = startWeft(
      ['run', '-p', '2', '-D', `rest.bind-port=${port}`, '-D', 'execution.checkpointing.interval=500 ms', 'first.sql'],
      { cwd: folder, environment: { TMPDIR: folder } },
    )
    await weft.says(/RUNNING/)
    await sleep(2_000)
    const savepoint = await stopWithSavepoint(weft, port, join(folder, 'savepoints'))
    const before = files(first)
    expect(before.length).to.be.greaterThan(0)
    expect(judge(before, LAST_ID).missing, 'the job was stopped before its end').to.be.greaterThan(0)
    for (const parallelism of [1, 3, 8]) {
      const then = join(folder, `then-${parallelism}`)
      writeFileSync(join(folder, 'then.sql'), chaosJob(then, 100_000, LAST_ID))
      const { status, stderr } = await runWeft(['run', '-p', String(parallelism), '-s', savepoint, 'then.sql'], { cwd: folder })
      expect(status, stderr).to.equal(0)
      const verdict = judge([...before, ...files(then)], LAST_ID)
      expect(isExact(verdict), `at ${parallelism}: ${describeVerdict(verdict)} ${verdict.examples.join('; ')}`).to.equal(true)
    }
  })
})

import { expect } from 'chai'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chaosJob } from '../../chaos/job.js'
import { describeVerdict, isExact, judge } from '../../chaos/oracle.js'
import { projectRoot } from '../../support/project-root.js'
import { freePort } from '../../support/free-port.js'
import * as rules from '../../support/programs/rules-and-windows.js'
import { runWeft, startWeft, type CommandResult, type RunningCommand } from '../../support/weft-command.js'

/** So many that the job runs for 10 s: a slow machine stops it before its end, too. */
const LAST_ID = 79_999
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

  it('DataStream: keyed, operator, broadcast and window state go on at 1, 3 and 8 as if nothing had been', async function () {
    this.timeout(180_000)
    const program = join(projectRoot, 'test/support/programs/rules-and-windows.ts')
    const expected = rulesAndWindows()
    const port = await freePort()
    const first = join(folder, 'first')
    const weft = startWeft(
      ['run', '-p', '2', '-D', `rest.bind-port=${port}`, '-D', 'execution.checkpointing.interval=500 ms', program, first, '4000'],
      { cwd: folder, environment: { TMPDIR: folder } },
    )
    // Closed windows are there, and open ones.
    await written(join(first, 'sums'), weft)
    const savepoint = await stopWithSavepoint(weft, port, join(folder, 'savepoints'))
    const before = lines(first)
    expect(before.counted.length, 'the job was stopped before its end').to.be.within(1, expected.counted.length - 1)
    expect(before.sums.length, 'the job was stopped before its end').to.be.within(1, expected.sums.length - 1)
    for (const parallelism of [1, 3, 8]) {
      const then = join(folder, `then-${parallelism}`)
      const { status, stderr } = await runWeft(['run', '-p', String(parallelism), '-s', savepoint, program, then, '100000'], {
        cwd: folder,
      })
      expect(status, stderr).to.equal(0)
      const after = lines(then)
      for (const part of ['counted', 'sums'] as const)
        expect(difference([...before[part], ...after[part]], expected[part]), `${part} at ${parallelism}`).to.deep.equal([])
    }
  })

  /** What lies in the files of both sinks. */
  function lines(directory: string): { readonly counted: string[]; readonly sums: string[] } {
    const of = (name: string) => files(join(directory, name)).flatMap(({ text }) => text.split('\n').filter((line) => line !== ''))
    return { counted: of('counted'), sums: of('sums') }
  }

  async function written(directory: string, weft: RunningCommand): Promise<void> {
    let ended: CommandResult | undefined
    void weft.result.then((result) => (ended = result))
    while (!existsSync(directory) || files(directory).length === 0) {
      if (ended !== undefined) throw new Error(`the job ended before anything was written: ${ended.stderr}`)
      await sleep(20)
    }
  }
})

/** What rules-and-windows must write, computed from its definition without the engine. */
function rulesAndWindows(): { readonly counted: string[]; readonly sums: string[] } {
  const counted: string[] = []
  const sums = new Map<string, [n: number, v: number]>()
  for (let id = 0; id <= rules.LAST_ID; id++) {
    const k = id % rules.KEYS
    const firstRule = Math.floor(id / rules.IDS_PER_BLOCK) * rules.RULES_PER_BLOCK
    let factor = 0
    for (let rule = firstRule; rule < firstRule + rules.RULES_PER_BLOCK; rule++) factor += rules.amountOf(rule)
    counted.push(`${id},${k},${Math.floor(id / rules.KEYS) + 1},${id * factor}`)
    const window = `${k},${Math.floor(id / rules.IDS_PER_WINDOW)}`
    const [n, v] = sums.get(window) ?? [0, 0]
    sums.set(window, [n + 1, v + id * factor])
  }
  return { counted, sums: [...sums].map(([window, [n, v]]) => `${window},${n},${v}`) }
}

/** The first lines that are there too often, or too seldom. */
function difference(found: readonly string[], expected: readonly string[]): string[] {
  const balance = new Map<string, number>()
  for (const line of expected) balance.set(line, (balance.get(line) ?? 0) - 1)
  for (const line of found) balance.set(line, (balance.get(line) ?? 0) + 1)
  return [...balance].filter(([, count]) => count !== 0).map(([line, count]) => `${line}: ${count > 0 ? '+' : ''}${count}`).slice(0, 10) // prettier-ignore
}

import { expect } from 'chai'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KEYS } from '../../support/programs/counts-per-key.js'
import { projectRoot } from '../../support/project-root.js'
import { processesOf } from '../../support/processes.js'
import { runWeft, startWeft } from '../../support/weft-command.js'

const PROCESSES = ['-Dlocal.isolation=PROCESSES', '-Dparallelism.default=2', '-Dtaskmanager.memory.process.size=256m']
const RESTARTS = [
  '-Drestart-strategy.type=fixed-delay',
  '-Drestart-strategy.fixed-delay.attempts=10',
  '-Drestart-strategy.fixed-delay.delay=50 ms',
]
const COUNTS_PER_KEY = join(projectRoot, 'test/support/programs/counts-per-key.ts')
const COUNT = `
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10000',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '30000');
CREATE TABLE counts (k BIGINT, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
SET 'execution.runtime-mode' = 'BATCH';
INSERT INTO counts SELECT MOD(id, 3), COUNT(*) FROM numbers GROUP BY MOD(id, 3);
`

describe('local target with processes', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    writeFileSync(join(folder, 'count.sql'), COUNT)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const options = () => ({ cwd: folder, environment: { TMPDIR: folder } })

  function rows(): string[] {
    return readdirSync(join(folder, 'out'))
      .filter((name) => name.startsWith('part-'))
      .flatMap((name) =>
        readFileSync(join(folder, 'out', name), 'utf8')
          .trim()
          .split('\n'),
      )
      .sort()
  }

  const pids = (entry: string): number[] => processesOf(entry, `TMPDIR=${folder}`)

  async function running(entry: string, count: number): Promise<number[]> {
    for (let tries = 0; tries < 200; tries++) {
      const found = pids(entry)
      if (found.length === count) return found
      await sleep(50)
    }
    throw new Error(`${count} processes of ${entry} wanted, ${pids(entry).length} run`)
  }

  const EXPECTED = ['0,10000', '1,10000', '2,10000']

  it('runs a job and leaves nothing behind', async () => {
    const { status, stderr } = await runWeft(['run', ...PROCESSES, 'count.sql'], options())
    expect(status, stderr).to.equal(0)
    expect(rows()).to.deep.equal(EXPECTED)
    expect(readdirSync(folder).filter((name) => name.startsWith('weft-application-'))).to.deep.equal([])
    expect([...pids('container.mjs'), ...pids('am.mjs')]).to.deep.equal([])
  })

  it('prints what its workers have to say to the last line', async () => {
    writeFileSync(
      join(folder, 'print.sql'),
      `CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000',
         'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '20000');
       CREATE TABLE lines (id BIGINT) WITH ('connector' = 'print');
       INSERT INTO lines SELECT id FROM numbers;`,
    )
    const { status, stdout, stderr } = await runWeft(['run', ...PROCESSES, 'print.sql'], options())
    expect(status, stderr).to.equal(0)
    expect(stdout.match(/\+I\[\d+\]$/gm)?.length).to.equal(20_000)
  })

  it('replaces a worker and a master that were killed', async () => {
    const weft = startWeft(['run', ...PROCESSES, ...RESTARTS, 'count.sql'], options())
    const [worker] = await running('container.mjs', 2)
    await sleep(700)
    process.kill(worker as number, 'SIGKILL')
    await sleep(1_000)
    const [master] = await running('am.mjs', 1)
    process.kill(master as number, 'SIGKILL')
    const { status, stderr } = await weft.result
    expect(status, stderr).to.equal(0)
    expect(rows()).to.deep.equal(EXPECTED)
    expect([...pids('container.mjs'), ...pids('am.mjs')]).to.deep.equal([])
  })

  it('DataStream: files hold every element and count once though workers and the master are killed', async function () {
    this.timeout(120_000)
    const last = 40_000
    const weft = startWeft(
      [
        'run',
        ...PROCESSES,
        ...RESTARTS,
        '-Dexecution.checkpointing.interval=300 ms',
        COUNTS_PER_KEY,
        join(folder, 'out'),
        '4000',
        String(last),
      ],
      options(),
    )
    let ended = false
    void weft.result.then(() => (ended = true))
    const committed = () => (existsSync(join(folder, 'out')) ? rows().length : 0)
    let seen = 0
    for (const entry of ['container.mjs', 'am.mjs', 'container.mjs']) {
      // Something was committed since the last kill: the job runs again, and has a checkpoint to go back to.
      while (committed() <= seen && !ended) await sleep(20)
      const victim = pids(entry)[0]
      seen = committed()
      expect(ended || victim === undefined, 'the job ended before all were killed').to.equal(false)
      process.kill(victim as number, 'SIGKILL')
    }
    const { status, stderr } = await weft.result
    expect(status, stderr).to.equal(0)
    expect(seen, 'written before the last kill').to.be.within(1, last - 1)
    const cells = rows().map((line) => line.split(',').map(Number))
    expect(cells.map(([id]) => id as number).sort((a, b) => a - b)).to.deep.equal(Array.from({ length: last }, (_, i) => i + 1))
    for (let key = 0; key < KEYS; key++) {
      const ofKey = cells.filter(([, k]) => k === key)
      expect(ofKey.every(([id]) => (id as number) % KEYS === key)).to.equal(true)
      const counts = ofKey.map(([, , n]) => n as number).sort((a, b) => a - b)
      expect(counts, `key ${key}`).to.deep.equal(Array.from({ length: last / KEYS }, (_, i) => i + 1))
    }
  })

  it('is given up when the JobManager has died as often as is allowed, and nothing goes on', async () => {
    const weft = startWeft(['run', ...PROCESSES, '-Dlocal.master-attempts=1', 'count.sql'], options())
    await running('container.mjs', 2)
    process.kill((await running('am.mjs', 1))[0] as number, 'SIGKILL')
    const { status, stderr } = await weft.result
    expect(status).to.equal(1)
    expect(stderr).to.match(/ended 1 times, the last time with killed by SIGKILL \(local\.master-attempts\)/)
    await running('container.mjs', 0)
  })

  it('ends at once with the second Ctrl-C, with all its processes', async () => {
    const weft = startWeft(['run', ...PROCESSES, 'count.sql'], options())
    const workers = await running('container.mjs', 2)
    // Neither master nor workers answer: cancelling in order cannot work.
    for (const pid of [...workers, ...(await running('am.mjs', 1))]) process.kill(pid, 'SIGSTOP')
    weft.child.kill('SIGINT')
    await weft.says(/Interrupted: cancelling/)
    weft.child.kill('SIGINT')
    await sleep(300)
    for (const pid of workers) process.kill(pid, 'SIGCONT')
    const { status } = await weft.result
    expect(status).to.equal(1)
    await running('container.mjs', 0)
    await running('am.mjs', 0)
  })

  it('ends with its client, even when that is killed', async () => {
    const weft = startWeft(['run', ...PROCESSES, 'count.sql'], options())
    await running('container.mjs', 2)
    weft.child.kill('SIGKILL')
    await weft.result
    await running('container.mjs', 0)
    await running('am.mjs', 0)
    expect(readdirSync(folder).filter((name) => name.startsWith('weft-application-'))).to.deep.equal([])
  })
})

import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runWeft, startWeft } from '../../support/weft-command.js'

const PROCESSES = ['-Dlocal.isolation=PROCESSES', '-Dparallelism.default=2', '-Dtaskmanager.memory.process.size=256m']
const RESTARTS = [
  '-Drestart-strategy.type=fixed-delay',
  '-Drestart-strategy.fixed-delay.attempts=10',
  '-Drestart-strategy.fixed-delay.delay=50 ms',
]
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

  function pids(entry: string): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && mentions(name, folder, entry))
      .map(Number)
  }

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

/** A process of that entry point that belongs to an application below the folder. */
function mentions(pid: string, folder: string, entry: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(entry) &&
      (readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${folder}`) ||
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder))
    )
  } catch {
    return false
  }
}

import { expect } from 'chai'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWeft } from '../../support/weft-command.js'

const ROWS = 120_000
const WINDOW = 1_000
const KEYS = 3
const SCRIPT = `
CREATE TABLE numbers (id BIGINT, ts AS TO_TIMESTAMP_LTZ(id, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH (
  'connector' = 'datagen', 'rows-per-second' = '15000',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '${ROWS - 1}');
CREATE TABLE ids (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'ids');
CREATE TABLE counts (w TIMESTAMP_LTZ(3), k BIGINT, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'counts');
SET 'execution.checkpointing.interval' = '200 ms';
EXECUTE STATEMENT SET BEGIN
INSERT INTO ids SELECT id FROM numbers;
INSERT INTO counts SELECT window_start, MOD(id, ${KEYS}), COUNT(*)
FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, MOD(id, ${KEYS});
END;
`
const OPTIONS = [
  '-Dlocal.isolation=PROCESSES',
  '-Dparallelism.default=2',
  '-Dtaskmanager.memory.process.size=256m',
  '-Drestart-strategy.type=exponential-delay',
  '-Drestart-strategy.exponential-delay.initial-backoff=100 ms',
]

describe('recovery from checkpoints', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    writeFileSync(join(folder, 'job.sql'), SCRIPT)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const files = (table: string) => readdirSync(join(folder, table))
  const rows = (table: string) =>
    files(table)
      .filter((name) => name.startsWith('part-'))
      .flatMap((name) =>
        readFileSync(join(folder, table, name), 'utf8')
          .trim()
          .split('\n'),
      )
      .filter((line) => line !== '')

  /** Waits until more files are visible, then kills a process of that entry point. */
  async function killAfterOutput(entry: string): Promise<void> {
    const before = visible()
    for (let tries = 0; tries < 600 && visible() <= before; tries++) await sleep(50)
    expect(visible(), 'no output came').to.be.greaterThan(before)
    const [pid] = pids(folder, entry)
    if (pid === undefined) throw new Error(`no process of ${entry} runs`)
    process.kill(pid, 'SIGKILL')
  }

  function visible(): number {
    try {
      return files('ids').filter((name) => name.startsWith('part-')).length
    } catch {
      return 0
    }
  }

  it('shows every row once though workers and master are killed, and rows appear before the end', async () => {
    const weft = startWeft(['run', ...OPTIONS, 'job.sql'], { cwd: folder, environment: { TMPDIR: folder } })
    for (const entry of ['container.mjs', 'am.mjs', 'container.mjs']) await killAfterOutput(entry)
    const { status, stderr } = await weft.result
    expect(status, stderr).to.equal(0)
    const ids = rows('ids').map(Number)
    expect(ids).to.have.length(ROWS)
    expect(new Set(ids).size).to.equal(ROWS)
    const counts = rows('counts').map((line) => line.split(','))
    expect(counts).to.have.length((ROWS / WINDOW) * KEYS)
    expect(new Set(counts.map(([window, key]) => `${window} ${key}`)).size).to.equal(counts.length)
    expect(counts.reduce((sum, [, , n]) => sum + Number(n), 0)).to.equal(ROWS)
    for (const table of ['ids', 'counts']) expect(files(table).filter((name) => !name.startsWith('part-'))).to.deep.equal([])
    expect(
      readdirSync(folder).filter((name) => name.startsWith('weft-checkpoints-')),
      'checkpoints of a finished job',
    ).to.deep.equal([])
  })
})

/** Processes of that entry point whose temporary directory is the folder. */
function pids(folder: string, entry: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [command, environment] = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'))
        return command?.includes(entry) === true && (environment?.includes(`TMPDIR=${folder}`) === true || command.includes(folder))
      } catch {
        return false // it has ended meanwhile
      }
    })
    .map(Number)
}

import { expect } from 'chai'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWeft, startWeft } from '../../support/weft-command.js'

const PEOPLE = `CREATE TABLE people (name STRING, age INT) WITH ('connector' = 'filesystem', 'path' = 'people', 'format' = 'csv');\n`
const OUT = `CREATE TABLE out_files (name STRING, age INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');\n`

describe('bad input, embedded', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    mkdirSync(join(folder, 'people'))
    writeFileSync(join(folder, 'people/a.csv'), 'Ann,31\nBob,abc\nCid,7\n')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function failing(file: string, text: string, ...args: string[]): Promise<string> {
    writeFileSync(join(folder, file), text)
    const before = readdirSync(folder)
    const { status, stderr } = await runWeft(['run', ...args, file], { cwd: folder })
    expect(status, stderr).to.equal(1)
    expect(stderr, 'no stack is shown').not.to.match(/^\s+at .*\.m?js:/m)
    expect(readdirSync(folder), 'nothing is left behind').to.deep.equal(before)
    return stderr
  }

  it('SQL syntax: line, column, caret, what was expected', async () => {
    const message = await failing('job.sql', `${PEOPLE}SELECT name FORM people;`)
    expect(message).to.match(/line 2, column 18/)
    expect(message).to.contain('SELECT name FORM people')
    expect(message).to.match(/^ +\^/m)
    expect(message).to.contain('FROM')
  })

  it('unknown column: the nearest name', async () => {
    const message = await failing('job.sql', `${PEOPLE}SELECT nme FROM people;`)
    expect(message).to.match(/nme/)
    expect(message).to.match(/[Dd]id you mean .*name/)
    expect(message).to.match(/line 2, column 8/)
  })

  it('unknown option key, in SET, in -D, in WITH', async () => {
    expect(await failing('job.sql', `SET 'paralelism.default' = '2';\n`)).to.contain("Did you mean 'parallelism.default'?")
    expect(await failing('job.sql', PEOPLE, '-D', 'paralelism.default=2')).to.contain("Did you mean 'parallelism.default'?")
    expect(
      await failing(
        'job.sql',
        `CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'paht' = 'x', 'format' = 'csv');\nSELECT a FROM t;`,
      ),
    ).to.match(/paht[\s\S]*path/)
  })

  it('missing input path: path and table', async () => {
    const message = await failing(
      'job.sql',
      `CREATE TABLE gone (a INT) WITH ('connector' = 'filesystem', 'path' = 'nowhere/at/all', 'format' = 'csv');\nSELECT a FROM gone;`,
    )
    expect(message).to.contain('nowhere/at/all')
    expect(message).to.contain('gone')
  })

  it('malformed row: file, line, column; and no output', async () => {
    const message = await failing('job.sql', `${PEOPLE}${OUT}INSERT INTO out_files SELECT name, age FROM people;`)
    expect(message).to.match(/people\/a\.csv/)
    expect(message).to.match(/line 2/)
    expect(message).to.contain('abc')
  })

  it('malformed row with ignore-parse-errors: goes on', async () => {
    writeFileSync(
      join(folder, 'job.sql'),
      PEOPLE.replace("'csv')", "'csv', 'csv.ignore-parse-errors' = 'true')") +
        `SET 'execution.runtime-mode' = 'batch';\nSELECT name, age FROM people WHERE age IS NOT NULL;`,
    )
    const { status, stdout, stderr } = await runWeft(['run', 'job.sql'], { cwd: folder })
    expect(status, stderr).to.equal(0)
    expect(stdout).to.match(/Ann \| +31/)
    expect(stdout).to.match(/Cid \| +7/)
  })

  it('a failing expression: which, and the row', async () => {
    const message = await failing(
      'job.sql',
      `${PEOPLE.replace("'csv')", "'csv', 'csv.ignore-parse-errors' = 'true')")}SELECT 1 / (age - 7) FROM people;`,
    )
    expect(message).to.contain('/ by zero')
  })

  it('a main that throws: its message and its place', async () => {
    const message = await failing(
      'job.ts',
      `export async function main() { const settings: Record<string, string> = {}; throw new Error('no broker set: ' + settings['broker']) }`,
    )
    expect(message).to.contain('no broker set: undefined')
    expect(message).to.contain('job.ts')
  }).timeout(30_000)

  it('a program without main; one that does not compile', async () => {
    expect(await failing('job.ts', `export const nothing = 1`)).to.contain('main')
    expect(await failing('job.ts', `export async function main( { return 1 }`)).to.match(/job\.ts:1/)
  })

  it('a file that is no job, that is not there, a target that is none', async () => {
    expect(await failing('job.txt', 'x')).to.contain('.sql')
    const gone = await runWeft(['run', 'gone.sql'], { cwd: folder })
    expect(gone.status).to.equal(1)
    expect(gone.stderr).to.contain('gone.sql')
    expect(await failing('job.sql', PEOPLE, '-t', 'mars')).to.contain("Unknown target 'mars'")
  })

  it('Ctrl-C: the job is cancelled, nothing goes on', async () => {
    writeFileSync(
      join(folder, 'job.sql'),
      `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '5');\n${OUT.replace('name STRING, age INT', 'n BIGINT')}INSERT INTO out_files SELECT n FROM ticks;`,
    )
    const command = startWeft(['run', 'job.sql'], { cwd: folder })
    await command.says(/RUNNING/)
    command.child.kill('SIGINT')
    const { status, stderr } = await command.result
    expect(status).to.equal(1)
    expect(stderr).to.contain('Interrupted')
    expect(
      readdirSync(folder)
        .filter((name) => name === 'out')
        .flatMap((name) => readdirSync(join(folder, name))),
    ).to.deep.equal([])
  })
})

/** The SQL client by the command: scripts by pipe, and a person at a terminal of script(1). */
import { expect } from 'chai'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'mocha'
import { projectRoot } from '../../support/project-root.js'
import { runWeft, startWeft, type RunningCommand } from '../../support/weft-command.js'

const COUNTED = `CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'number-of-rows' = '3',
  'fields.a.kind' = 'sequence', 'fields.a.start' = '1', 'fields.a.end' = '3');\n`

/** A terminal with the client in it. */
class Terminal {
  readonly #child: ChildProcess
  #text = ''
  readonly ended: Promise<number | null>

  constructor(args: readonly string[], directory: string) {
    const command = [process.execPath, join(projectRoot, 'bin/weft.mjs'), 'sql-client', ...args].map((word) => `'${word}'`).join(' ')
    // Without the exec a shell between (dash) would remember the Ctrl-C of a query and end with it, whatever the client ends with.
    this.#child = spawn('script', ['--quiet', '--flush', '--return', '--command', `exec ${command}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm', HOME: directory },
    })
    this.#child.stdout?.on('data', (data: Buffer) => (this.#text += data.toString('utf8')))
    this.ended = new Promise((resolve) => this.#child.on('exit', resolve))
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Waits for it behind what was found before. */
  async says(...patterns: RegExp[]): Promise<void> {
    for (const pattern of patterns) {
      const until = Date.now() + 60_000
      for (;;) {
        const found = pattern.exec(this.#text)
        if (found !== null) {
          this.#text = this.#text.slice(found.index + found[0].length)
          break
        }
        if (Date.now() > until || this.#child.exitCode !== null)
          throw new Error(`the client has not said ${String(pattern)}:\n${this.#text}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  end(): void {
    this.#child.kill('SIGTERM')
  }
}

describe('weft sql-client', function () {
  this.timeout(120_000)
  let directory: string
  let terminal: Terminal | undefined

  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'weft-test-'))
  })
  after(() => rmSync(directory, { recursive: true, force: true }))
  afterEach(() => {
    terminal?.end()
    terminal = undefined
  })

  it('runs a script, and waits for its INSERT on a cluster of its own', async () => {
    const out = join(directory, 'out')
    const script = file(
      'good.sql',
      `${COUNTED}CREATE TABLE o (a INT) WITH ('connector' = 'filesystem', 'path' = '${out}', 'format' = 'csv');
SET 'sql-client.display.print-time-cost' = 'false';
SELECT a, COUNT(*) AS n FROM t GROUP BY a;
INSERT INTO o SELECT a FROM t WHERE a > 1 -- no semicolon`,
    )
    const { status, stdout, stderr } = await runWeft(['sql-client', '-f', script])
    expect(stdout.trimEnd().split('\n')).to.deep.equal([
      '+----+-------------+----------------------+',
      '| op |           a |                    n |',
      '+----+-------------+----------------------+',
      '| +I |           1 |                    1 |',
      '| +I |           2 |                    1 |',
      '| +I |           3 |                    1 |',
      '+----+-------------+----------------------+',
      'Received a total of 3 rows',
    ])
    expect(status, stderr).to.equal(0)
    expect(stderr).to.match(/\[INFO\] SQL update statement has been successfully submitted to the cluster:\nJob ID: [0-9a-f]{32}/)
    const read = await runWeft([
      'sql-client',
      ...['-i', file('init.sql', `CREATE TABLE o (a INT) WITH ('connector' = 'filesystem', 'path' = '${out}', 'format' = 'csv');`)],
      ...['-e', "SET 'execution.runtime-mode' = 'batch'; SELECT SUM(a) AS s FROM o"],
    ])
    expect(read.stdout).to.match(/\|\s+5 \|/)
    expect(read.status, read.stderr).to.equal(0)
  })

  it('stops with status 1 at the first statement that fails, and names its place in the script', async () => {
    const script = file('bad.sql', `SHOW TABLES;\n\n  SELECT x FROM nowhere;\nSELECT 'never';`)
    const { status, stdout, stderr } = await runWeft(['sql-client', '-f', script])
    expect(status).to.equal(1)
    expect(stdout)
      .to.match(/^Empty set/)
      .and.not.contain('never')
    expect(stderr).to.contain('Could not execute SQL statement 2 of bad.sql (line 3)')
    expect(stderr).to.contain("Object 'nowhere' not found").and.contain('line 3, column 17')
  })

  it('tells a job that failed after the script', async () => {
    const script = `${COUNTED}CREATE TABLE o (a INT) WITH ('connector' = 'filesystem', 'path' = '/dev/null/x', 'format' = 'csv'); INSERT INTO o SELECT a FROM t`
    const { status, stderr } = await runWeft(['sql-client', '-e', script])
    expect(status).to.equal(1)
    expect(stderr).to.match(/\[ERROR\]/)
  })

  it('refuses switches that mean nothing together', async () => {
    for (const [args, message] of [
      [['gateway'], 'needs --endpoint'],
      [['gateway', '-e', 'nowhere'], "'nowhere' is no address of a SQL gateway"],
      [['gateway', '-e', '127.0.0.1:1', '-t', 'local'], 'the gateway has its own cluster'],
      [['-t', 'yarn-application'], 'needs -f job.sql'],
      [['-f', 'a.sql', '-e', 'SELECT 1'], '-f and -e do not go together'],
      [['-f', join(directory, 'absent.sql')], 'Cannot read the script'],
      [['elsewhere'], "no mode 'elsewhere'"],
    ] as const) {
      const { status, stderr } = await runWeft(['sql-client', ...args])
      expect(stderr).to.contain(message)
      expect(status).to.equal(1)
    }
  })

  it('compiles a script for YARN before anything is submitted', async () => {
    const init = file('first.sql', "CREATE TABLE t (a INT) WITH ('connector' = 'datagen')")
    const { status, stderr } = await runWeft(
      ['sql-client', '-i', init, '-f', file('typo.sql', 'SELECT b FROM t;'), '-t', 'yarn-application'],
      { cwd: directory },
    )
    expect(stderr).to.contain("Column 'b' not found").and.contain('line 1, column 8 of typo.sql')
    expect(status).to.equal(1)
  })

  it('asks a gateway', async () => {
    const gateway: RunningCommand = startWeft(['sql-gateway', '-t', 'local', '-Dsql-gateway.endpoint.rest.port=0'])
    try {
      const [, endpoint = ''] = await gateway.says(/http:\/\/(127\.0\.0\.1:\d+)/)
      const good = await runWeft(['sql-client', 'gateway', '-e', endpoint, '--execute', 'SELECT 42 AS answer'])
      expect(good.stdout).to.match(/\| \+I \|\s+42 \|/)
      expect(good.status, good.stderr).to.equal(0)
      // Node would open its debugger's port.
      gateway.child.kill('SIGUSR1')
      const bad = await runWeft(['sql-client', 'gateway', '--endpoint', endpoint, '--execute', 'SELECT x FROM nowhere'])
      expect(bad.stderr).to.contain("Object 'nowhere' not found")
      expect(bad.status).to.equal(1)
    } finally {
      gateway.child.kill('SIGINT')
      expect((await gateway.result).stderr).not.to.contain('Debugger listening')
    }
    const gone = await runWeft(['sql-client', 'gateway', '--endpoint', '127.0.0.1:1', '--execute', 'SELECT 1'])
    expect(gone.stderr).to.contain('The SQL gateway at 127.0.0.1:1 does not answer')
    expect(gone.status).to.equal(1)
  })

  it('edits, completes, cancels and remembers at a terminal', async () => {
    terminal = new Terminal([], directory)
    const { type, says } = { type: terminal.type.bind(terminal), says: terminal.says.bind(terminal) }
    await says(/Weft SQL> /)
    type("SET 'sql-client.execution.result-mode' = 'tableau';\r")
    await says(/succeeded/, /Weft SQL> /)
    type('CREATE TABLE ticks (number_of_tick BIGINT) -- several lines\r')
    await says(/ {8}> /)
    type("WITH ('connector' = 'datagen', 'rows-per-second' = '20');\r")
    await says(/succeeded/, /Weft SQL> /)
    // A table, and a column of a table that is named behind the cursor.
    type('SELECT number_of_tick FROM tic\t')
    await says(/FROM tic.*ks/s)
    type(';\r')
    await says(/\| \+I \|/, /\| \+I \|/)
    type('\x03')
    await says(/Query terminated, received a total of \d+ rows/, /Weft SQL> /)
    // Lines that come together, and the client still runs.
    type('SELECT 1 AS a_one;\rSELECT 2 AS a_two;\r')
    await says(/\| op \|\s+a_one \|/, /Received a total of 1 row/, /\| op \|\s+a_two \|/, /Received a total of 1 row/, /Weft SQL> /)
    type("SET 'sql-client.execution.result-mode' = 'table';\r")
    await says(/succeeded/, /Weft SQL> /)
    type('SELECT number_of_tick FROM ticks;\r')
    await says(/SQL Query Result \(Table\)/, /rows 1 to \d+ of \d+/)
    type('q')
    await says(/Result retrieval cancelled/, /Weft SQL> /)
    type("SET 'sql-client.execution.result-mode' = 'changelog';\rSELECT a, COUNT(*) AS n FROM (VALUES (1), (1)) AS t (a) GROUP BY a;\r")
    await says(/SQL Query Result \(Changelog\)/, /3 changes so far, finished/)
    type('q')
    await says(/Result retrieval cancelled/, /Weft SQL> /)
    type('SELECT x FROM nowhere;\r')
    await says(/\[ERROR\] Could not execute SQL statement/, /Object 'nowhere' not found/, /Weft SQL> /)
    type('SELEC\x03')
    await says(/\^C/, /Weft SQL> /)
    type('\x1b[A')
    await says(/SELECT x FROM nowhere;/)
    type('\x03')
    await says(/Weft SQL> /)
    type('HELP\r')
    await says(/ends with a semicolon/, /Weft SQL> /)
    type("CREATE TABLE secret (a INT) WITH ('connector' = 'print', 'password' = 'hidden');\r")
    await says(/Weft SQL> /)
    type('quit\r')
    expect(await terminal.ended).to.equal(0)

    const history = join(directory, '.weft-sql-history')
    expect(statSync(history).mode & 0o777).to.equal(0o600)
    const lines = readFileSync(history, 'utf8')
    expect(lines).to.contain("CREATE TABLE ticks (number_of_tick BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');\n")
    expect(lines).to.not.contain('hidden')

    terminal = new Terminal([], directory)
    await terminal.says(/Weft SQL> /)
    terminal.type('\x1b[A\x1b[A\x1b[A')
    await terminal.says(/SELECT x FROM nowhere;/)
    terminal.type('\x03')
    await terminal.says(/Weft SQL> /)
    terminal.type('\x04')
    expect(await terminal.ended).to.equal(0)
  })
})

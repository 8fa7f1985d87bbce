import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runWeft } from '../../support/weft-command.js'

describe('a script of several statements, embedded', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function run(text: string): Promise<string> {
    writeFileSync(join(folder, 'job.sql'), text)
    const { status, stdout, stderr } = await runWeft(['run', 'job.sql'], { cwd: folder })
    expect(status, stderr).to.equal(0)
    return stdout
  }

  it('prints changes with the sink’s identifier, in Flink’s form', async () => {
    const stdout = await run(`
      CREATE TABLE shown (k STRING, n BIGINT, d DECIMAL(5, 2)) WITH ('connector' = 'print', 'print-identifier' = 'counts');
      SET 'execution.runtime-mode' = 'STREAMING';
      INSERT INTO shown SELECT k, COUNT(*), SUM(v) FROM (VALUES ('a', 1.50), ('b', CAST(NULL AS DECIMAL(3, 2))), ('a', 2.25)) AS t (k, v) GROUP BY k;`)
    expect(stdout.split('\n').filter((line) => line.startsWith('counts'))).to.deep.equal([
      'counts> +I[a, 1, 1.50]',
      'counts> +I[b, 1, null]',
      'counts> -U[a, 1, 1.50]',
      'counts> +U[a, 2, 3.75]',
    ])
  })

  it('shows the final table of a streaming query in its order, without what it only sorts by', async () => {
    const stdout = await run(`
      SET 'execution.runtime-mode' = 'STREAMING';
      CREATE TABLE numbers (n INT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '5000', 'rows-per-second' = '10000000');
      SELECT n % 3 AS k, SUM(n) AS s FROM numbers GROUP BY n % 3 ORDER BY s DESC LIMIT 2;
      SELECT n % 3 AS k FROM numbers GROUP BY n % 3 ORDER BY SUM(n) LIMIT 2;`)
    const tables = stdout
      .split('Result:')
      .slice(1)
      .map((text) => [...text.slice(0, text.indexOf('in set')).matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row))
    expect(tables).to.deep.equal([
      ['k |       s', '2 | 4169167', '1 | 4167500'],
      ['k', '0', '1'],
    ])
  })

  it('gives batch results as one ordered table', async () => {
    const stdout = await run(`
      SET 'execution.runtime-mode' = 'BATCH';
      SET 'parallelism.default' = '2';
      SELECT k, SUM(v) AS s FROM (VALUES ('a', 8), ('b', 9), ('c', 10), ('b', 2)) AS t (k, v) GROUP BY k ORDER BY s DESC;`)
    expect([...stdout.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row)).to.deep.equal(['k |  s', 'b | 11', 'c | 10', 'a |  8'])
    expect(stdout).to.contain('3 rows in set')
    expect(stdout).not.to.contain('op')
  })
})

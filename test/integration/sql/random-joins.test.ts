/**
 * Random queries with joins, sub-queries and set operations over random tables, run by the engine in both modes and at two parallelisms, so
 * also as changelogs that add up: each must give what the naive evaluator of the bound query gives.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Configuration } from '#core/config/configuration.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { ScriptStatement, Select } from '#sql/parser/ast-statement.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { SqlSession } from '#sql/session/sql-session.js'
import { bindQuery } from '#sql/validate/bind-query.js'
import { EmbeddedCluster } from '../../support/embedded-cluster.js'
import { modesOf, SqlRunner } from '../../support/sql-runner.js'
import { evaluateRelation, type Row } from '../../unit/sql/plan/evaluate-relation.js'

const ddl = (table: string, folder: string): string =>
  `CREATE TABLE ${table} (a INT, b INT) WITH ('connector' = 'filesystem', 'path' = '${folder}/${table}', 'format' = 'csv', 'csv.null-literal' = 'n')`

const small = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.constant(null) })
const rows = fc.array(fc.tuple(small, small), { minLength: 1, maxLength: 7 })

const condition = fc.constantFrom('TRUE', 'l.y < r.y', 'l.y = r.y', 'l.x + l.y > r.y', 'r.y IS NOT NULL', 'l.y <> 1')
/** Queries with two INT columns x and y; half of them take rows back. */
const source = fc.constantFrom(
  'SELECT a AS x, b AS y FROM t',
  'SELECT a AS x, b AS y FROM u',
  'SELECT b AS x, CAST(COUNT(*) AS INT) AS y FROM t GROUP BY b',
  'SELECT a AS x, MAX(b) AS y FROM u GROUP BY a',
  'SELECT DISTINCT b AS x, a AS y FROM u WHERE a > 0',
)
const over = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(inner, inner, fc.constantFrom('', 'LEFT', 'RIGHT', 'FULL'), fc.constantFrom('l.x = r.x', 'TRUE'), condition)
      .map(([a, b, type, key, c]) => `SELECT l.x AS x, r.y AS y FROM (${a}) AS l ${type} JOIN (${b}) AS r ON ${key} AND ${c}`),
    fc
      .tuple(inner, inner, fc.constantFrom('IN', 'NOT IN'), condition)
      .map(([a, b, is, c]) => `SELECT x, y FROM (${a}) AS l WHERE l.x ${is} (SELECT r.x FROM (${b}) AS r WHERE ${c})`),
    fc
      .tuple(inner, inner, fc.constantFrom('TRUE', 'l.y = r.y'))
      .map(([a, b, c]) => [a, `l.x IN (SELECT r.x FROM (${b}) AS r WHERE ${c})`])
      .map(([a, isIn]) => `SELECT CASE WHEN ${isIn} THEN 1 WHEN NOT (${isIn}) THEN 0 END AS x, y FROM (${a}) AS l`),
    fc
      .tuple(inner, inner)
      .map(([a, b]) => `SELECT x, y FROM (${a}) AS l WHERE l.y IS NULL OR EXISTS (SELECT 1 FROM (${b}) AS r WHERE l.x = r.x)`),
    fc
      .tuple(inner, inner, fc.constantFrom('EXISTS', 'NOT EXISTS'), condition)
      .map(([a, b, is, c]) => `SELECT x, y FROM (${a}) AS l WHERE ${is} (SELECT 1 FROM (${b}) AS r WHERE l.x = r.x AND ${c})`),
    fc
      .tuple(inner, inner, fc.constantFrom('MAX(r.y)', 'CAST(COUNT(*) AS INT)'), fc.constantFrom('TRUE', 'l.x = r.x'))
      .map(([a, b, call, key]) => `SELECT x, (SELECT ${call} FROM (${b}) AS r WHERE ${key}) AS y FROM (${a}) AS l`),
    fc
      .tuple(inner, inner, fc.constantFrom('UNION', 'UNION ALL', 'INTERSECT', 'INTERSECT ALL', 'EXCEPT', 'EXCEPT ALL'))
      .map(([a, b, operator]) => `SELECT * FROM (${a}) ${operator} SELECT * FROM (${b})`),
  )
const query = over(fc.oneof({ weight: 2, arbitrary: source }, { weight: 1, arbitrary: over(source) }))

describe('random joins, sub-queries and set operations', () => {
  let folder: string
  let cluster: EmbeddedCluster
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    cluster = await EmbeddedCluster.start(folder)
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('give what the naive evaluator gives, in all modes', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(rows, rows, fc.array(query, { minLength: 1, maxLength: 3 }), async (t, u, queries) => {
        const place = join(folder, `run${run++}`)
        const runner = new SqlRunner(cluster, place)
        const csv = (table: readonly Row[]): string => table.map((row) => `${row.map((cell) => String(cell ?? 'n')).join(',')}\n`).join('')
        for (const [name, table] of [
          ['t', t],
          ['u', u],
        ] as const) {
          runner.file(`${name}/1.csv`, csv(table))
          await runner.run(ddl(name, place), { runtimeMode: 'BATCH', parallelism: 1 })
        }
        for (const sql of queries) {
          const expected = expectedRows(sql, { t, u })
          for (const mode of modesOf({ kind: 'query', words: [] } as never)) {
            const { rows: found } = await runner.run(sql, mode)
            expect([...found].sort(), `${sql}\n${mode.runtimeMode}, parallelism ${mode.parallelism}`).to.deep.equal(expected)
          }
        }
      }),
      { numRuns: Number(process.env['RANDOM_RUNS'] ?? 8) },
    )
  }).timeout(300_000)
})

function expectedRows(sql: string, tables: Readonly<Record<string, readonly Row[]>>): string[] {
  const environment = virtualEnvironment()
  const session = new SqlSession({ configuration: Configuration.empty, random: environment.random, clock: environment.clock })
  const source = new SourceText('', `${ddl('t', '/')}; ${ddl('u', '/')}; ${sql}`)
  const statements = parseScript(source) as [ScriptStatement, ScriptStatement, ScriptStatement]
  for (const statement of statements.slice(0, 2)) session.execute(statement, source)
  const { query: parsed } = statements[2].statement as Select
  const context = { catalog: session.catalog, configuration: Configuration.empty, timeZone: 'UTC', source, ctes: new Map(), views: [] }
  return evaluateRelation(bindQuery(parsed, context), tables)
    .map((row) => row.map((cell) => String(cell ?? 'NULL')).join(' | '))
    .sort()
}

import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Configuration } from '#core/config/configuration.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { ScriptStatement, Select } from '#sql/parser/ast-statement.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { optimize } from '#sql/plan/optimize.js'
import type { Relation } from '#sql/plan/relation.js'
import { SqlSession } from '#sql/session/sql-session.js'
import { bindQuery } from '#sql/validate/bind-query.js'
import { evaluateRelation, rowText, type Tables } from './evaluate-relation.js'

const environment = virtualEnvironment()
const session = new SqlSession({ configuration: Configuration.empty, random: environment.random, clock: environment.clock })
const ddl = new SourceText(
  '',
  `
  CREATE TABLE t (a INT, b INT, c AS a + b) WITH ('connector' = 'datagen');
  CREATE TABLE u (a INT, s STRING, d BIGINT) WITH ('connector' = 'datagen');
  CREATE TABLE w (k INT, v INT, ts TIMESTAMP(3) NOT NULL, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen')`,
)
for (const statement of parseScript(ddl)) session.execute(statement, ddl)

function bind(sql: string): Relation {
  const source = new SourceText('', sql)
  const [parsed] = parseScript(source) as [ScriptStatement]
  return bindQuery((parsed.statement as Select).query, {
    catalog: session.catalog,
    configuration: Configuration.empty,
    timeZone: 'UTC',
    source,
    ctes: new Map(),
    views: [],
  })
}

function planned(relations: readonly Relation[]): Relation[] {
  const context = { timeZone: 'UTC', now: () => 0, clockStands: false }
  return optimize(
    relations.map((input) => ({ kind: 'collect', input })),
    context,
    (_root, text) => {
      throw new Error(text)
    },
  ).map(({ input }) => input)
}

const bag = (relation: Relation, tables: Tables): string[] => evaluateRelation(relation, tables).map(rowText).sort()

const small = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) }, { weight: 1, arbitrary: fc.constant(null) })
const tables: fc.Arbitrary<Tables> = fc.record({
  t: fc.array(fc.tuple(small, small), { maxLength: 4 }),
  u: fc.array(fc.tuple(small, fc.constantFrom('p', 'q', null), fc.option<bigint>(fc.bigInt({ min: -2n, max: 2n }))), { maxLength: 4 }),
  w: fc.array(
    fc.tuple(
      small,
      small,
      fc.bigInt({ min: -20n, max: 20n }).map((n) => n * 1000n),
    ),
    { maxLength: 5 },
  ),
})

/** Expressions over x and y, both INT. */
const { value, condition } = fc.letrec<{ value: string; condition: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('x', 'y', '1', '-2'),
    fc.tuple(tie('value'), fc.constantFrom('+', '-', '*'), tie('value')).map(([l, o, r]) => `(${l} ${o} ${r})`),
    fc.tuple(tie('condition'), tie('value'), tie('value')).map(([c, a, b]) => `CASE WHEN ${c} THEN ${a} ELSE ${b} END`),
    fc.tuple(tie('value'), tie('value')).map(([a, b]) => `COALESCE(${a}, ${b})`),
  ),
  condition: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('TRUE', '1 = 1', 'x IS NULL', 'y IS NOT NULL', '1 > 2'),
    fc.tuple(tie('value'), fc.constantFrom('=', '<>', '<', '>='), tie('value')).map(([l, o, r]) => `${l} ${o} ${r}`),
    fc.tuple(tie('condition'), fc.constantFrom('AND', 'OR'), tie('condition')).map(([l, o, r]) => `(${l} ${o} ${r})`),
    tie('condition').map((c) => `NOT (${c})`),
  ),
}))

const INTERVALS = [
  "l.ts BETWEEN r.ts - INTERVAL '3' SECOND AND r.ts + INTERVAL '5' SECOND",
  "l.ts > r.ts AND l.ts - INTERVAL '10' SECOND <= r.ts",
  "r.ts >= l.ts AND r.ts < l.ts + INTERVAL '4' SECOND",
  'l.ts = r.ts',
  "l.ts < r.ts + INTERVAL '1' SECOND",
]
const WINDOWED =
  "SELECT k, CAST(COUNT(*) AS INT) AS n, window_start, window_end FROM TABLE(TUMBLE(TABLE w, DESCRIPTOR(ts), INTERVAL '9' SECOND)) GROUP BY k, window_start, window_end"

/** Queries with two INT columns x and y. */
const { query } = fc.letrec<{ query: string }>((tie) => {
  const sub = tie('query')
  return {
    query: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(
        'SELECT a AS x, b AS y FROM t',
        'SELECT c AS x, a AS y FROM t',
        'SELECT a AS x, CAST(d AS INT) AS y FROM u',
        "SELECT a AS x, 1 AS y FROM u WHERE s = 'p'",
        'SELECT * FROM (VALUES (1, 2), (CAST(NULL AS INT), 0)) AS v (x, y)',
        'SELECT k AS x, v AS y FROM w',
        "SELECT k AS x, CAST(COUNT(*) AS INT) AS y FROM TABLE(TUMBLE(TABLE w, DESCRIPTOR(ts), INTERVAL '7' SECOND)) WHERE v > 0 GROUP BY window_start, window_end, k",
        "SELECT k AS x, CAST(COUNT(*) AS INT) AS y FROM TABLE(SESSION(TABLE w PARTITION BY k, DESCRIPTOR(ts), INTERVAL '3' SECOND)) WHERE v > 0 AND k < 3 GROUP BY window_start, window_end, k",
        "SELECT SUM(v) AS x, CAST(EXTRACT(SECOND FROM window_end) AS INT) AS y FROM TABLE(SESSION(TABLE w, DESCRIPTOR(ts), INTERVAL '2' SECOND)) WHERE k > 1 AND v > 0 GROUP BY window_end, window_start",
        "SELECT k AS x, CAST(EXTRACT(SECOND FROM window_end) AS INT) AS y FROM TABLE(TUMBLE((SELECT ts, k FROM w WHERE v > 0), DESCRIPTOR(ts), INTERVAL '4' SECOND)) GROUP BY window_start, window_end, k",
        "SELECT k + 1 AS x, SUM(v) AS y FROM w WHERE v > 0 GROUP BY k + 1, SESSION(ts, INTERVAL '4' SECOND) HAVING k + 1 < 4",
        "SELECT MAX(v) AS x, CAST(EXTRACT(SECOND FROM window_end) AS INT) AS y FROM TABLE(TUMBLE(TABLE w, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '2' SECOND)) WHERE window_start > TIMESTAMP '1969-12-31 23:59:50' GROUP BY window_end, window_start",
      ),
      fc.tuple(sub, condition).map(([q, c]) => `SELECT x, y FROM (${q}) WHERE ${c}`),
      fc.tuple(sub, value, value).map(([q, a, b]) => `SELECT ${a} AS x, ${b} AS y FROM (${q})`),
      fc
        .tuple(
          sub,
          fc.constantFrom(
            'SUM(y)',
            'MIN(y)',
            'MAX(x + y)',
            'AVG(y)',
            'CAST(COUNT(DISTINCT y) AS INT)',
            'CAST(COUNT(*) FILTER (WHERE y > 0) AS INT)',
          ),
          condition,
        )
        .map(([q, call, c]) => `SELECT x, y FROM (SELECT x, ${call} AS y FROM (${q}) GROUP BY x) WHERE ${c}`),
      fc
        .tuple(sub, condition)
        .map(
          ([q, c]) =>
            `SELECT x - y AS x, MAX(y) AS y FROM (${q}) GROUP BY x - y, x HAVING COUNT(*) > 1 OR (${c.replaceAll('y', 'SUM(y)')})`,
        ),
      fc
        .tuple(
          sub,
          fc.constantFrom('SUM(y)', 'MIN(x + y)', 'COUNT(*)', 'MAX(y) FILTER (WHERE x > 0)'),
          fc.constantFrom('PARTITION BY x ORDER BY y', 'PARTITION BY x', 'ORDER BY x + y', 'PARTITION BY y ORDER BY x DESC, y'),
          condition,
        )
        .map(
          ([q, call, window, c]) =>
            `SELECT y AS x, o AS y FROM (SELECT x, y, CAST(${call} OVER (${window}) AS INT) AS o FROM (${q})) WHERE ${c}`,
        ),
      fc
        .tuple(sub, fc.constantFrom('ROLLUP (x, y)', 'CUBE (x, y)', 'GROUPING SETS ((x), (y), ())', 'x, ROLLUP (y)'), condition)
        .map(
          ([q, sets, c]) =>
            `SELECT x, y FROM (SELECT x, CAST(GROUPING(x) + COUNT(*) AS INT) AS y, MAX(y) AS z FROM (${q}) GROUP BY ${sets}) WHERE ${c}`,
        ),
      sub.map((q) => `SELECT CAST(COUNT(*) AS INT) AS x, SUM(y) AS y FROM (${q})`),
      sub.map((q) => `SELECT DISTINCT x, y FROM (${q})`),
      fc
        .tuple(sub, fc.nat(3), fc.nat(2))
        .map(([q, n, m]) => `SELECT y AS x, x AS y FROM (SELECT * FROM (${q}) ORDER BY x DESC, y NULLS LAST LIMIT ${n} OFFSET ${m})`),
      fc.tuple(sub, sub).map(([a, b]) => `${a.startsWith('SELECT y AS x') ? `SELECT * FROM (${a})` : a} UNION ALL SELECT * FROM (${b})`),
      fc
        .tuple(sub, sub, fc.constantFrom('UNION', 'INTERSECT', 'INTERSECT ALL', 'EXCEPT', 'EXCEPT ALL'))
        .map(([a, b, operator]) => `SELECT * FROM (${a}) ${operator} SELECT * FROM (${b})`),
      fc
        .tuple(sub, sub, condition)
        .map(
          ([a, b, c]) =>
            `SELECT l.x AS x, r.y AS y FROM (${a}) AS l JOIN (${b}) AS r ON l.x = r.x + 1 AND (${c.replaceAll('x', 'l.x').replaceAll('y', 'r.y')})`,
        ),
      fc
        .tuple(sub, sub, condition)
        .map(
          ([a, b, c]) =>
            `SELECT l.y AS x, r.x AS y FROM (${a}) AS l, (${b}) AS r WHERE l.y = r.y AND (${c.replaceAll('x', 'r.x').replaceAll('y', 'l.y')})`,
        ),
      fc
        .tuple(sub, sub, fc.constantFrom('LEFT', 'RIGHT', 'FULL'), condition, condition)
        .map(
          ([a, b, type, c, d]) =>
            `SELECT l.x AS x, r.y AS y FROM (${a}) AS l ${type} JOIN (${b}) AS r ON l.x = r.x AND (${sides(c)}) WHERE ${sides(d)}`,
        ),
      fc
        .tuple(fc.constantFrom('', 'LEFT', 'RIGHT', 'FULL'), fc.constantFrom('l.k = r.k', 'TRUE'), fc.constantFrom(...INTERVALS), condition)
        .map(
          ([type, key, interval, c]) =>
            `SELECT l.k AS x, r.v AS y FROM w AS l ${type} JOIN w AS r ON ${key} AND ${interval} AND (${c.replaceAll('x', 'l.v').replaceAll('y', 'r.v')})`,
        ),
      fc
        .tuple(fc.constantFrom('', 'LEFT', 'FULL'), condition)
        .map(
          ([type, c]) =>
            `SELECT l.k AS x, r.n AS y FROM (${WINDOWED}) AS l ${type} JOIN (${WINDOWED}) AS r ON l.window_start = r.window_start AND l.window_end = r.window_end AND (${c.replaceAll('x', 'l.k').replaceAll('y', 'r.n')})`,
        ),
      fc
        .tuple(sub, sub, fc.constantFrom('', 'LEFT', 'RIGHT', 'FULL'))
        .map(([a, b, type]) => `SELECT x, l.y + r.y AS y FROM (${a}) AS l ${type} JOIN (${b}) AS r USING (x)`),
      fc
        .tuple(sub, sub, fc.constantFrom('IN', 'NOT IN'), condition, condition)
        .map(
          ([a, b, is, c, d]) =>
            `SELECT x, y FROM (${a}) AS l WHERE (${c}) AND x ${is} (SELECT r.y FROM (${b}) AS r WHERE ${d.replaceAll('x', 'l.x').replaceAll('y', 'r.x')})`,
        ),
      fc
        .tuple(sub, sub, fc.constantFrom('EXISTS', 'NOT EXISTS'), fc.constantFrom('TRUE', 'l.y = r.x'), condition)
        .map(([a, b, is, key, c]) => `SELECT x, y FROM (${a}) AS l WHERE ${is} (SELECT 1 FROM (${b}) AS r WHERE ${key} AND (${sides(c)}))`),
      fc
        .tuple(sub, sub, fc.constantFrom('MAX(r.y)', 'CAST(COUNT(*) AS INT)', '1 + MIN(r.x)'), fc.constantFrom('TRUE', 'l.y = r.x'))
        .map(([a, b, call, key]) => `SELECT x, (SELECT ${call} FROM (${b}) AS r WHERE ${key}) AS y FROM (${a}) AS l`),
      fc
        .tuple(sub, sub, fc.constantFrom('IN', 'NOT IN'), condition)
        .map(([a, b, is, c]) => `SELECT x, y FROM (${a}) AS l WHERE (${c}) OR x + 1 ${is} (SELECT r.y FROM (${b}) AS r WHERE r.x = l.y)`),
      fc
        .tuple(sub, sub, condition)
        .map(
          ([a, b, c]) =>
            `SELECT x, CASE WHEN ${c} THEN 0 WHEN EXISTS (SELECT 1 FROM (${b}) AS r WHERE r.x = l.x) THEN 1 ELSE 2 END AS y FROM (${a}) AS l`,
        ),
      fc.tuple(sub, sub).map(([a, b]) => `SELECT x, y FROM (${a}) AS l WHERE y <= (SELECT SUM(r.y) FROM (${b}) AS r WHERE r.x = l.x + 1)`),
    ),
  }
})

/** A condition of x and y over both sides of a join. */
function sides(condition: string): string {
  return condition.replaceAll('x', 'l.x').replaceAll('y', 'r.y')
}

describe('a plan means what its query means', () => {
  it('for random queries over random tables', () => {
    fc.assert(
      fc.property(query, tables, (sql, data) => {
        const bound = bind(sql)
        const [plan] = planned([bound]) as [Relation]
        expect(plan.fields.map(({ name }) => name)).to.deep.equal(bound.fields.map(({ name }) => name))
        expect(bag(plan, data)).to.deep.equal(bag(bound, data))
      }),
      { numRuns: 80 },
    )
  }).timeout(60_000)

  it('also when several queries are planned as one job', () => {
    fc.assert(
      fc.property(fc.array(query, { minLength: 2, maxLength: 3 }), tables, (queries, data) => {
        const bound = queries.map(bind)
        expect(planned(bound).map((plan) => bag(plan, data))).to.deep.equal(bound.map((relation) => bag(relation, data)))
      }),
      { numRuns: 15 },
    )
  }).timeout(60_000)
})

import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Configuration } from '#core/config/configuration.js'
import { JobGraphSchema } from '#core/graph/job-graph.js'
import type { JobId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { compileScript, type CompiledScript } from '#sql/session/compile-script.js'
import type { StatementEffect } from '#sql/session/statement-effect.js'
import { TABLES } from '../tables.js'

function compile(sql: string, values: Record<string, string> = {}, jobId?: JobId): CompiledScript {
  const configuration = Configuration.of({ 'table.local-time-zone': 'UTC', ...values })
  return compileScript({ text: sql, name: 'job.sql', configuration, jobId, environment: virtualEnvironment() })
}

function lastEffect(sql: string, values: Record<string, string> = {}): StatementEffect {
  return compile(TABLES + sql, values).statements.at(-1)?.effect as StatementEffect
}

function jobs(script: CompiledScript): Extract<StatementEffect, { kind: 'job' }>[] {
  return script.statements.flatMap(({ effect }) => (effect.kind === 'job' ? [effect] : []))
}

describe('compileScript', () => {
  it('tells each statement’s text, kind and place', () => {
    const { statements } = compile("-- first\nSET 'parallelism.default' = '3';\n\n  SELECT\n 1 ;;SHOW TABLES")
    expect(statements.map(({ index, text, kind, line, column }) => [index, text, kind, line, column])).to.deep.equal([
      [0, "SET 'parallelism.default' = '3'", 'set', 2, 1],
      [1, 'SELECT\n 1', 'select-statement', 4, 3],
      [2, 'SHOW TABLES', 'show', 5, 6],
    ])
  })

  it('takes an empty script for what it is', () => {
    expect(compile(' -- nothing\n').statements).to.deep.equal([])
  })

  it('plans nothing when any statement is wrong', () => {
    expect(() => compile('SELECT 1; SELEC 2')).to.throw(/Did you mean SELECT\?/)
  })

  it('gives the first job the id it was handed, and later ones their own', () => {
    const given = 'ab'.repeat(16) as JobId
    const [first, second] = jobs(compile('SELECT 1; SELECT 2', {}, given))
    expect(first?.jobGraph.jobId).to.equal(given)
    expect(second?.jobGraph.jobId)
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.equal(given)
  })

  it('keeps operator and vertex ids from one compilation to the next, whatever the job’s id', () => {
    const sql = `${TABLES}SELECT channel, COUNT(*) FROM bids GROUP BY channel`
    const [a] = jobs(compile(sql, {}, 'aa'.repeat(16) as JobId))
    const [b] = jobs(compile(sql, {}, 'bb'.repeat(16) as JobId))
    const ids = (effect: typeof a) => effect?.jobGraph.vertices.flatMap((vertex) => [vertex.id, ...vertex.operators.map(({ id }) => id)])
    expect(ids(a)).to.deep.equal(ids(b))
    expect(new Set(ids(a)).size).to.be.above(4)
  })

  it('keeps operator ids when only the parallelism changes', () => {
    const sql = `${TABLES}SELECT channel, COUNT(*) FROM bids GROUP BY channel`
    const ids = (parallelism: string) =>
      jobs(compile(sql, { 'parallelism.default': parallelism }))[0]?.jobGraph.vertices.flatMap((vertex) =>
        vertex.operators.map(({ id }) => id),
      )
    expect(ids('4')).to.deep.equal(ids('1'))
  })

  it('gives groups and joins the TTL of the configuration in streams only, and keeps ids when it changes', () => {
    const compiled = (ttl: string, sql: string, mode = 'STREAMING') =>
      jobs(compile(TABLES + sql, { 'table.exec.state.ttl': ttl, 'execution.runtime-mode': mode }))[0]?.jobGraph.vertices.flatMap(
        (vertex) => vertex.operators,
      ) ?? []
    const ttlOf = (...given: Parameters<typeof compiled>) =>
      compiled(...given).flatMap(({ spec }) => (spec.op === 'group-aggregate' ? [spec.stateTtlMs] : []))
    expect(ttlOf('36 h', 'SELECT channel, COUNT(*) FROM bids GROUP BY channel')).to.deep.equal([129_600_000])
    expect(ttlOf('1 s', 'SELECT DISTINCT channel FROM bids')).to.deep.equal([1000])
    expect(ttlOf('0 s', 'SELECT DISTINCT channel FROM bids')).to.deep.equal([undefined])
    expect(ttlOf('1 s', 'SELECT name, COUNT(*) FROM people GROUP BY name', 'BATCH')).to.deep.equal([undefined])
    const ttlsOf = (ttl: string) =>
      compiled(ttl, 'SELECT 1 FROM bids JOIN clicks ON bidder = who').flatMap(({ spec }) => (spec.op === 'join' ? [spec.stateTtlMs] : []))
    expect(ttlsOf('1 s')).to.deep.equal([{ left: 1000, right: 1000 }])
    expect(ttlsOf('0 s')).to.deep.equal([undefined])
    const ids = (ttl: string) => compiled(ttl, 'SELECT DISTINCT channel FROM bids').map(({ id }) => id)
    expect(ids('1 s')).to.deep.equal(ids('2 h'))
    expect(ids('0 s')).to.deep.equal(ids('2 h'))
  })

  it('makes one sink of the INSERTs of a job into one table, with ids of their own for all', () => {
    const sql = `${TABLES}EXECUTE STATEMENT SET BEGIN INSERT INTO lines SELECT 1, 'a'; INSERT INTO lines SELECT 1, 'a'; INSERT INTO lines SELECT 2, 'b'; END`
    const [job] = jobs(compile(sql))
    const ids = job?.jobGraph.vertices.flatMap((vertex) => vertex.operators.map(({ id }) => id)) ?? []
    expect(new Set(ids).size).to.equal(ids.length)
    const sinks = job?.jobGraph.vertices.flatMap((vertex) => vertex.operators.filter(({ spec }) => spec.op === 'sink'))
    expect(sinks).to.have.length(1)
  })

  it('waits for a SELECT always, for an INSERT when table.dml-sync says so', () => {
    const wait = (sql: string) => jobs(compile(TABLES + sql)).map((effect) => effect.wait)
    expect(wait("SELECT 1; INSERT INTO lines SELECT 1, 'a'; SET 'table.dml-sync' = 'true'; INSERT INTO lines SELECT 1, 'a'")).to.deep.equal(
      [true, false, true],
    )
  })

  it('names result columns of a SELECT, none of an INSERT', () => {
    expect(jobs(compile(`${TABLES}SELECT 1, 2 AS b; INSERT INTO lines SELECT 1, 'a'`)).map(({ columns }) => columns)).to.deep.equal([
      ['EXPR$0', 'b'],
      null,
    ])
  })

  it('names jobs as Flink does, unless pipeline.name is set', () => {
    const names = jobs(compile(`${TABLES}SELECT\n  1; INSERT INTO lines SELECT 1, 'a'; SET 'pipeline.name' = 'mine'; SELECT 2`)).map(
      ({ jobGraph }) => jobGraph.name,
    )
    expect(names).to.deep.equal(['SELECT 1', 'insert-into_default_catalog.default_database.lines', 'mine'])
  })

  it('cuts the name of a very long SELECT, and takes its rows', () => {
    const [job] = jobs(compile(`SELECT * FROM (VALUES ${Array.from({ length: 5000 }, (_, i) => `(${i}, 'row')`).join(', ')}) AS t (a, b)`))
    expect(job?.jobGraph.name.length).to.equal(10_000)
    expect(JobGraphSchema.safeParse(JSON.parse(JSON.stringify(job?.jobGraph))).success).to.equal(true)
  })

  it('sends the settings in effect with the job, the session zone by name', () => {
    const [job] = jobs(compile("SET 'parallelism.default' = '3'; SELECT 1", { 'table.local-time-zone': 'default' }))
    expect(job?.jobGraph.configuration).to.include({
      'parallelism.default': '3',
      'table.local-time-zone': Intl.DateTimeFormat().resolvedOptions().timeZone,
    })
  })
})

describe('SET and RESET', () => {
  it('do not show secrets', () => {
    const effect = lastEffect('SET', { 'containerized.master.env.API_TOKEN': 'hush' })
    expect(JSON.stringify(effect)).to.include('API_TOKEN').and.not.include('hush')
  })

  it('go back to what the session began with', () => {
    const name = (sql: string) => jobs(compile(sql, { 'pipeline.name': 'first' })).at(-1)?.jobGraph.name
    expect(name("SET 'pipeline.name' = 'second'; SELECT 1")).to.equal('second')
    expect(name("SET 'pipeline.name' = 'second'; RESET 'pipeline.name'; SELECT 1")).to.equal('first')
    expect(name("SET 'pipeline.name' = 'second'; RESET; SELECT 1")).to.equal('first')
  })

  it('list the settings by key', () => {
    expect(lastEffect("SET 'parallelism.default' = '3'; SET")).to.deep.equal({
      kind: 'rows',
      columns: ['key', 'value'],
      rows: [
        ['parallelism.default', '3'],
        ['table.local-time-zone', 'UTC'],
      ],
    })
  })
})

describe('catalog statements', () => {
  const rows = (sql: string) => {
    const effect = lastEffect(sql)
    return effect.kind === 'rows' ? effect.rows : []
  }

  it('show tables and views, by pattern', () => {
    expect(rows('SHOW TABLES').flat()).to.deep.equal(['bids', 'clicks', 'dear', 'files', 'lines', 'people'])
    expect(rows("SHOW TABLES LIKE '%l_%s'").flat()).to.deep.equal(['clicks', 'files', 'lines'])
    expect(rows("SHOW TABLES NOT ILIKE '%S'").flat()).to.deep.equal(['dear', 'people'])
    expect(rows('SHOW VIEWS').flat()).to.deep.equal(['dear'])
  })

  it('describe a table in Flink’s columns', () => {
    expect(rows('DESCRIBE bids')).to.deep.equal([
      ['auction', 'BIGINT', 'FALSE', null, null, null],
      ['bidder', 'BIGINT', 'TRUE', null, null, null],
      ['price', 'DECIMAL(10, 2)', 'TRUE', null, null, null],
      ['channel', 'STRING', 'TRUE', null, null, null],
      ['ts', 'TIMESTAMP(3) *ROWTIME*', 'TRUE', null, null, "ts - INTERVAL '5' SECOND"],
      ['cost', 'DECIMAL(13, 3)', 'TRUE', null, 'AS price * 0.9', null],
    ])
    expect(rows('DESC people')[0]).to.deep.equal(['id', 'BIGINT', 'FALSE', 'PRI(id)', null, null])
    expect(rows('DESC dear').flat()).to.deep.equal([
      'auction',
      'BIGINT',
      'FALSE',
      null,
      null,
      null,
      'price',
      'DECIMAL(10, 2)',
      'TRUE',
      null,
      null,
      null,
    ])
  })

  it('put a temporary table in front of a permanent one until it is dropped', () => {
    const columns = (sql: string) =>
      rows(`CREATE TEMPORARY TABLE people (x INT) WITH ('connector' = 'print'); ${sql} DESCRIBE people`).map(([name]) => name)
    expect(columns('')).to.deep.equal(['x'])
    expect(columns('DROP TEMPORARY TABLE people;')).to.deep.equal(['id', 'name', 'born'])
    expect(() => columns('DROP TABLE people;')).to.throw(/Drop it first before removing the permanent table/)
  })

  it('leave what exists alone with IF NOT EXISTS, and do not mind what is missing with IF EXISTS', () => {
    expect(rows('CREATE TABLE IF NOT EXISTS people (x INT); DROP TABLE IF EXISTS nothing; DESCRIBE people')).to.have.length(3)
  })

  it('keep a view’s meaning when names around it change', () => {
    const effect = lastEffect(
      'CREATE VIEW v (p) AS WITH x AS (SELECT price FROM dear) SELECT * FROM x; WITH x AS (SELECT 1 AS one_) SELECT p, one_ FROM v, x',
    )
    expect(effect).to.deep.include({ kind: 'job', columns: ['p', 'one_'] })
  })
})

describe('EXPLAIN', () => {
  it('prints the query, the plan and the operators', () => {
    expect(lastEffect('EXPLAIN SELECT channel, COUNT(*) AS c FROM bids WHERE price > 1 GROUP BY channel')).to.deep.equal({
      kind: 'message',
      text: EXPLAINED,
    })
  })

  it('adds changelog modes on demand, and takes statement sets', () => {
    const effect = lastEffect(
      "EXPLAIN CHANGELOG_MODE STATEMENT SET BEGIN INSERT INTO lines SELECT auction, 'x' FROM bids; INSERT INTO lines SELECT COUNT(*), channel FROM bids GROUP BY channel; END",
    )
    expect(effect.kind === 'message' && effect.text)
      .to.include("Calc(select=[auction, 'x' AS EXPR$1], changelogMode=[I])")
      .and.include('GroupAggregate(groupBy=[channel], select=[channel, COUNT(*) AS AGG$0], changelogMode=[I,UB,UA])')
      .and.include('Exchange(distribution=[hash[channel]], changelogMode=[I])')
      .and.include('Sink(table=[default_catalog.default_database.lines], fields=[auction, EXPR$1], changelogMode=[NONE])')
  })

  it('prints what several statements read once, and values as Calcite does', () => {
    const effect = lastEffect(
      "EXPLAIN STATEMENT SET BEGIN INSERT INTO lines SELECT * FROM (VALUES (1, 'a')); INSERT INTO lines SELECT * FROM (VALUES (1, 'a')); END",
    )
    expect(effect.kind === 'message' && effect.text)
      .to.include("LogicalValues(tuples=[[{ 1, _UTF-16LE'a' }]])")
      .and.include('(reuse_id=[1])')
      .and.match(/== Optimized Execution Plan ==\n[^]*\+- Reused\(reference_id=\[1\]\)\n$/)
  })

  it('estimates costs, gives advice, and prints the execution plan as JSON', () => {
    const text = (sql: string): string => {
      const effect = lastEffect(sql)
      return effect.kind === 'message' ? effect.text : ''
    }
    expect(text('EXPLAIN ESTIMATED_COST SELECT auction FROM bids WHERE price > 1')).to.include(
      ': rowcount = 2.5E7, cumulative cost = {2.25E8 rows, 3.0E8 cpu, ',
    )
    const advised = text('EXPLAIN PLAN_ADVICE SELECT channel, COUNT(*) AS c FROM bids GROUP BY channel')
    expect(advised).to.include(
      '== Optimized Physical Plan With Advice ==\nGroupAggregate(groupBy=[channel], select=[channel, COUNT(*) AS c], advice=[1])',
    )
    expect(advised).to.include('\nadvice[1]: [ADVICE] This node keeps each group for as long as the job runs')
    expect(text('EXPLAIN PLAN_ADVICE SELECT auction FROM bids')).to.include('\nNo available advice...\n')
    const json = text('EXPLAIN JSON_EXECUTION_PLAN SELECT channel, COUNT(*) AS c FROM bids GROUP BY channel').split(
      '== Physical Execution Plan ==',
    )[1]
    const { nodes } = JSON.parse(json ?? '') as {
      nodes: { pact: string; predecessors?: { id: number; ship_strategy: string; side: string }[] }[]
    }
    expect(nodes.map(({ pact }) => pact)).to.deep.equal(['Data Source', 'Operator', 'Operator', 'Operator', 'Data Sink'])
    expect(
      nodes.map(({ predecessors = [] }) => predecessors.map(({ id, ship_strategy }) => `${id} ${ship_strategy}`).join()),
    ).to.deep.equal(['', '1 FORWARD', '2 FORWARD', '3 HASH', '4 GLOBAL'])
  })
})

const EXPLAINED = `== Abstract Syntax Tree ==
LogicalProject(channel=[$0], c=[$1])
+- LogicalAggregate(group=[{0}], AGG$0=[COUNT()])
   +- LogicalProject(channel=[$3])
      +- LogicalFilter(condition=[>(CAST($2):DECIMAL(12, 2), CAST(1):DECIMAL(12, 2))])
         +- LogicalWatermarkAssigner(rowtime=[ts], watermark=[TIMESTAMP_ADD_MILLIS($4, -5000)])
            +- LogicalProject(auction=[$0], bidder=[$1], price=[$2], channel=[$3], ts=[$4], cost=[*($2, 0.9)])
               +- LogicalTableScan(table=[[default_catalog, default_database, bids]])

== Optimized Physical Plan ==
GroupAggregate(groupBy=[channel], select=[channel, COUNT(*) AS c])
+- Exchange(distribution=[hash[channel]])
   +- Calc(select=[channel], where=[(CAST(price AS DECIMAL(12, 2)) > 1.00)])
      +- WatermarkAssigner(rowtime=[ts], watermark=[TIMESTAMP_ADD_MILLIS(ts, -5000)])
         +- TableSourceScan(table=[[default_catalog, default_database, bids]], fields=[price, channel, ts])

== Optimized Execution Plan ==
GroupAggregate(groupBy=[channel], select=[channel, COUNT(*) AS c])
+- Exchange(distribution=[hash[channel]])
   +- Calc(select=[channel], where=[(CAST(price AS DECIMAL(12, 2)) > 1.00)])
      +- WatermarkAssigner(rowtime=[ts], watermark=[TIMESTAMP_ADD_MILLIS(ts, -5000)])
         +- TableSourceScan(table=[[default_catalog, default_database, bids]], fields=[price, channel, ts])
`

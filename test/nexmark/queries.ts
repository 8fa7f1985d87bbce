/** The benchmark's queries as statements of a session, and their expected results. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Configuration } from '#core/config/configuration.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { systemEnvironment } from '#core/time/environment.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { SqlSession } from '#sql/session/sql-session.js'
import { scriptFunctionFiles } from '#client/cli/function-bundles.js'
import { loadFunctionModules } from '#sql/validate/function-modules.js'
import { projectRoot } from '../support/project-root.js'

const FOLDER = join(projectRoot, 'test/nexmark')
const FUNCTIONS = "CREATE TEMPORARY FUNCTION count_char AS 'functions/count-char.ts#count_char' LANGUAGE TYPESCRIPT;\n"
/** Of the expected results. */
export const EVENTS = 20_000
export const RATE = 200

export const QUERIES: readonly string[] = Array.from({ length: 23 }, (_, i) => `q${i}`)

export interface PlannedQuery {
  readonly jobGraph: JobGraph
  /** Of the sink. */
  readonly schema: Schema
}

/**
 * The query's INSERT as a SELECT of the same rows.
 * @throws the error a user would see
 */
export async function planQuery(
  query: string,
  settings: Readonly<Record<string, string>>,
  events = EVENTS,
  rate = RATE,
): Promise<PlannedQuery> {
  const configuration = Configuration.of({ 'table.local-time-zone': 'UTC', ...settings })
  const { random, clock } = systemEnvironment
  const ddl = FUNCTIONS + read('ddl.sql').replace('${events}', String(events)).replace('${rate}', String(rate))
  const text = read(`${query}.sql`).replace('${sink}', "'connector' = 'blackhole'").replace('${partitioned}', '')
  const script = new SourceText('', ddl + '\n' + text.replace('INSERT INTO sink', ''))
  const modules = await loadFunctionModules(await scriptFunctionFiles(script.text, FOLDER))
  const session = new SqlSession({ configuration, random, clock, modules })
  let planned: PlannedQuery | undefined
  for (const statement of parseScript(script)) {
    const effect = session.execute(statement, script)
    if (effect.kind !== 'job') continue
    const collect = effect.jobGraph.vertices.flatMap((vertex) => vertex.operators).find(({ spec }) => spec.op === 'collect')
    planned = { jobGraph: effect.jobGraph, schema: collect?.outputSchema as Schema }
  }
  return planned as PlannedQuery
}

/** The rows that are left of a changelog, as lines of the expected results: sorted JSON arrays. */
export function foldedLines(changes: readonly CollectedRow[], schema: Schema): string[] {
  const counts = new Map<string, number>()
  for (const { kind, cells } of changes) {
    const row = cells.slice(0, schema.fields.length).map((cell, i) => {
      const type = schema.fields[i]?.type.kind
      return cell !== null && (type === 'BIGINT' || type === 'INT') ? Number(cell) : cell
    })
    const line = JSON.stringify(row)
    const count = (counts.get(line) ?? 0) + (kind === RowKind.INSERT || kind === RowKind.UPDATE_AFTER ? 1 : -1)
    counts.set(line, count)
  }
  const gone = [...counts].find(([, count]) => count < 0)
  if (gone !== undefined) throw new Error(`a row is taken back more often than it came: ${gone[0]}`)
  return [...counts].flatMap(([line, count]) => new Array<string>(count).fill(line)).sort()
}

/** What is wrong with the rows, or undefined. */
export function difference(query: string, lines: readonly string[]): string | undefined {
  if (query === 'q12') return processingTimeDifference(lines)
  const [, , count, hash] = summary(query)
  const digest = createHash('sha256')
    .update(lines.map((line) => line + '\n').join(''))
    .digest('hex')
  if (digest === hash) return undefined
  const known = read(`../expected/${query}.txt`).trimEnd().split('\n')
  const first = known.findIndex((line, i) => line !== lines[i])
  const where = first < 0 ? '' : `; row ${first} should be ${short(known[first])}, is ${short(lines[first])}`
  return `${lines.length} rows, ${count} are expected${where}`
}

/** Windows of processing time have no fixed result: their counts sum up to all bids of each bidder whose windows have ended. */
function processingTimeDifference(lines: readonly string[]): string | undefined {
  const totals = new Map(
    read('../expected/q12-total.txt')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as [number, number]),
  )
  const seen = new Map<number, number>()
  for (const line of lines) {
    const [bidder, count] = JSON.parse(line) as [number, number]
    seen.set(bidder, (seen.get(bidder) ?? 0) + count)
  }
  for (const [bidder, total] of totals) {
    if ((seen.get(bidder) ?? 0) !== total) return `bidder ${bidder} has ${seen.get(bidder) ?? 0} bids, ${total} are expected`
  }
  return seen.size === totals.size ? undefined : `${seen.size} bidders, ${totals.size} are expected`
}

function summary(query: string): string[] {
  const line = read('../expected/SUMMARY.tsv')
    .split('\n')
    .find((each) => each.startsWith(`${query}\t`))
  return (line ?? '').split('\t')
}

function short(line: string | undefined): string {
  return line === undefined ? 'missing' : line.length > 200 ? line.slice(0, 200) + '…' : line
}

function read(name: string): string {
  return readFileSync(join(FOLDER, 'queries', name), 'utf8')
}

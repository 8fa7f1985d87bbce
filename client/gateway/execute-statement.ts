/** One statement of a gateway's session to its result: the session says what it does, jobs go to the cluster. */
import { STRING, timestampLtz } from '#core/types/logical-type.js'
import type { Environment } from '#core/time/environment.js'
import { DML_SYNC } from '#core/config/options/sql.js'
import type { JobsOverview } from '#core/rest/responses.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'
import { validationError } from '#sql/parser/sql-errors.js'
import type { ScriptStatement, Statement } from '#sql/parser/ast-statement.js'
import { sessionTimeZone } from '#sql/session/session-time-zone.js'
import type { SqlSession } from '#sql/session/sql-session.js'
import type { StatementEffect } from '#sql/session/statement-effect.js'
import { outcome } from '../cluster/async-outcome.js'
import { MasterRefused } from '../cluster/master-client.js'
import type { SessionConnection } from '../session/session-connection.js'
import { submitJob } from '../session/submit-job.js'
import { refused } from './errors.js'
import { JobRows } from './job-rows.js'
import { knownRows, type Result } from './operation.js'
import type { ResultRow } from './result-page.js'
import type { ResultColumn } from './result-schema.js'

export interface Cluster {
  readonly connection: SessionConnection
  readonly environment: Environment
}

const INSERT = 0
const text = (name: string): ResultColumn => ({ name, type: STRING })

/** @throws GATEWAY_REFUSED unless it is one statement; SQL_SYNTAX */
export function parseOne(statement: string): { readonly parsed: ScriptStatement; readonly source: SourceText } {
  const source = new SourceText('', statement)
  const statements = parseScript(source)
  const [parsed, second] = statements
  if (parsed === undefined || second !== undefined)
    throw refused(
      'java.lang.IllegalArgumentException',
      `only single statement supported: ${parsed === undefined ? 'there is none' : `there are ${statements.length}`}`,
    )
  return { parsed, source }
}

/** `settings`: of this statement alone. @throws the statement's errors, SESSION_* */
export async function executeStatement(
  statement: string,
  session: SqlSession,
  settings: Readonly<Record<string, string>>,
  cluster: Cluster,
): Promise<Result> {
  const { parsed, source } = parseOne(statement)
  const timeZone = sessionTimeZone(session.configuration)
  const ofRows = (columns: readonly ResultColumn[], rows: readonly (readonly (string | null)[])[]): Result => ({
    description: { columns, isQuery: false, jobId: undefined, kind: 'SUCCESS_WITH_CONTENT', timeZone },
    rows: knownRows(rows.map((cells) => ({ kind: INSERT, cells }))),
  })
  const ok: Result = {
    description: { columns: [text('result')], isQuery: false, jobId: undefined, kind: 'SUCCESS', timeZone },
    rows: knownRows([{ kind: INSERT, cells: ['OK'] }]),
  }
  switch (parsed.statement.kind) {
    case 'show-jobs': {
      const { jobs } = await cluster.connection.master.jobs()
      return ofRows(JOB_COLUMNS, jobs.map(jobRow))
    }
    case 'describe-job': {
      const { job } = parsed.statement
      const { jobs } = await cluster.connection.master.jobs()
      const found = jobs.find(({ jid }) => jid === job.text)
      if (found === undefined) throw validationError(source, job.at, `Job ${job.text} does not exist in ${cluster.connection.name}.`)
      return ofRows(JOB_COLUMNS, [jobRow(found)])
    }
    case 'stop-job':
      return stopJob(parsed.statement, source, cluster, ok, ofRows)
    default:
  }
  const effect = session.execute(parsed, source, settings)
  switch (effect.kind) {
    case 'none':
      return ok
    case 'message':
      return parsed.statement.kind === 'explain' ? ofRows([text('result')], [[effect.text]]) : ok
    case 'rows':
      return ofRows(
        effect.columns.map((name, i) => ({ name, type: effect.types?.[i] ?? STRING })),
        effect.rows,
      )
    case 'job':
      return runJob(effect, parsed, settings, session, cluster, timeZone)
  }
}

async function runJob(
  effect: Extract<StatementEffect, { kind: 'job' }>,
  parsed: ScriptStatement,
  settings: Readonly<Record<string, string>>,
  session: SqlSession,
  { connection, environment }: Cluster,
  timeZone: string,
): Promise<Result> {
  const { jobGraph, columns, types } = effect
  const job = await submitJob(connection, environment, jobGraph)
  const { jobId } = jobGraph
  if (columns !== null) {
    const described = columns.map((name, i): ResultColumn => ({ name, type: types?.[i] ?? STRING }))
    return {
      description: { columns: described, isQuery: true, jobId, kind: 'SUCCESS_WITH_CONTENT', timeZone },
      rows: new JobRows(job, environment),
    }
  }
  if (parsed.statement.kind !== 'select-statement' && session.configuration.with(settings).get(DML_SYNC)) await job.finished()
  const row: ResultRow = { kind: INSERT, cells: [jobId] }
  return {
    description: { columns: [text('job id')], isQuery: false, jobId, kind: 'SUCCESS_WITH_CONTENT', timeZone },
    rows: knownRows([row]),
  }
}

const JOB_COLUMNS: readonly ResultColumn[] = [
  text('job id'),
  text('job name'),
  text('status'),
  { name: 'start time', type: timestampLtz(3) },
]

function jobRow({ jid, name, state, 'start-time': started }: JobsOverview['jobs'][number]): (string | null)[] {
  return [jid, name, state, started < 0 ? null : new Date(started).toISOString().slice(0, -1).replace('T', ' ')]
}

async function stopJob(
  { job, withSavepoint, withDrain }: Extract<Statement, { kind: 'stop-job' }>,
  source: SourceText,
  { connection, environment }: Cluster,
  ok: Result,
  ofRows: (columns: readonly ResultColumn[], rows: readonly (readonly string[])[]) => Result,
): Promise<Result> {
  const { master } = connection
  if (!/^[0-9a-f]{32}$/.test(job.text)) throw validationError(source, job.at, `'${job.text}' is no job id: it has 32 hexadecimal digits.`)
  try {
    if (!withSavepoint) {
      await master.cancelJob(job.text)
      return ok
    }
    const triggerId = await master.trigger(`jobs/${job.text}/stop`, { drain: withDrain })
    const { location } = await outcome(master, `jobs/${job.text}/savepoints`, triggerId, 'The savepoint', environment)
    return ofRows([text('savepoint path')], [[String(location)]])
  } catch (error) {
    if (MasterRefused.is(error)) throw validationError(source, job.at, `Could not stop job ${job.text}: ${error.details.reason}`)
    throw error
  }
}

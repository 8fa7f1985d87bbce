/**
 * Failures in the form that Flink's clients read: an error body whose second text looks like a Java stack. They print what the last
 * `Caused by:` says, so that line has Flink's class and words, then the place in the statement and our hint.
 */
import { WeftError } from '#core/errors/define-error.js'
import type { ErrorBody } from '#core/rest/responses.js'
import { GatewayRefused } from './errors.js'

const TABLE = 'org.apache.flink.table'
const CLASSES: Readonly<Record<string, string>> = {
  CatalogException: `${TABLE}.catalog.exceptions.CatalogException`,
  DatabaseNotExistException: `${TABLE}.catalog.exceptions.DatabaseNotExistException`,
  DatabaseAlreadyExistException: `${TABLE}.catalog.exceptions.DatabaseAlreadyExistException`,
  DatabaseNotEmptyException: `${TABLE}.catalog.exceptions.DatabaseNotEmptyException`,
  TableAlreadyExistException: `${TABLE}.catalog.exceptions.TableAlreadyExistException`,
  IllegalArgumentException: 'java.lang.IllegalArgumentException',
  SqlValidatorException: 'org.apache.calcite.sql.validate.SqlValidatorException',
  TableException: `${TABLE}.api.TableException`,
}
const VALIDATION = `${TABLE}.api.ValidationException`

/** Options whose values are constants of a Java class that Flink names. */
const ENUMS: Readonly<Record<string, string>> = { 'table.sql-dialect': `${TABLE}.api.SqlDialect` }

export function failureBody(error: unknown, doing: string): { status: number; body: ErrorBody } {
  if (GatewayRefused.is(error) && error.details.status !== 500) return { status: error.details.status, body: { errors: [error.message] } }
  const gateway = `${TABLE}.gateway.api.utils.SqlGatewayException: ${doing}`
  const text = [
    `<Exception on server side:`,
    gateway,
    '\tat weft.gateway.handleRequest(gateway)',
    `Caused by: ${causeOf(error)}`,
    '\tat weft.gateway.execute(gateway)',
    '',
    'End of exception on server side>',
  ].join('\n')
  return { status: 500, body: { errors: ['Internal server error.', text] } }
}

/** `class: message` */
export function causeOf(error: unknown): string {
  if (GatewayRefused.is(error)) return `${error.details.exception}: ${error.message}`
  if (!(error instanceof WeftError)) return `java.lang.RuntimeException: ${error instanceof Error ? error.message : String(error)}`
  const { code, details } = error
  if (code === 'SQL_SYNTAX' && typeof details['encountered'] === 'string')
    return `org.apache.flink.sql.parser.impl.ParseException: Encountered "${details['encountered']}"${placed(details, String(details['problem']))}`
  if (code === 'SQL_SYNTAX') return `org.apache.flink.sql.parser.impl.ParseException: ${problemOf(error)}`
  if (code === 'SQL_VALIDATION') return `${CLASSES[String(details['exception'])] ?? VALIDATION}: ${problemOf(error)}`
  if (code === 'SQL_NOT_SUPPORTED') return `${CLASSES['TableException']}: Not supported: ${problemOf(error)}`
  if (code === 'CONFIG_INVALID_VALUE') {
    const javaClass = ENUMS[String(details['key'])]
    const constant = javaClass === undefined ? undefined : `No enum constant ${javaClass}.${String(details['value']).toUpperCase()}`
    return `${CLASSES['IllegalArgumentException']}: ${constant ?? problemOf(error)}`
  }
  if (code.startsWith('CONFIG_')) return `${CLASSES['IllegalArgumentException']}: ${problemOf(error)}`
  if (code.startsWith('TABLE_') || code.startsWith('FORMAT_')) return `${VALIDATION}: ${problemOf(error)}`
  if (code === 'SESSION_JOB_FAILED') return `org.apache.flink.runtime.JobException: ${error.message}`
  return `org.apache.flink.util.FlinkRuntimeException: ${error.message} (${code})`
}

/** The problem, then its place and the hint. */
function problemOf({ details, message }: WeftError): string {
  const { problem } = details
  return typeof problem === 'string' && 'excerpt' in details ? `${problem}${placed(details)}` : message
}

function placed(details: Readonly<Record<string, unknown>>, more = ''): string {
  const { line, column, excerpt, hint } = details
  const lines = [more, String(excerpt), typeof hint === 'string' ? hint : ''].filter((text) => text !== '')
  return ` at line ${String(line)}, column ${String(column)}.\n${lines.join('\n')}`
}

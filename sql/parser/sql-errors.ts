/** What can be wrong with a statement. Every message ends in the place: line, column, the source line and a caret. */
import { defineError, WeftError } from '#core/errors/define-error.js'
import type { Position, SourceText } from './source-text.js'

type Details = {
  problem: string
  hint: string | null
  line: number
  column: number
  where: string
  excerpt: string
  /** What Flink throws for it, by its simple name, where that is not the usual one; clients of the SQL gateway show it. */
  exception?: FlinkException
  /** Of a syntax error: the text that nothing was expected of, as Flink's parser names it. */
  encountered?: string
}

export type FlinkException =
  | 'CatalogException'
  | 'DatabaseNotExistException'
  | 'DatabaseAlreadyExistException'
  | 'DatabaseNotEmptyException'
  | 'TableAlreadyExistException'
  | 'IllegalArgumentException'
  | 'SqlValidatorException'
  | 'TableException'

const render =
  (lead: string) =>
  (d: Details): string =>
    `${lead}${d.problem}${d.hint === null ? '' : `${/[.?!]$/.test(d.problem) ? '' : '.'} ${d.hint}`}\nat ${d.where}:\n${d.excerpt}`

/** The text is no statement. */
export const SqlSyntaxError = defineError('SQL_SYNTAX', { recovery: 'none', message: render('SQL syntax error: ') })
/** The text is a statement of the dialect that Weft does not execute. */
export const SqlNotSupported = defineError('SQL_NOT_SUPPORTED', { recovery: 'none', message: render('Not supported: ') })
/** The statement is well formed, but names, types or rules do not allow it. */
export const SqlValidationError = defineError('SQL_VALIDATION', { recovery: 'none', message: render('SQL validation failed: ') })

function details(source: SourceText, at: Position, problem: string, hint: string | null): Details {
  return { problem, hint, line: at.line, column: at.column, where: source.describe(at), excerpt: source.excerpt(at) }
}

/** `encountered`: the token that is wrong there. */
export function syntaxError(
  source: SourceText,
  at: Position,
  problem: string,
  hint: string | null = null,
  encountered?: string,
): WeftError {
  return new SqlSyntaxError({ ...details(source, at, problem, hint), ...(encountered === undefined ? {} : { encountered }) })
}

export function notSupported(source: SourceText, at: Position, problem: string, hint: string | null = null): WeftError {
  return new SqlNotSupported(details(source, at, problem, hint))
}

export function validationError(
  source: SourceText,
  at: Position,
  problem: string,
  hint: string | null = null,
  exception?: FlinkException,
): WeftError {
  return new SqlValidationError({ ...details(source, at, problem, hint), ...(exception === undefined ? {} : { exception }) })
}

/** An error found below (a connector's option, a configuration key), with the place in the script that led to it. */
export function located(source: SourceText, at: Position, error: unknown): unknown {
  if (!(error instanceof WeftError) || 'excerpt' in error.details) return error
  const place = details(source, at, error.message, null)
  return new WeftError(
    error.code,
    error.recovery,
    `${error.message}\nat ${place.where}:\n${place.excerpt}`,
    { ...error.details, ...place },
    { cause: error },
  )
}

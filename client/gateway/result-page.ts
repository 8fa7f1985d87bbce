/** Pages of a result: rows as REST answers them, in both formats. */
import type { LogicalType } from '#core/types/logical-type.js'
import { columnBody, type ColumnBody, type ResultColumn } from './result-schema.js'
import { localTextToInstant } from '#sql/session/session-time-zone.js'

export type RowFormat = 'JSON' | 'PLAIN_TEXT'

/** A row with its cells as texts (CAST AS STRING). `kind`: core/types/row-kind. */
export interface ResultRow {
  readonly kind: number
  readonly cells: readonly (string | null)[]
  /** core/rpc/operator-events: of columns whose text is not enough. */
  readonly json?: readonly (string | null)[] | undefined
}

const KINDS = ['INSERT', 'UPDATE_BEFORE', 'UPDATE_AFTER', 'DELETE'] as const

/** What is the same on every page of a result. */
export interface ResultDescription {
  readonly columns: readonly ResultColumn[]
  readonly isQuery: boolean
  readonly jobId: string | undefined
  readonly kind: 'SUCCESS' | 'SUCCESS_WITH_CONTENT'
  /** In which TIMESTAMP_LTZ stands in the cells. */
  readonly timeZone: string
}

/** JSON numbers keep their digits: the body is put together as text. */
export function pageBody(
  { columns, isQuery, jobId, kind, timeZone }: ResultDescription,
  rows: readonly ResultRow[],
  format: RowFormat,
  next: string | undefined,
): string {
  const described: ColumnBody[] = columns.map(columnBody)
  const cell = (text: string | null, i: number, json: string | null | undefined): string => {
    if (text === null) return 'null'
    if (format === 'JSON' && typeof json === 'string') return json
    return format === 'PLAIN_TEXT' ? JSON.stringify(text) : jsonCell(text, (columns[i] as ResultColumn).type, timeZone)
  }
  const data = rows.map(
    (row) =>
      `{"kind":"${KINDS[row.kind as 0 | 1 | 2 | 3]}","fields":[${row.cells
        .slice(0, columns.length)
        .map((text, i) => cell(text, i, row.json?.[i]))
        .join(',')}]}`,
  )
  return (
    `{"resultType":"${next === undefined ? 'EOS' : 'PAYLOAD'}","isQueryResult":${isQuery}` +
    (jobId === undefined ? '' : `,"jobID":"${jobId}"`) +
    `,"resultKind":"${kind}","results":{"columns":${JSON.stringify(described)},"rowFormat":"${format}","data":[${data.join(',')}]}` +
    (next === undefined ? '}' : `,"nextResultUri":${JSON.stringify(next)}}`)
  )
}

/** The text of a cell as the JSON that Flink's RowDataToJsonConverters make of the value. */
export function jsonCell(text: string, type: LogicalType, timeZone: string): string {
  switch (type.kind) {
    case 'BOOLEAN':
      return text.toLowerCase()
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return text
    case 'FLOAT':
    case 'DOUBLE':
      return /^-?\d/.test(text) ? text : JSON.stringify(text)
    case 'DECIMAL':
      return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
    case 'TIMESTAMP':
      return JSON.stringify(text.replace(' ', 'T'))
    case 'TIMESTAMP_LTZ':
      return JSON.stringify(localTextToInstant(text, timeZone))
    default:
      return JSON.stringify(text)
  }
}

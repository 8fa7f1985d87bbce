/**
 * Rows as text tables, for tests to write and to read: `+I a 12 NULL '2024-01-02 03:04:05'`. The kind first, then one word per
 * column in the notation of CAST … AS STRING; words with spaces (and the words '' and 'NULL') in single quotes.
 */
import { castValue, formatValue } from '#runtime/expr/cast.js'
import { isNull } from '#runtime/columnar/vector.js'
import { readValue } from '#runtime/columnar/value.js'
import type { Batch } from '#runtime/columnar/batch.js'
import {
  BIGINT,
  BOOLEAN,
  DATE,
  decimal,
  DOUBLE,
  INT,
  notNull,
  STRING,
  timestamp,
  timestampLtz,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { ROW_KIND_SYMBOLS, type RowKind } from '#core/types/row-kind.js'
import type { Schema } from '#core/types/schema.js'

export interface Row {
  readonly kind: RowKind
  readonly values: readonly Value[]
}

const CONTEXT = { timeZone: 'UTC', now: () => 0 }

/** `a INT, b DECIMAL(10, 2) NOT NULL` */
export function schemaOf(text: string): Schema {
  const fields = text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
  return {
    fields: fields.map((field) => {
      const match = /^(\S+)\s+(\w+)\s*(?:\((\d+)(?:\s*,\s*(\d+))?\))?\s*(NOT NULL)?$/.exec(field)
      if (match === null) throw new Error(`not a column: ${field}`)
      const type = typeOf(match[2] as string, Number(match[3]), Number(match[4]))
      return { name: match[1] as string, type: match[5] === undefined ? type : notNull(type) }
    }),
  }
}

function typeOf(name: string, first: number, second: number): LogicalType {
  switch (name) {
    case 'BOOLEAN':
      return BOOLEAN
    case 'INT':
      return INT
    case 'BIGINT':
      return BIGINT
    case 'DOUBLE':
      return DOUBLE
    case 'STRING':
      return STRING
    case 'DATE':
      return DATE
    case 'DECIMAL':
      return decimal(first, second)
    case 'TIMESTAMP':
      return timestamp(Number.isNaN(first) ? 3 : first)
    case 'TIMESTAMP_LTZ':
      return timestampLtz(Number.isNaN(first) ? 3 : first)
    default:
      throw new Error(`not a type: ${name}`)
  }
}

/** One line of a table. */
export function parseRow(line: string, schema: Schema): Row {
  const words = line.match(/'(?:[^']|'')*'|\S+/g) ?? []
  const kind = ROW_KIND_SYMBOLS.indexOf(words[0] as (typeof ROW_KIND_SYMBOLS)[number])
  if (kind < 0) throw new Error(`a row begins with +I, -U, +U or -D: ${line}`)
  if (words.length !== schema.fields.length + 1) throw new Error(`${words.length - 1} values for ${schema.fields.length} columns: ${line}`)
  return { kind: kind as RowKind, values: schema.fields.map((field, i) => parseValue(words[i + 1] as string, field.type)) }
}

function parseValue(word: string, type: LogicalType): Value {
  if (word === 'NULL') return null
  const text = word.startsWith("'") ? word.slice(1, -1).replaceAll("''", "'") : word
  return type.kind === 'VARCHAR' ? text : castValue(text, STRING, type, CONTEXT)
}

export function formatRow(row: Row, schema: Schema): string {
  return [ROW_KIND_SYMBOLS[row.kind], ...schema.fields.map((field, i) => formatWord(row.values[i] ?? null, field.type))].join(' ')
}

function formatWord(value: Value, type: LogicalType): string {
  const text = formatValue(value, type, CONTEXT)
  if (text === null) return 'NULL'
  return text === '' || text === 'NULL' || /[\s']/.test(text) ? `'${text.replaceAll("'", "''")}'` : text
}

export function rowsOf(batch: Batch): Row[] {
  return Array.from({ length: batch.length }, (_, row) => {
    const position = batch.position(row)
    return {
      kind: batch.rowKind(position),
      values: batch.columns.map((column) => (isNull(column, position) ? null : readValue(column, position))),
    }
  })
}

/**
 * What is there after a changelog, as sorted lines without kinds. Every -U and -D must take away a row that is there.
 * @throws Error naming the first row of the changelog that does not
 */
export function materialize(changelog: readonly Row[], schema: Schema): string[] {
  const counts = new Map<string, number>()
  changelog.forEach((row, i) => {
    const key = formatRow({ kind: 0, values: row.values }, schema).slice(3)
    const count = (counts.get(key) ?? 0) + (row.kind === 0 || row.kind === 2 ? 1 : -1)
    if (count < 0) throw new Error(`row ${i} of the changelog takes away what is not there: ${formatRow(row, schema)}`)
    counts.set(key, count)
  })
  return [...counts].flatMap(([key, count]) => Array.from({ length: count }, () => key)).sort()
}

/** Arrays and rows in one field of a CSV row: their elements with `array-element-delimiter` between them, as Flink writes them, NULL as the null-literal. */
import type { LogicalType, Value } from '#core/types/logical-type.js'
import { ColumnBuilder } from '../../columnar/batch-builder.js'
import { arrayElements, arrayValue, rowFields, rowValue } from '../../columnar/nested-value.js'
import { readValue } from '../../columnar/value.js'
import { fieldReader, type FieldReader, type TextSyntax } from '../field-reader.js'
import { scalarText } from '../scalar-text.js'
import type { CsvDialect } from './options.js'

export interface Elements {
  text(value: string): string
  /** The value, or what is wrong with the text of an element. */
  read(text: string): { readonly value: string } | { readonly problem: string }
}

const SYNTAX: TextSyntax = { timestamps: 'SQL', leastDigits: 1 }

/** True for what a field can hold: arrays and rows of plain values. */
export function isWritable(type: LogicalType): boolean {
  const plain = ({ kind }: LogicalType): boolean => kind !== 'ARRAY' && kind !== 'MAP' && kind !== 'MULTISET' && kind !== 'ROW'
  if (type.kind === 'ARRAY') return plain(type.element)
  return type.kind === 'ROW' ? type.fields.every((field) => plain(field.type)) : plain(type)
}

export function elementsOf(type: LogicalType, { elementDelimiter, nullLiteral, scientificDecimals }: CsvDialect): Elements {
  const typeAt = (i: number): LogicalType | undefined =>
    type.kind === 'ARRAY' ? type.element : type.kind === 'ROW' ? type.fields[i]?.type : undefined
  const readers: { readonly column: ColumnBuilder; readonly read: FieldReader }[] = []
  const readElement = (text: string, i: number): { readonly value: Value } | { readonly problem: string } => {
    const of = typeAt(i)
    if (of === undefined) return { problem: `the field has more than ${i} elements` }
    if (text === (nullLiteral ?? '') && (nullLiteral !== undefined || of.kind !== 'VARCHAR')) return { value: null }
    const slot = type.kind === 'ARRAY' ? 0 : i
    const { column, read } = (readers[slot] ??= { column: new ColumnBuilder(of, 1, 16), read: fieldReader(of, SYNTAX) })
    const bytes = Buffer.from(text, 'utf8')
    column.truncate(0)
    const problem = read(column, bytes, 0, bytes.length, false)
    return problem === undefined ? { value: readValue(column.finish(), 0) } : { problem }
  }
  return {
    text(value) {
      const parts = type.kind === 'ARRAY' ? arrayElements(value, type.element) : type.kind === 'ROW' ? rowFields(value, type.fields) : []
      return parts
        .map((part, i) => (part === null ? (nullLiteral ?? '') : scalarText(part, typeAt(i) as LogicalType, 'SQL', scientificDecimals)))
        .join(elementDelimiter)
    },
    read(text) {
      const values: Value[] = []
      const pieces = text === '' && type.kind === 'ARRAY' ? [] : text.split(elementDelimiter)
      for (const [i, piece] of pieces.entries()) {
        const element = readElement(piece, i)
        if ('problem' in element) return element
        values.push(element.value)
      }
      return { value: type.kind === 'ARRAY' ? arrayValue(values, type.element) : rowValue(values, type.kind === 'ROW' ? type.fields : []) }
    },
  }
}

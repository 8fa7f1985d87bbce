/**
 * ROW columns of tables. A ROW is kept as its fields, each a column of its own named `column.field`: so only the fields that a query names are
 * read, and none is built to be taken apart. A whole ROW is no value.
 */
import { typeToString, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { TypeNode } from '../parser/ast-type.js'
import type { SourceText } from '../parser/source-text.js'
import { validationError } from '../parser/sql-errors.js'
import { logicalType } from './data-type.js'

/** The fields of a column of type ROW, nested ones too, in their order. NULL where the ROW around them is. */
export function rowFields(column: string, node: TypeNode, source: SourceText): { path: readonly string[]; type: LogicalType }[] {
  return fieldsOf([column], node, source, false)
}

function fieldsOf(
  path: readonly string[],
  node: TypeNode,
  source: SourceText,
  inNullable: boolean,
): { path: readonly string[]; type: LogicalType }[] {
  if (node.fields.length === 0) throw validationError(source, node.at, 'A ROW needs at least one field.')
  const nullable = inNullable || node.nullable
  const seen = new Set<string>()
  return node.fields.flatMap(({ name, type }) => {
    if (seen.has(name.text)) throw validationError(source, name.at, `The ROW has two fields named '${name.text}'.`)
    seen.add(name.text)
    const inner = [...path, name.text]
    if (type.name === 'ROW') return fieldsOf(inner, type, source, nullable)
    const logical = logicalType(source, type)
    return [{ path: inner, type: nullable ? withNullable(logical, true) : logical }]
  })
}

/** ROW<`a` INT, `b` STRING>, as DESCRIBE prints it. The types have been checked by rowFields. */
export function rowTypeText(node: TypeNode, source: SourceText): string {
  const fields = node.fields.map(({ name, type }) => {
    const text = type.name === 'ROW' ? rowTypeText(type, source) : typeToString(logicalType(source, type))
    return `\`${name.text.replaceAll('`', '``')}\` ${text}`
  })
  return `ROW<${fields.join(', ')}>${node.nullable ? '' : ' NOT NULL'}`
}

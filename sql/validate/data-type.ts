/** Data types as written to logical types. What Weft cannot hold is refused at its place. */
import { MAX_DECIMAL_PRECISION, MAX_VARCHAR_LENGTH, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { TypeNode } from '../parser/ast-type.js'
import type { SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'

const DEFAULT_TIMESTAMP_PRECISION = 6

export function logicalType(source: SourceText, node: TypeNode): LogicalType {
  return withNullable(nullableType(source, node), node.nullable)
}

function nullableType(source: SourceText, node: TypeNode): LogicalType {
  const [first, second] = node.parameters
  const { elements } = node
  const lengthOf = (name: string, length: number): number => {
    if (length < 1 || length > MAX_VARCHAR_LENGTH)
      throw validationError(source, node.at, `${name} length must be between 1 and ${MAX_VARCHAR_LENGTH} (both inclusive).`)
    return length
  }
  const refuse = (hint: string | null) =>
    notSupported(source, node.at, `the data type ${node.name}${node.parameters.length > 0 ? `(${node.parameters.join(', ')})` : ''}.`, hint)
  switch (node.name) {
    case 'BOOLEAN':
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
    case 'FLOAT':
    case 'DOUBLE':
    case 'DATE':
    case 'VARIANT':
      return { kind: node.name, nullable: true }
    case 'STRING':
      return { kind: 'VARCHAR', length: MAX_VARCHAR_LENGTH, nullable: true }
    case 'VARCHAR': {
      // Flink's parser means the longest, where its documentation says VARCHAR(1).
      return { kind: 'VARCHAR', length: lengthOf('VARCHAR', first ?? MAX_VARCHAR_LENGTH), nullable: true }
    }
    case 'DECIMAL': {
      const precision = first ?? 10
      const scale = second ?? 0
      if (precision < 1 || precision > MAX_DECIMAL_PRECISION)
        throw validationError(source, node.at, `Decimal precision must be between 1 and ${MAX_DECIMAL_PRECISION} (both inclusive).`)
      if (scale > precision) throw validationError(source, node.at, 'Decimal scale must be between 0 and the precision (both inclusive).')
      return { kind: 'DECIMAL', precision, scale, nullable: true }
    }
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
    case 'TIME': {
      const precision = first ?? (node.name === 'TIME' ? 0 : DEFAULT_TIMESTAMP_PRECISION)
      if (precision > 9) throw validationError(source, node.at, `${node.name} precision must be between 0 and 9 (both inclusive).`)
      return { kind: node.name, precision, nullable: true }
    }
    case 'CHAR':
      return { kind: 'VARCHAR', length: lengthOf('CHAR', first ?? 1), fixed: true, nullable: true }
    case 'BINARY':
      return { kind: 'BYTES', length: lengthOf('BINARY', first ?? 1), fixed: true, nullable: true }
    case 'VARBINARY':
      return { kind: 'BYTES', length: lengthOf('VARBINARY', first ?? MAX_VARCHAR_LENGTH), nullable: true }
    case 'BYTES':
      return { kind: 'BYTES', length: MAX_VARCHAR_LENGTH, nullable: true }
    case 'INTERVAL_MONTHS':
    case 'INTERVAL_MILLIS':
      return { kind: node.name, nullable: true }
    case 'ARRAY':
    case 'MULTISET':
      return { kind: node.name, element: logicalType(source, elements[0] as TypeNode), nullable: true }
    case 'MAP':
      return {
        kind: 'MAP',
        key: logicalType(source, elements[0] as TypeNode),
        value: logicalType(source, elements[1] as TypeNode),
        nullable: true,
      }
    case 'ROW':
      return { kind: 'ROW', fields: rowTypeFields(source, node), nullable: true }
    default:
      throw refuse(null)
  }
}

function rowTypeFields(source: SourceText, node: TypeNode): { name: string; type: LogicalType }[] {
  if (node.fields.length === 0) throw validationError(source, node.at, 'A ROW needs at least one field.')
  const seen = new Set<string>()
  return node.fields.map(({ name, type }) => {
    if (seen.has(name.text)) throw validationError(source, name.at, `The ROW has two fields named '${name.text}'.`)
    seen.add(name.text)
    return { name: name.text, type: logicalType(source, type) }
  })
}

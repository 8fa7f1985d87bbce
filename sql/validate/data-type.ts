/** Data types as written to logical types. What Weft cannot hold is refused at its place. */
import { MAX_DECIMAL_PRECISION, MAX_VARCHAR_LENGTH, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { TypeNode } from '../parser/ast-type.js'
import type { SourceText } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'

const MAX_TIME_PRECISION = 3

export function logicalType(source: SourceText, node: TypeNode): LogicalType {
  return withNullable(nullableType(source, node), node.nullable)
}

function nullableType(source: SourceText, node: TypeNode): LogicalType {
  const [first, second] = node.parameters
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
      return { kind: node.name, nullable: true }
    case 'STRING':
      return { kind: 'VARCHAR', length: MAX_VARCHAR_LENGTH, nullable: true }
    case 'VARCHAR': {
      // Flink's parser means the longest, where its documentation says VARCHAR(1).
      const length = first ?? MAX_VARCHAR_LENGTH
      if (length < 1 || length > MAX_VARCHAR_LENGTH)
        throw validationError(source, node.at, `VARCHAR length must be between 1 and ${MAX_VARCHAR_LENGTH} (both inclusive).`)
      return { kind: 'VARCHAR', length, nullable: true }
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
      if (first === undefined)
        throw notSupported(
          source,
          node.at,
          `the data type ${node.name} without a precision, which means ${node.name}(6).`,
          `Use ${node.name}(3).`,
        )
      if (first > 9) throw validationError(source, node.at, `${node.name} precision must be between 0 and 9 (both inclusive).`)
      if (first > MAX_TIME_PRECISION) throw refuse(`Times are kept to the millisecond: use ${node.name}(3).`)
      return { kind: node.name, precision: first, nullable: true }
    case 'CHAR':
      throw refuse('Use VARCHAR or STRING.')
    default:
      throw refuse(null)
  }
}

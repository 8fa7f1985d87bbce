/** What sinks cannot enforce (runtime/connectors/constraints.ts): said before the job starts. */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { MAX_VARCHAR_LENGTH, type LogicalType } from '#core/types/logical-type.js'

/** What of these settings no sink can do for a column of this type, in Flink's words. */
export function constraintProblem(
  type: LogicalType,
  { lengthEnforcer, nestedEnforcer }: Pick<SpecOf<'sink'>, 'lengthEnforcer' | 'nestedEnforcer'>,
): string | undefined {
  if (lengthEnforcer !== 'TRIM_PAD' || nestedEnforcer !== 'ROWS_AND_COLLECTIONS' || !holdsLengths(type, false)) return undefined
  return 'Trimming and/or padding is not supported if constraint checking is enabled on types nested in collections.'
}

function holdsLengths(type: LogicalType, inCollection: boolean): boolean {
  switch (type.kind) {
    case 'ARRAY':
    case 'MULTISET':
      return holdsLengths(type.element, true)
    case 'MAP':
      return holdsLengths(type.key, true) || holdsLengths(type.value, true)
    case 'ROW':
      return type.fields.some((field) => holdsLengths(field.type, inCollection))
    case 'VARCHAR':
    case 'BYTES':
      return inCollection && (type.length ?? MAX_VARCHAR_LENGTH) < MAX_VARCHAR_LENGTH
    default:
      return false
  }
}

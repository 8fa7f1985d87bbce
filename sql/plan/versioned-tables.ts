/** Versioned tables: relations with a key, of which a row is the version of its key from its event time on. */
import type { Join, Relation } from './relation.js'

/** What is wrong with an event-time temporal join, in Flink's words, or undefined. `onlyAdds`: the relation takes no row back. */
export function temporalJoinProblem(
  { right, rightKeys, fields, left }: Join,
  onlyAdds: (relation: Relation) => boolean,
): string | undefined {
  const key = versionKey(right, onlyAdds)
  if (key === undefined)
    return (
      'Temporal Table Join requires primary key in versioned table, but no primary key can be found. ' +
      'Declare PRIMARY KEY (…) NOT ENFORCED, or use a view of the last row of each key (ROW_NUMBER() … ORDER BY the event time DESC, = 1).'
    )
  if (key.every(({ column }) => rightKeys.includes(column))) return undefined
  const names = key.map(({ name }) => name).join(', ')
  const compared = rightKeys.map((column) => fields[left.fields.length + column]?.name).join(', ')
  return (
    `Temporal table's primary key [${names}] must be included in the equivalence condition of temporal join, ` +
    `but current temporal join condition is [${compared}].`
  )
}

interface KeyColumn {
  readonly name: string
  /** -1: it is not read. */
  readonly column: number
}

/** Undefined: no key is known. */
function versionKey(relation: Relation, onlyAdds: (relation: Relation) => boolean): KeyColumn[] | undefined {
  switch (relation.kind) {
    case 'scan':
      return relation.table.primaryKey?.map((name) => ({ name, column: relation.fields.findIndex((field) => field.name === name) }))
    case 'watermark':
      return versionKey(relation.input, onlyAdds)
    case 'calc':
      // A condition on a changelog takes rows back without saying from when on.
      if (relation.condition !== null && !onlyAdds(relation.input)) return undefined
      return versionKey(relation.input, onlyAdds)?.map(({ name, column }) => ({
        name,
        column: relation.projection.findIndex((expression) => expression.kind === 'input' && expression.index === column),
      }))
    case 'rank':
      return relation.versions === true
        ? relation.partition.map((column) => ({ name: relation.fields[column]?.name ?? '', column }))
        : undefined
    default:
      return undefined
  }
}

/**
 * A view of the last row of each key by event time, on the right of a temporal join, stands for all rows it is made of: each was the last one once.
 * They are read as they come, so that none is lost which the next one has replaced already.
 */
import { changelogOf } from './changelog.js'
import { inputsOf, withInputs, type Relation } from './relation.js'

export function readVersions(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(readVersions))
  return node.kind === 'join' && node.temporal !== undefined ? { ...node, right: versionsOf(node.right) } : node
}

function versionsOf(relation: Relation): Relation {
  switch (relation.kind) {
    case 'calc':
      return relation.condition === null ? { ...relation, input: versionsOf(relation.input) } : relation
    case 'rank': {
      const { input, limit, numbered, order } = relation
      const [key] = order
      const isLast = limit === 1 && order.length === 1 && key?.ascending === false && input.fields[key.column]?.rowtime === true
      return isLast && !numbered && changelogOf(input, 'STREAMING') === 'append' ? { ...relation, versions: true } : relation
    }
    default:
      return relation
  }
}

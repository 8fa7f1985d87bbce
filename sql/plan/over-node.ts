import { isProcessingTime } from './processing-time.js'
import type { Over, Relation, RelationField } from './relation.js'

/** An over node; event time goes on only where rows come out in its order. */
export function overNode(
  input: Relation,
  window: Pick<Over, 'partition' | 'order' | 'frame' | 'calls'>,
  { added, continues }: { readonly added: readonly RelationField[]; readonly continues: boolean },
): Over {
  const [key] = window.order
  const ordered = key !== undefined && window.order.length === 1
  const rowtime = ordered && input.fields[key.column]?.rowtime === true
  const time = rowtime ? 'rowtime' : ordered && isProcessingTime(input, key.column) ? 'processing-time' : null
  const fields = input.fields.map((field) => ({ ...field, rowtime: field.rowtime && time !== null }))
  return { kind: 'over', input, ...window, time, continues, fields: [...fields, ...added] }
}

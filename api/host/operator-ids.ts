/**
 * Ids of operators: the same each time that the same program builds its graph, so that state and functions are found by them. With a uid:
 * its hash. Without: a hash of the operator's place in the graph, as Flink's StreamGraphHasherV2.
 */
import { createHash } from 'node:crypto'
import type { OperatorId } from '#core/ids/ids.js'

const hash = (text: string): OperatorId => createHash('sha256').update(text).digest('hex').slice(0, 32) as OperatorId

export function operatorIdOfUid(uid: string): OperatorId {
  return hash(`uid ${uid}`)
}

/** `place`: number in the order of the program. */
export function operatorIdOfPlace(place: number, inputs: readonly OperatorId[]): OperatorId {
  return hash(`place ${place} ${inputs.join(' ')}`)
}

/** Of an operator that graph building adds behind another: `role` says which (`key-by 0`). */
export function auxiliaryOperatorId(of: OperatorId, role: string): OperatorId {
  return hash(`auxiliary ${of} ${role}`)
}

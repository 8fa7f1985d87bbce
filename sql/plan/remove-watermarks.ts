/** Batch mode knows its input whole: no row is late, windows fire at the end, and nobody asks for watermarks. As Flink. */
import { inputsOf, withInputs, type Relation } from './relation.js'

export function removeWatermarks(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(removeWatermarks))
  return node.kind === 'watermark' ? node.input : node
}

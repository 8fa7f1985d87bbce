/** Batch mode knows its input whole: no row is late, windows fire at the end, joins keep all, and nobody asks for watermarks. As Flink. */
import { inputsOf, withInputs, type Relation } from './relation.js'

export function removeWatermarks(relation: Relation): Relation {
  const node = withInputs(relation, inputsOf(relation).map(removeWatermarks))
  if (node.kind === 'join' && node.time !== undefined) {
    const { time: _, ...join } = node
    return join
  }
  return node.kind === 'watermark' ? node.input : node
}

/** A job graph as text: vertices with their chains and what each reads. For tests. */
import type { JobGraph, Partitioner } from '#core/graph/job-graph.js'

/**
 *     vertex 1: parallelism 2, max 128
 *       0 Source…  TableSourceScan(…)
 *       1 <- 0     Calc(…)
 *     vertex 2: parallelism 2, max 128
 *       0 <- vertex 1.1 HASH[0]  GroupAggregate(…)
 */
export function describeJobGraph(graph: JobGraph): string {
  const numbers = new Map(graph.vertices.map((vertex, i) => [vertex.id, i + 1]))
  const lines: string[] = []
  for (const vertex of graph.vertices) {
    lines.push(`vertex ${numbers.get(vertex.id)}: parallelism ${vertex.parallelism}, max ${vertex.maxParallelism}`)
    for (const [position, operator] of vertex.operators.entries()) {
      const inputs =
        operator.from !== null
          ? [String(operator.from)]
          : graph.edges
              .filter((edge) => edge.target === vertex.id)
              .sort((a, b) => a.targetInput - b.targetInput)
              .map((edge) => `vertex ${numbers.get(edge.source)}.${edge.sourceOperator} ${partitionerText(edge.partitioner)}`)
      lines.push(`  ${position}${inputs.length === 0 ? '' : ` <- ${inputs.join(', ')}`}: ${operator.name}`)
    }
  }
  return lines.join('\n')
}

export function partitionerText(partitioner: Partitioner): string {
  return partitioner.kind === 'HASH' ? `HASH[${partitioner.keys.join(', ')}]` : partitioner.kind
}

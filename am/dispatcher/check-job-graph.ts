/** What a job graph must satisfy beyond its schema before it is run. Pure. */
import { JobGraphSchema, type JobGraph } from '#core/graph/job-graph.js'
import * as z from '#core/zod.js'
import { InvalidJobGraph } from '../jobmaster/errors.js'

/** @throws JOB_GRAPH_INVALID */
export function checkJobGraph(raw: unknown): JobGraph {
  const parsed = JobGraphSchema.safeParse(raw)
  if (!parsed.success) throw new InvalidJobGraph({ problem: z.prettifyError(parsed.error) })
  const problem = findProblem(parsed.data)
  if (problem !== undefined) throw new InvalidJobGraph({ problem })
  return parsed.data
}

function findProblem(graph: JobGraph): string | undefined {
  const vertices = new Map(graph.vertices.map((vertex) => [vertex.id, vertex]))
  if (vertices.size < graph.vertices.length) return 'two vertices have the same id'
  if (new Set(graph.edges.map((edge) => edge.id)).size < graph.edges.length) return 'two edges have the same id'
  const operators = graph.vertices.flatMap((vertex) => vertex.operators)
  if (new Set(operators.map((operator) => operator.id)).size < operators.length) return 'two operators have the same id'
  for (const vertex of graph.vertices) {
    if (vertex.parallelism > vertex.maxParallelism)
      return `vertex '${vertex.name}' has parallelism ${vertex.parallelism}, more than its maximum ${vertex.maxParallelism}`
    for (const [position, operator] of vertex.operators.entries()) {
      if (operator.from !== null && operator.from >= position) return `operator '${operator.name}' reads an operator that comes after it`
    }
  }
  for (const edge of graph.edges) {
    const source = vertices.get(edge.source)
    const target = vertices.get(edge.target)
    if (source === undefined || target === undefined) return `edge ${edge.id} has no vertex at one end`
    if (edge.sourceOperator >= source.operators.length) return `edge ${edge.id} leaves an operator that '${source.name}' does not have`
    if (edge.partitioner.kind === 'FORWARD' && source.parallelism !== target.parallelism) {
      return `'${source.name}' (parallelism ${source.parallelism}) is joined one to one with '${target.name}' (parallelism ${target.parallelism})`
    }
  }
  return hasCycle(graph) ? 'its edges form a circle' : undefined
}

function hasCycle(graph: JobGraph): boolean {
  const waiting = new Map(graph.vertices.map((vertex) => [vertex.id, 0]))
  for (const edge of graph.edges) waiting.set(edge.target, (waiting.get(edge.target) ?? 0) + 1)
  const ready = [...waiting].filter(([, count]) => count === 0).map(([id]) => id)
  let seen = 0
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    seen++
    for (const edge of graph.edges) {
      if (edge.source !== next) continue
      const left = (waiting.get(edge.target) ?? 0) - 1
      waiting.set(edge.target, left)
      if (left === 0) ready.push(edge.target)
    }
  }
  return seen < graph.vertices.length
}

/** Small job graphs for tests of the master. */
import type { JobEdge, JobGraph, JobVertex, Partitioner } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { EdgeId, JobId, OperatorId, VertexId } from '#core/ids/ids.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'

export const ONE_INT = schema(['a', INT])

export function hexId<T extends string>(number: number): T {
  return number.toString(16).padStart(32, '0') as T
}

export const JOB = hexId<JobId>(0xa)
export const SOURCE_OPERATOR = hexId<OperatorId>(0x101)
export const SINK_OPERATOR = hexId<OperatorId>(0x201)

const source: OperatorSpec = {
  op: 'source',
  connector: 'filesystem',
  tableName: 'bids',
  options: {},
  schema: ONE_INT,
  projection: [0],
  bounded: true,
}
const sink: OperatorSpec = {
  op: 'sink',
  connector: 'filesystem',
  tableName: 'totals',
  options: {},
  schema: ONE_INT,
  notNullEnforcer: 'ERROR',
}

export function vertex(number: number, name: string, parallelism: number, spec: OperatorSpec): JobVertex {
  return {
    id: hexId<VertexId>(number * 0x100),
    name,
    parallelism,
    maxParallelism: 128,
    operators: [{ id: hexId<OperatorId>(number * 0x100 + 1), name, spec, from: null, outputSchema: ONE_INT }],
  }
}

export function edge(from: number, to: number, partitioner: Partitioner): JobEdge {
  return {
    id: hexId<EdgeId>(0x10000 + from * 0x100 + to),
    source: hexId<VertexId>(from * 0x100),
    sourceOperator: 0,
    target: hexId<VertexId>(to * 0x100),
    targetInput: 0,
    partitioner,
    schema: ONE_INT,
  }
}

/** `Source (p) ──REBALANCE──▶ Sink (q)`, from a table with an enumerator to one with a committer. */
export function sourceToSink(sources = 1, sinks = 1, target: OperatorSpec = sink): JobGraph {
  return {
    version: 1,
    jobId: JOB,
    name: 'copy',
    jobType: 'BATCH',
    vertices: [vertex(1, 'Source', sources, source), vertex(2, 'Sink', sinks, target)],
    edges: [edge(1, 2, { kind: 'REBALANCE' })],
    configuration: {},
  }
}

export function sourceToCollect(): JobGraph {
  return sourceToSink(1, 1, { op: 'collect', schema: ONE_INT })
}

/** Two pipelines that share nothing but the job: `Source ──▶ Sink` twice, regions 0 and 1. */
export function twoPipelines(): JobGraph {
  const first = sourceToSink()
  return {
    ...first,
    vertices: [...first.vertices, vertex(3, 'Source2', 1, source), vertex(4, 'Sink2', 1, sink)],
    edges: [...first.edges, edge(3, 4, { kind: 'REBALANCE' })],
  }
}

/** `Source (p) ──FORWARD──▶ Sink (p)`: p regions that share an enumerator and a committer. */
export function forwardPipelines(parallelism: number): JobGraph {
  return { ...sourceToSink(parallelism, parallelism), edges: [edge(1, 2, { kind: 'FORWARD' })] }
}

/** Takes checkpoints. */
export function streaming(graph: JobGraph): JobGraph {
  return { ...graph, jobType: 'STREAMING' }
}

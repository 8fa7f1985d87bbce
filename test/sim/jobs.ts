/** The jobs of a scenario: job graphs over files of the shared volume, and what each must have written in the end. */
import type { JobEdge, JobGraph, JobVertex, Partitioner } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { executedJobId, type EdgeId, type JobId, type OperatorId, type VertexId } from '#core/ids/ids.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { Dice } from './kernel.js'
import type { Volume } from './volume.js'

export const ROOT = 'hdfs://nn'
const ONE_INT = schema(['a', INT])
export const MAX_PARALLELISM = 32

/**
 * copy: source → sink, every row as it came. count: source → HASH → counter → sink, each row says the how-manieth of its key it is.
 * pipelines: as many regions as the parallelism.
 */
export type JobShape = 'copy' | 'count' | 'pipelines'

export interface SimJob {
  readonly number: number
  readonly shape: JobShape
  readonly graph: JobGraph
  /** Rows of each input file; a row is named `<file>:<position>`. */
  readonly files: readonly number[]
  readonly outputDirectory: string
  /** After the application's start. */
  readonly submitAfter: number
  /** Virtual ms between two batches of a source, and rows of a batch. */
  readonly batchEvery: number
  readonly batchRows: number
}

const FIRST = '5eed0000000000000000000000000000' as JobId

export function hex<T extends string>(number: number): T {
  return number.toString(16).padStart(32, '0') as T
}

export function inputDirectory(job: number): string {
  return `${ROOT}/in/job${job}`
}

export function makeJob(number: number, dice: Dice, configuration: Readonly<Record<string, string>>): SimJob {
  const shape = dice.pick(['copy', 'count', 'count', 'pipelines'] as const)
  const sources = dice.integer(1, 3)
  const files = Array.from({ length: dice.integer(sources, sources * dice.pick([2, 12])) }, () => dice.integer(2, dice.pick([15, 80])))
  const outputDirectory = `${ROOT}/out/job${number}`
  const source: OperatorSpec = {
    op: 'source',
    connector: 'filesystem',
    tableName: `in${number}`,
    options: { path: inputDirectory(number), format: 'raw' },
    schema: ONE_INT,
    projection: [0],
    bounded: true,
  }
  const sink: OperatorSpec = {
    op: 'sink',
    connector: 'filesystem',
    tableName: `out${number}`,
    options: { path: outputDirectory, format: 'raw' },
    schema: ONE_INT,
    notNullEnforcer: 'ERROR',
  }
  const counter: OperatorSpec = { op: 'calc', projection: [] }
  const id = number * 0x10000
  const vertices: JobVertex[] = [vertex(id + 1, 'Source', sources, source)]
  const edges: JobEdge[] = []
  if (shape === 'count') {
    const [counters, sinks] = [dice.integer(1, 3), dice.integer(1, 2)]
    vertices.push(vertex(id + 2, 'Count', counters, counter), vertex(id + 3, 'Sink', sinks, sink))
    edges.push(
      edge(id + 1, id + 2, { kind: 'HASH', keys: [0] }),
      edge(id + 2, id + 3, { kind: counters === sinks ? 'FORWARD' : 'REBALANCE' }),
    )
  } else {
    const sinks = shape === 'pipelines' ? sources : dice.integer(1, 3)
    vertices.push(vertex(id + 3, 'Sink', sinks, sink))
    edges.push(edge(id + 1, id + 3, { kind: shape === 'pipelines' ? 'FORWARD' : 'REBALANCE' }))
  }
  const graph: JobGraph = {
    version: 1,
    jobId: executedJobId(FIRST, number),
    name: `job ${number} (${shape})`,
    jobType: 'STREAMING',
    vertices,
    edges,
    configuration,
  }
  const batchRows = dice.integer(1, 6)
  // It would take about so long if nothing failed.
  const length = dice.between(20_000, 150_000)
  const batches = files.reduce((sum, rows) => sum + Math.ceil(rows / batchRows), 0) / sources
  return {
    number,
    shape,
    graph,
    files,
    outputDirectory,
    submitAfter: number === 0 ? 0 : dice.integer(0, 30_000),
    batchEvery: Math.round(length / batches),
    batchRows,
  }
}

/** One byte for each row. */
export function writeInput(volume: Volume, job: SimJob): void {
  for (const [file, rows] of job.files.entries()) {
    const path = `${inputDirectory(job.number)}/file-${String(file).padStart(2, '0')}`
    volume.create(path, false)
    volume.append(path, Buffer.alloc(rows, 10))
  }
}

const KEYS = 7
/** They spread over the key groups, and so over subtasks. */
const KEY_STEP = 4

/** Key of the row at `position` of a file: a key group. */
export function keyOf(row: string): number {
  const [file = 0, position = 0] = row.split(':').map(Number)
  return ((file * 31 + position * 3) % KEYS) * KEY_STEP
}

export function expectedRows({ shape, files }: SimJob): Set<string> {
  const rows = files.flatMap((count, file) => Array.from({ length: count }, (_, position) => `${file}:${position}`))
  if (shape !== 'count') return new Set(rows)
  const counts = new Map<number, number>()
  const expected = new Set<string>()
  for (const row of rows) {
    const key = keyOf(row)
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    expected.add(`k${key}#${count}`)
  }
  return expected
}

export function vertex(number: number, name: string, parallelism: number, spec: OperatorSpec, maxParallelism = MAX_PARALLELISM): JobVertex {
  return {
    id: hex<VertexId>(number),
    name,
    parallelism,
    maxParallelism,
    operators: [{ id: hex<OperatorId>(number + 0x100000000), name, spec, from: null, outputSchema: ONE_INT }],
  }
}

export function edge(from: number, to: number, partitioner: Partitioner): JobEdge {
  return {
    id: hex<EdgeId>(from * 0x100 + to),
    source: hex<VertexId>(from),
    sourceOperator: 0,
    target: hex<VertexId>(to),
    targetInput: 0,
    partitioner,
    schema: ONE_INT,
  }
}

/** A program's pipeline as a job: its graph, and the functions of its operators by id. */
import { Configuration } from '#core/config/configuration.js'
import { JOB_NAME, MAX_PARALLELISM, OPERATOR_CHAINING, PARALLELISM, RUNTIME_MODE } from '#core/config/options/execution.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'
import type { Pipeline } from '../datastream/transformation.js'
import { UnboundedInBatch } from './graph-errors.js'
import { jobGraph } from './job-graph.js'
import { streamGraph, type StreamOperator } from './stream-graph.js'

export interface ProgramGraph {
  readonly jobGraph: JobGraph
  /** Of every function operator. */
  readonly definitions: ReadonlyMap<OperatorId, FunctionDefinition>
}

/** Operators of a pipeline: what both the master and its workers come to. @throws what stream-graph.ts throws */
export function pipelineOperators(pipeline: Pipeline): StreamOperator[] {
  const configuration = Configuration.of(pipeline.configuration)
  const maxParallelism = configuration.get(MAX_PARALLELISM)
  return streamGraph(pipeline.transformations, {
    parallelism: configuration.get(PARALLELISM),
    maxParallelism: maxParallelism > 0 ? maxParallelism : undefined,
  })
}

export function definitionsOf(operators: readonly StreamOperator[]): Map<OperatorId, FunctionDefinition> {
  return new Map(
    operators.flatMap(({ id, implementation }) => ('definition' in implementation ? [[id, implementation.definition] as const] : [])),
  )
}

/** @throws API_UNBOUNDED_IN_BATCH, and what stream-graph.ts throws */
export function programGraph(pipeline: Pipeline, jobId: JobId, program: Omit<ProgramReference, 'operators'>): ProgramGraph {
  const configuration = Configuration.of(pipeline.configuration)
  const operators = pipelineOperators(pipeline)
  const mode = configuration.get(RUNTIME_MODE)
  const unbounded = operators.find((operator) => operator.role === 'source' && !operator.bounded)
  if (mode === 'BATCH' && unbounded !== undefined) throw new UnboundedInBatch({ source: unbounded.name })
  const jobType = mode === 'BATCH' || (mode === 'AUTOMATIC' && unbounded === undefined) ? 'BATCH' : 'STREAMING'
  const name = pipeline.name ?? configuration.get(JOB_NAME) ?? program.name
  const header = { jobId, name, jobType, configuration: pipeline.configuration } as const
  return {
    jobGraph: jobGraph(operators, header, configuration.get(OPERATOR_CHAINING), program),
    definitions: definitionsOf(operators),
  }
}

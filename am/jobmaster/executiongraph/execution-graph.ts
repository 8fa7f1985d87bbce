/**
 * The execution graph: a job graph unfolded by parallelism, with what each subtask's current attempt has come to. Plain,
 * immutable data; changes make a new graph that shares what did not change.
 */
import type { JobGraph, JobVertex } from '#core/graph/job-graph.js'
import { isTerminalExecutionState, type ExecutionState } from '#core/graph/states.js'
import { executionAttemptId, subtaskOfAttempt, type ExecutionAttemptId, type OperatorId } from '#core/ids/ids.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import type { Millis } from '#core/time/environment.js'
import type { PooledSlot } from '../../slots/slot-provider.js'
import { pipelinedRegions, regionOf, type PipelinedRegions } from './pipelined-regions.js'

/** What a sink's subtask prepared; made visible when its checkpoint is complete or the whole job has ended well. */
export interface Committable {
  readonly operatorId: OperatorId
  readonly committable: unknown
}

export interface Execution {
  readonly attemptId: ExecutionAttemptId
  /** 0, 1, …: counts the restarts of this subtask. */
  readonly attempt: number
  readonly subtaskIndex: number
  readonly state: ExecutionState
  /** When each state was entered. */
  readonly timestamps: Readonly<Partial<Record<ExecutionState, Millis>>>
  readonly slot: PooledSlot | undefined
  readonly metrics: TaskMetrics | undefined
}

export interface ExecutionJobVertex {
  readonly vertex: JobVertex
  /** By subtask index. */
  readonly executions: readonly Execution[]
}

export interface ExecutionGraph {
  readonly jobGraph: JobGraph
  /** In the job graph's order. */
  readonly vertices: readonly ExecutionJobVertex[]
  readonly regions: PipelinedRegions
  /** Of the master whose attempts these are. */
  readonly epoch: number
}

/** All subtasks CREATED. */
export function createExecutionGraph(jobGraph: JobGraph, epoch: number, now: Millis): ExecutionGraph {
  return {
    jobGraph,
    epoch,
    regions: pipelinedRegions(jobGraph),
    vertices: jobGraph.vertices.map((vertex) => ({
      vertex,
      executions: Array.from({ length: vertex.parallelism }, (_, subtaskIndex) =>
        newExecution(jobGraph, epoch, vertex, subtaskIndex, 0, now),
      ),
    })),
  }
}

/** CREATED, without slot. */
export function newExecution(
  jobGraph: JobGraph,
  epoch: number,
  vertex: JobVertex,
  subtaskIndex: number,
  attempt: number,
  now: Millis,
): Execution {
  return {
    attemptId: executionAttemptId(jobGraph.jobId, vertex.id, subtaskIndex, attempt, epoch),
    attempt,
    subtaskIndex,
    state: 'CREATED',
    timestamps: { CREATED: now },
    slot: undefined,
    metrics: undefined,
  }
}

/** The next attempt of each subtask of these regions, CREATED, without slot. */
export function withNewAttempts(graph: ExecutionGraph, regions: ReadonlySet<number>, now: Millis): ExecutionGraph {
  return mapExecutions(graph, (execution, vertex) =>
    isIn(graph, regions, execution, vertex)
      ? newExecution(graph.jobGraph, graph.epoch, vertex, execution.subtaskIndex, execution.attempt + 1, now)
      : execution,
  )
}

export function isIn(graph: ExecutionGraph, regions: ReadonlySet<number>, execution: Execution, vertex: JobVertex): boolean {
  return regions.has(regionOf(graph.regions, vertex.id, execution.subtaskIndex))
}

/** The regions of the subtasks for which `test` holds. */
export function regionsWhere(graph: ExecutionGraph, test: (execution: Execution) => boolean): Set<number> {
  const found = new Set<number>()
  for (const { vertex, executions } of graph.vertices) {
    for (const execution of executions) if (test(execution)) found.add(regionOf(graph.regions, vertex.id, execution.subtaskIndex))
  }
  return found
}

export function* executions(graph: ExecutionGraph): Generator<Execution> {
  for (const vertex of graph.vertices) yield* vertex.executions
}

/** Current attempts only. The id tells the place: with 10,000 tasks nobody searches. */
export function findExecution(graph: ExecutionGraph, id: ExecutionAttemptId): { vertex: JobVertex; execution: Execution } | undefined {
  const place = subtaskOfAttempt(id)
  const entry = place === undefined ? undefined : graph.vertices.find(({ vertex }) => vertex.id === place.vertexId)
  const execution = place === undefined ? undefined : entry?.executions[place.subtaskIndex]
  return entry === undefined || execution?.attemptId !== id ? undefined : { vertex: entry.vertex, execution }
}

/** Applies `change` to each subtask; subtasks for which it returns the same object are shared with the old graph. */
export function mapExecutions(graph: ExecutionGraph, change: (execution: Execution, vertex: JobVertex) => Execution): ExecutionGraph {
  let changed = false
  const vertices = graph.vertices.map((entry) => {
    let own = false
    const next = entry.executions.map((execution) => {
      const after = change(execution, entry.vertex)
      own ||= after !== execution
      return after
    })
    changed ||= own
    return own ? { ...entry, executions: next } : entry
  })
  return changed ? { ...graph, vertices } : graph
}

export function updateExecution(
  graph: ExecutionGraph,
  id: ExecutionAttemptId,
  change: (execution: Execution) => Execution,
): ExecutionGraph {
  const found = findExecution(graph, id)
  if (found === undefined) return graph
  const after = change(found.execution)
  if (after === found.execution) return graph
  const vertices = graph.vertices.map((entry) =>
    entry.vertex === found.vertex ? { ...entry, executions: entry.executions.with(found.execution.subtaskIndex, after) } : entry,
  )
  return { ...graph, vertices }
}

export function inState(execution: Execution, state: ExecutionState, now: Millis): Execution {
  return execution.state === state ? execution : { ...execution, state, timestamps: { ...execution.timestamps, [state]: now } }
}

/** `regions`: only the subtasks of these. */
export function allTerminal(graph: ExecutionGraph, regions?: ReadonlySet<number>): boolean {
  return graph.vertices.every(({ vertex, executions }) =>
    executions.every(
      (execution) => isTerminalExecutionState(execution.state) || (regions !== undefined && !isIn(graph, regions, execution, vertex)),
    ),
  )
}

export function allFinished(graph: ExecutionGraph): boolean {
  return graph.vertices.every((vertex) => vertex.executions.every(({ state }) => state === 'FINISHED'))
}

/** Slots the job needs: one slot runs one subtask of each vertex (slot sharing). */
export function slotsNeeded(jobGraph: JobGraph): number {
  return Math.max(...jobGraph.vertices.map((vertex) => vertex.parallelism))
}

/** State of a vertex from its subtasks': Flink's ExecutionJobVertex.getAggregateJobVertexState. */
export function vertexState(vertex: ExecutionJobVertex): ExecutionState {
  const states = new Set(vertex.executions.map((execution) => execution.state))
  for (const state of ['FAILED', 'CANCELING', 'CANCELED', 'INITIALIZING', 'RUNNING'] as const) if (states.has(state)) return state
  if (states.has('FINISHED')) return states.size === 1 ? 'FINISHED' : 'RUNNING'
  return 'CREATED'
}

/** `Source: bids → Calc (2/4)`: a subtask for people. */
export function taskName(vertex: JobVertex, subtaskIndex: number): string {
  return `${vertex.name} (${subtaskIndex + 1}/${vertex.parallelism})`
}

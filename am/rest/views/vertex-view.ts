/** GET /jobs/:jobid/vertices/:vertexid: the subtasks of a vertex. */
import { isTerminalExecutionState, type ExecutionState } from '#core/graph/states.js'
import type { IoMetrics } from '#core/rest/responses.js'
import type { Millis } from '#core/time/environment.js'
import type { Execution, ExecutionJobVertex } from '../../jobmaster/executiongraph/execution-graph.js'
import { ioMetrics } from './job-view.js'

/** Distribution of a number over the subtasks, in integers. */
export interface Quantiles {
  readonly min: number
  readonly max: number
  readonly avg: number
  readonly sum: number
  readonly median: number
  readonly p25: number
  readonly p75: number
  readonly p95: number
}

export function vertexDetails({ vertex, executions }: ExecutionJobVertex, now: Millis) {
  const subtasks = executions.map((execution) => subtaskView(execution, now))
  const metricNames = Object.keys(ioMetrics([])).filter((name) => !name.endsWith('-complete')) as (keyof IoMetrics)[]
  const states = new Set(subtasks.flatMap((subtask) => Object.keys(subtask['status-duration']) as ExecutionState[]))
  return {
    id: vertex.id,
    name: vertex.name,
    parallelism: vertex.parallelism,
    maxParallelism: vertex.maxParallelism,
    now,
    subtasks,
    aggregated: {
      metrics: Object.fromEntries(metricNames.map((name) => [name, quantiles(subtasks.map((subtask) => Number(subtask.metrics[name])))])),
      'status-duration': Object.fromEntries(
        [...states].map((state) => [state, quantiles(subtasks.map((subtask) => subtask['status-duration'][state] ?? 0))]),
      ),
    },
  }
}

function subtaskView(execution: Execution, now: Millis) {
  const start = execution.timestamps.DEPLOYING ?? -1
  const ended = isTerminalExecutionState(execution.state)
  const end = ended ? (execution.timestamps[execution.state] ?? now) : -1
  const location = execution.slot?.location
  return {
    subtask: execution.subtaskIndex,
    status: execution.state,
    attempt: execution.attempt,
    endpoint: location === undefined ? '(unassigned)' : `${location.host}:${location.dataPort}`,
    'start-time': start,
    'end-time': end,
    duration: start < 0 ? -1 : (ended ? end : now) - start,
    metrics: ioMetrics([execution]),
    'taskmanager-id': location?.resourceId ?? '(unassigned)',
    'status-duration': statusDurations(execution, now),
    start_time: start,
  }
}

/** How long the subtask was in each state that it has left or is in; none for a state it ended in. */
export function statusDurations(execution: Execution, now: Millis): Partial<Record<ExecutionState, Millis>> {
  const entered = (Object.entries(execution.timestamps) as [ExecutionState, Millis][]).sort(([, a], [, b]) => a - b)
  const durations: Partial<Record<ExecutionState, Millis>> = {}
  for (const [index, [state, at]] of entered.entries()) {
    if (!isTerminalExecutionState(state)) durations[state] = (entered[index + 1]?.[1] ?? now) - at
  }
  return durations
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (fraction: number) =>
    Math.round(
      sorted[Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1 < 0 ? 0 : Math.ceil(fraction * sorted.length) - 1)] ?? 0,
    )
  const sum = sorted.reduce((total, value) => total + value, 0)
  return {
    min: at(0),
    max: at(1),
    avg: Math.round(sorted.length === 0 ? 0 : sum / sorted.length),
    sum: Math.round(sum),
    median: at(0.5),
    p25: at(0.25),
    p75: at(0.75),
    p95: at(0.95),
  }
}

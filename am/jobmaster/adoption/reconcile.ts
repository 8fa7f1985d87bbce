/**
 * Which tasks of an earlier master a job goes on with: whole pipelined regions of which every task runs on, from the newest complete checkpoint
 * that this master found. All others start again from it. Pure.
 *
 *   a region is taken over when each of its tasks   was reported once, by a worker that holds its slot
 *                                                   runs, or has finished since
 *                                                   belongs to the same job graph, at the same parallelism
 *                                                   has not heard of a newer complete checkpoint, does not stop for a savepoint
 *                                                   told all splits that it was given since the checkpoint
 */
import type { AllocationId, ExecutionAttemptId, OperatorId, ResourceId, VertexId } from '#core/ids/ids.js'
import type { EarlierTask } from '../../slots/earlier-tasks.js'
import type { ExecutionGraph } from '../executiongraph/execution-graph.js'
import { allRegions, regionOf } from '../executiongraph/pipelined-regions.js'

/** A subtask in the attempt that an earlier master deployed. */
export interface AdoptedExecution {
  readonly vertexId: VertexId
  readonly subtaskIndex: number
  readonly attemptId: ExecutionAttemptId
  readonly attempt: number
  readonly allocationId: AllocationId
  readonly resourceId: ResourceId
}

/** What a subtask of a source was given since the checkpoint. */
export interface AssignedSplit {
  readonly subtask: number
  readonly split: unknown
  readonly after: number
}

export interface Reconciliation {
  /** Every subtask that was reported and is not over: those of other regions have to end. */
  readonly executions: readonly AdoptedExecution[]
  /** Taken over. */
  readonly regions: ReadonlySet<number>
  readonly splits: ReadonlyMap<OperatorId, readonly AssignedSplit[]>
  /** The newest checkpoint that any task was told of; -1: none. */
  readonly highestCheckpoint: number
  /** Of the first region that is not taken over, in words; undefined: all are. */
  readonly refused: string | undefined
}

export interface Ground {
  /** At the parallelism that the job goes on with, nothing deployed yet. */
  readonly graph: ExecutionGraph
  readonly graphDigest: string
  /** The newest complete checkpoint; undefined: there is none. */
  readonly checkpointId: number | undefined
  /** Why no region of this job is ever taken over; undefined: some may be. */
  readonly never: string | undefined
  /** Splits that are out can be told to the source's enumerator. */
  takesAssigned(operatorId: OperatorId): boolean
}

const OVER = new Set<EarlierTask['state']>(['FINISHED', 'CANCELED', 'FAILED'])

export function reconcile(tasks: readonly EarlierTask[], ground: Ground): Reconciliation {
  const { graph } = ground
  const bySubtask = new Map<string, EarlierTask[]>()
  for (const task of tasks) {
    const key = keyOf(task.vertexId, task.subtaskIndex)
    bySubtask.set(key, [...(bySubtask.get(key) ?? []), task])
  }
  const regions = new Set(allRegions(graph.regions))
  const taken: EarlierTask[] = []
  const executions: AdoptedExecution[] = []
  let refused = ground.never
  if (refused !== undefined) regions.clear()
  for (const { vertex } of graph.vertices) {
    for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
      const reported = bySubtask.get(keyOf(vertex.id, subtask)) ?? []
      // An attempt that has ended was followed by another.
      const task = reported.find(({ state }) => !OVER.has(state)) ?? reported.find(({ state }) => state === 'FINISHED') ?? reported[0]
      const region = regionOf(graph.regions, vertex.id, subtask)
      const problem = task === undefined ? 'it was not found' : problemOf(task, reported, vertex.parallelism, ground)
      if (problem !== undefined && regions.delete(region)) refused ??= `${vertex.name} (${subtask + 1}/${vertex.parallelism}): ${problem}`
      if (task !== undefined && task.parallelism === vertex.parallelism) taken.push(task)
    }
  }
  const splits = new Map<OperatorId, AssignedSplit[]>()
  for (const task of taken) {
    const adopted = regions.has(regionOf(graph.regions, task.vertexId, task.subtaskIndex))
    if (!adopted && OVER.has(task.state)) continue
    const { vertexId, subtaskIndex, executionAttemptId: attemptId, attemptNumber: attempt, allocationId, resourceId } = task
    executions.push({ vertexId, subtaskIndex, attemptId, attempt, allocationId, resourceId })
    if (!adopted) continue
    for (const { operatorId, split, after } of splitsSince(task, ground.checkpointId))
      splits.set(operatorId, [...(splits.get(operatorId) ?? []), { subtask: subtaskIndex, split, after }])
  }
  const highestCheckpoint = tasks.reduce((highest, { triggered }) => Math.max(highest, triggered), -1)
  return { executions, regions, splits, highestCheckpoint, refused }
}

/** Every subtask of the graph was reported: nothing more has to be awaited. */
export function allReported(tasks: readonly EarlierTask[], graph: ExecutionGraph): boolean {
  const reported = new Set(tasks.map(({ vertexId, subtaskIndex }) => keyOf(vertexId, subtaskIndex)))
  return graph.vertices.every(({ vertex, executions }) =>
    executions.every(({ subtaskIndex }) => reported.has(keyOf(vertex.id, subtaskIndex))),
  )
}

/** Why it cannot go on under this master, in words. */
function problemOf(task: EarlierTask, reported: readonly EarlierTask[], parallelism: number, ground: Ground): string | undefined {
  if (reported.filter(({ state }) => !OVER.has(state)).length > 1) return 'two attempts of it run'
  if (task.state !== 'RUNNING' && task.state !== 'FINISHED') return `it is ${task.state}`
  if (task.parallelism !== parallelism)
    return `it runs at parallelism ${task.parallelism}, the newest checkpoint is of parallelism ${parallelism}`
  if (task.graphDigest !== ground.graphDigest) return 'it belongs to another job graph'
  if (task.stopping) return 'it stands still for a savepoint that stops the job'
  if (task.completed > (ground.checkpointId ?? -1)) return `checkpoint ${task.completed}, which it knows to be complete, cannot be read`
  if (task.splits === null) return 'it was given too many splits since the newest checkpoint'
  const mute = splitsSince(task, ground.checkpointId).find(({ operatorId }) => !ground.takesAssigned(operatorId))
  if (mute !== undefined) return 'it was given splits since the newest checkpoint, and its enumerator cannot be told so'
  return undefined
}

/** Those that its state in the checkpoint does not have; all where it began after that checkpoint. */
function splitsSince({ splits, first }: EarlierTask, checkpointId = -1) {
  return (splits ?? []).filter(({ after }) => first < 0 || checkpointId < first || after >= checkpointId)
}

function keyOf(vertexId: VertexId, subtaskIndex: number): string {
  return `${vertexId}/${subtaskIndex}`
}

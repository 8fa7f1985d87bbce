/** Who takes part in a checkpoint that begins now: Flink's DefaultCheckpointPlanCalculator. Pure. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import { channelsOf } from '../deployment/channels.js'
import type { CheckpointSubtask } from './checkpoint-host.js'

export interface CheckpointPlan {
  /** They are told by the coordinator: running subtasks without inputs. */
  readonly trigger: readonly CheckpointSubtask[]
  /** All that run: each acknowledges. */
  readonly running: readonly CheckpointSubtask[]
  readonly finished: readonly CheckpointSubtask[]
}

/** In words, for people. */
export interface NoPlan {
  readonly reason: string
}

export function subtaskKey(vertexId: VertexId, subtaskIndex: number): string {
  return `${vertexId}/${subtaskIndex}`
}

/** By the list it was made of: most events change no task. */
const plans = new WeakMap<readonly CheckpointSubtask[], CheckpointPlan | NoPlan>()

/** The same list must come with the same graph and setting. */
export function planCheckpoint(
  jobGraph: JobGraph,
  subtasks: readonly CheckpointSubtask[],
  afterTasksFinish: boolean,
): CheckpointPlan | NoPlan {
  const known = plans.get(subtasks)
  if (known !== undefined) return known
  const plan = makePlan(jobGraph, subtasks, afterTasksFinish)
  plans.set(subtasks, plan)
  return plan
}

function makePlan(jobGraph: JobGraph, subtasks: readonly CheckpointSubtask[], afterTasksFinish: boolean): CheckpointPlan | NoPlan {
  if (subtasks.some((subtask) => subtask.state === 'away')) return { reason: 'not all tasks run' }
  const running = subtasks.filter((subtask) => subtask.state === 'running')
  const finished = subtasks.filter((subtask) => subtask.state === 'finished')
  if (running.length === 0) return { reason: subtasks.length === 0 ? 'not all tasks run' : 'all tasks have finished' }
  const heads = new Set(jobGraph.vertices.map((vertex) => vertex.id))
  for (const edge of jobGraph.edges) heads.delete(edge.target)
  if (finished.length > 0) {
    if (!afterTasksFinish) return { reason: 'tasks have finished (execution.checkpointing.checkpoints-after-tasks-finish is false)' }
    // Nobody would send it a barrier: it works off its inputs' last rows and ends by itself.
    if (!everyoneIsReached(jobGraph, running, heads)) return { reason: 'tasks whose inputs have all ended are about to finish' }
  }
  return { trigger: running.filter((subtask) => heads.has(subtask.vertexId)), running, finished }
}

/** Each running subtask that has inputs has a producer that runs. */
function everyoneIsReached(jobGraph: JobGraph, running: readonly CheckpointSubtask[], heads: ReadonlySet<VertexId>): boolean {
  const alive = new Set(running.map((subtask) => subtaskKey(subtask.vertexId, subtask.subtaskIndex)))
  const aliveVertices = new Set(running.map((subtask) => subtask.vertexId))
  const parallelism = new Map(jobGraph.vertices.map((vertex) => [vertex.id, vertex.parallelism]))
  const isReached = ({ vertexId, subtaskIndex }: CheckpointSubtask) =>
    jobGraph.edges.some((edge) => {
      if (edge.target !== vertexId || !aliveVertices.has(edge.source)) return false
      const { kind } = edge.partitioner
      if (kind !== 'FORWARD' && kind !== 'RESCALE') return true
      return channelsOf(kind, subtaskIndex, parallelism.get(edge.source) ?? 1, parallelism.get(vertexId) ?? 1).some(({ producer }) =>
        alive.has(subtaskKey(edge.source, producer)),
      )
    })
  return running.every((subtask) => heads.has(subtask.vertexId) || isReached(subtask))
}

/** A checkpoint's metadata from what its subtasks acknowledged. Pure. */
import { CHECKPOINT_METADATA_VERSION, type CheckpointMetadata, type SubtaskState } from '#core/checkpoint/state-handles.js'
import type { Millis } from '#core/time/environment.js'
import type { Committable } from '../executiongraph/execution-graph.js'
import { subtaskKey } from './checkpoint-plan.js'
import type { CoordinatorContext, PendingCheckpoint } from './state.js'

export function assembleMetadata({ jobGraph, epoch }: CoordinatorContext, pending: PendingCheckpoint, now: Millis): CheckpointMetadata {
  const states = new Map<string, SubtaskState>()
  for (const [attemptId, { vertexId, subtaskIndex }] of pending.running) {
    const state = pending.acknowledged.get(attemptId)?.state
    if (state !== undefined && !isEmpty(state)) states.set(subtaskKey(vertexId, subtaskIndex), state)
  }
  const finished = new Map<string, readonly Committable[]>()
  for (const { subtask, committables } of pending.finished) finished.set(subtaskKey(subtask.vertexId, subtask.subtaskIndex), committables)
  return {
    version: CHECKPOINT_METADATA_VERSION,
    checkpointId: pending.id,
    kind: pending.barrier.kind,
    jobId: jobGraph.jobId,
    jobName: jobGraph.name,
    epoch,
    triggeredAt: pending.triggeredAt,
    completedAt: now,
    vertices: jobGraph.vertices.map((vertex) => {
      const keys = Array.from({ length: vertex.parallelism }, (_, index) => subtaskKey(vertex.id, index))
      return {
        vertexId: vertex.id,
        name: vertex.name,
        parallelism: vertex.parallelism,
        maxParallelism: vertex.maxParallelism,
        operators: vertex.operators.map(({ id, name }) => ({ operatorId: id, name })),
        subtasks: keys.map((key) => states.get(key) ?? committablesOnly(finished.get(key) ?? [])),
        finished: keys.flatMap((key, index) => (finished.has(key) ? [index] : [])),
      }
    }),
    coordinators: pending.enumerators.map(({ operatorId, state }) => ({ operatorId, state })),
  }
}

function isEmpty(state: SubtaskState): boolean {
  const inFlight = (state.inFlight?.inputs.length ?? 0) + (state.inFlight?.outputs.length ?? 0)
  return (
    inFlight === 0 &&
    state.operators.every(
      ({ keyed, lists, committables }) => keyed === undefined && Object.keys(lists).length === 0 && committables.length === 0,
    )
  )
}

/** State of a subtask that has ended: only what its sinks prepared. */
function committablesOnly(committables: readonly Committable[]): SubtaskState | null {
  if (committables.length === 0) return null
  const byOperator = new Map<Committable['operatorId'], unknown[]>()
  for (const { operatorId, committable } of committables) {
    const own = byOperator.get(operatorId)
    if (own === undefined) byOperator.set(operatorId, [committable])
    else own.push(committable)
  }
  return { operators: [...byOperator].map(([operatorId, own]) => ({ operatorId, lists: {}, committables: own })) }
}

/** What the checkpoint's sinks prepared, in order of vertices and subtasks. */
export function committablesOf(metadata: CheckpointMetadata): Committable[] {
  return metadata.vertices.flatMap((vertex) =>
    vertex.subtasks.flatMap((subtask) =>
      (subtask?.operators ?? []).flatMap(({ operatorId, committables }) =>
        committables.map((committable): Committable => ({ operatorId, committable })),
      ),
    ),
  )
}

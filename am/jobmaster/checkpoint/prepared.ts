/** What finished subtasks of sinks prepared and nobody has committed: it goes with the next checkpoint, or with the job's end. */
import type { Committable } from '../executiongraph/execution-graph.js'
import { subtaskKey } from './checkpoint-plan.js'
import type { RestartedSubtask } from './checkpoint-host.js'
import type { CoordinatorState, PendingCheckpoint } from './state.js'

type Prepared = CoordinatorState['prepared']

export function addPrepared(prepared: Prepared, key: string, added: readonly Committable[]): Prepared {
  if (added.length === 0) return prepared
  const before = prepared.get(key) ?? []
  const known = new Set(before.map((each) => JSON.stringify(each)))
  const fresh = added.filter((each) => !known.has(JSON.stringify(each)))
  return fresh.length === 0 ? prepared : new Map(prepared).set(key, [...before, ...fresh])
}

/** A checkpoint commits nothing: what subtasks acknowledged that have ended since stays behind for the next one. */
export function keepPrepared(state: CoordinatorState, pending: PendingCheckpoint): Prepared {
  const finished = new Set(state.subtasks.filter((subtask) => subtask.state === 'finished').map((subtask) => subtask.attemptId))
  let prepared = state.prepared
  for (const [attemptId, acknowledgement] of pending.acknowledged) {
    const subtask = pending.running.get(attemptId)
    if (subtask === undefined || !finished.has(attemptId)) continue
    const own = acknowledgement.state.operators.flatMap(({ operatorId, committables }) =>
      committables.map((committable): Committable => ({ operatorId, committable })),
    )
    prepared = addPrepared(prepared, subtaskKey(subtask.vertexId, subtask.subtaskIndex), own)
  }
  return prepared
}

/** The checkpoint has committed: what was part of it is done. */
export function dropCommitted(prepared: Prepared, pending: PendingCheckpoint): Prepared {
  const rest = new Map(prepared)
  for (const { subtask, committables } of pending.finished) {
    const key = subtaskKey(subtask.vertexId, subtask.subtaskIndex)
    const done = new Set(committables.map((each) => JSON.stringify(each)))
    const left = (rest.get(key) ?? []).filter((each) => !done.has(JSON.stringify(each)))
    if (left.length === 0) rest.delete(key)
    else rest.set(key, left)
  }
  return rest
}

/** Subtasks that run again prepare again. */
export function dropRestarted(prepared: Prepared, restarted: readonly RestartedSubtask[] | 'all'): Prepared {
  if (restarted === 'all') return new Map()
  const rest = new Map(prepared)
  for (const { vertexId, subtaskIndex } of restarted) rest.delete(subtaskKey(vertexId, subtaskIndex))
  return rest
}

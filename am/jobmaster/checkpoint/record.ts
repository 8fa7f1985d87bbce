/** A pending checkpoint as its statistics show it. */
import type { VertexId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import type { PendingCheckpoint } from './state.js'
import type { CheckpointRecord, CheckpointStatus, SubtaskRecord } from './statistics.js'

export function recordOf(
  pending: PendingCheckpoint,
  status: CheckpointStatus,
  endedAt: Millis | undefined,
  failure: string | undefined,
  metadataSize = 0,
): CheckpointRecord {
  const { barrier } = pending
  const vertices = new Map<VertexId, (SubtaskRecord | undefined)[]>()
  let unaligned = barrier.alignment === 'unaligned'
  for (const [attemptId, { vertexId, subtaskIndex }] of pending.running) {
    const acknowledgement = pending.acknowledged.get(attemptId)
    unaligned ||= acknowledgement?.metrics.unaligned === true
    const subtasks = vertices.get(vertexId) ?? []
    while (subtasks.length <= subtaskIndex) subtasks.push(undefined)
    subtasks[subtaskIndex] = acknowledgement === undefined ? undefined : { ackAt: acknowledgement.at, metrics: acknowledgement.metrics }
    vertices.set(vertexId, subtasks)
  }
  return {
    id: pending.id,
    status,
    kind: barrier.kind,
    stop: barrier.stop,
    unaligned,
    triggeredAt: pending.triggeredAt,
    endedAt,
    vertices: [...vertices].map(([vertexId, subtasks]) => ({ vertexId, subtasks })),
    path: pending.directory,
    metadataSize,
    failure,
  }
}

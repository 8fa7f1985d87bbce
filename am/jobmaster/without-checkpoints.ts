/** The Checkpoints of a job that takes none. */
import type { CheckpointSubtask, Checkpoints, RestartedSubtask } from './checkpoint/checkpoint-host.js'
import type { Committable } from './executiongraph/execution-graph.js'

export function withoutCheckpoints(): Checkpoints {
  const prepared = new Map<string, readonly Committable[]>()
  const key = ({ vertexId, subtaskIndex }: RestartedSubtask) => `${vertexId}_${subtaskIndex}`
  const none = () => Promise.reject(new Error('this job takes no checkpoints'))
  return {
    view: undefined,
    settled: async () => undefined,
    recover: async () => undefined,
    restore: async () => undefined,
    tasksChanged: () => undefined,
    taskFinished: (subtask: CheckpointSubtask, committables) => void prepared.set(key(subtask), committables),
    suspend: (_reason, restarted) => {
      if (restarted === 'all') prepared.clear()
      else for (const subtask of restarted) prepared.delete(key(subtask))
    },
    acknowledge: () => undefined,
    decline: () => undefined,
    uncommitted: () => [...prepared.values()].flat(),
    triggerSavepoint: none,
    triggerCheckpoint: none,
    end: async () => undefined,
  }
}

/** Finding out, at the beginning of a job, what of it still runs; and telling the workers what goes on. */
import { defineError } from '#core/errors/define-error.js'
import type { ExecutionAttemptId, JobId, ResourceId } from '#core/ids/ids.js'
import type { EarlierTask } from '../../slots/earlier-tasks.js'
import type { EarlierTasks, SlotProvider } from '../../slots/slot-provider.js'
import type { ExecutionGraph } from '../executiongraph/execution-graph.js'
import { allReported } from './reconcile.js'

export const TaskNotAdopted = defineError('JOB_TASK_NOT_ADOPTED', {
  recovery: 'retry-elsewhere',
  message: (d: { attempt: string; worker: string }) =>
    `Attempt ${d.attempt}, which ran under an earlier JobManager, does not run any more on TaskManager ${d.worker}`,
})

/** Waits until all that may tell have told, or every subtask is known. */
export async function awaitEarlierTasks(earlier: EarlierTasks, jobId: JobId, graph: ExecutionGraph): Promise<readonly EarlierTask[]> {
  for (;;) {
    const { tasks, settled } = earlier.of(jobId)
    if (settled || allReported(tasks, graph)) return tasks
    await earlier.changed()
  }
}

export interface Handshake {
  readonly jobId: JobId
  /** By worker, the ones that go on; a worker with none hears that its tasks of the job end. */
  readonly attempts: ReadonlyMap<ResourceId, readonly ExecutionAttemptId[]>
  readonly checkpointId: number | undefined
  /** Checkpoints of earlier masters. */
  readonly upTo: number
  runs(attemptId: ExecutionAttemptId): void
  /** It is not known what became of it, or nothing good. */
  lost(attemptId: ExecutionAttemptId, error: Error): void
}

/** Tells each worker at once. What ended since it was reported, the worker tells itself. */
export function tellAdopted(slots: SlotProvider, handshake: Handshake): void {
  const { jobId, attempts, checkpointId, upTo, runs, lost } = handshake
  for (const [resourceId, executionAttemptIds] of attempts) {
    const notThere = (attemptId: ExecutionAttemptId) => lost(attemptId, new TaskNotAdopted({ attempt: attemptId, worker: resourceId }))
    const gateway = slots.taskExecutor(resourceId)
    if (gateway === undefined) {
      executionAttemptIds.forEach(notThere)
      continue
    }
    gateway.adoptTasks({ jobId, executionAttemptIds: [...executionAttemptIds], checkpointId: checkpointId ?? null, upTo }).then(
      ({ running, ended }) => {
        for (const attemptId of executionAttemptIds) {
          if (running.includes(attemptId)) runs(attemptId)
          else if (!ended.includes(attemptId)) notThere(attemptId)
        }
      },
      (error: unknown) => {
        for (const attemptId of executionAttemptIds) lost(attemptId, error instanceof Error ? error : new Error(String(error)))
      },
    )
  }
}

/** The JobMaster as its checkpoint coordinator sees it: the execution graph, the tasks' gateways and the job's coordinators. */
import type { ExecutionAttemptId, ResourceId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import type { SlotProvider } from '../slots/slot-provider.js'
import { WorkerLost } from '../slots/worker-lost.js'
import type { CheckpointHost, CheckpointSubtask } from './checkpoint/checkpoint-host.js'
import type { JobCoordinators } from './coordinators/job-coordinators.js'
import { StaleAttempt } from './errors.js'
import { findExecution, isIn, type Execution, type ExecutionGraph } from './executiongraph/execution-graph.js'

const log = logger('JobMaster')

export interface HostParts {
  /** As of now. */
  graph(): ExecutionGraph
  /** Regions that start again or are about to: what their tasks come to says nothing about the job. */
  away(): ReadonlySet<number>
  readonly slots: SlotProvider
  readonly coordinators: JobCoordinators
  /** Coordinators do one thing at a time, in the order asked for. */
  inTurn<T>(action: () => Promise<T>): Promise<T>
  failJob(error: Error): void
  cancelJob(): void
}

export function checkpointHost(parts: HostParts): CheckpointHost {
  const subtasksOf = (attempts: readonly ExecutionAttemptId[]) =>
    attempts.flatMap((attemptId) => {
      const found = findExecution(parts.graph(), attemptId)
      return found === undefined ? [] : [{ vertexId: found.vertex.id, subtaskIndex: found.execution.subtaskIndex }]
    })
  return {
    jobGraph: () => parts.graph().jobGraph,
    subtasks: () => checkpointSubtasks(parts.graph(), parts.away()),
    trigger: async (attemptId, barrier) => {
      const location = findExecution(parts.graph(), attemptId)?.execution.slot?.location
      if (location === undefined) throw new StaleAttempt({ attempt: attemptId })
      const gateway = parts.slots.taskExecutor(location.resourceId)
      if (gateway === undefined)
        throw new WorkerLost({ worker: location.resourceId, host: location.host, reason: 'it is not registered any more' })
      await gateway.triggerCheckpoint({ executionAttemptId: attemptId, barrier })
    },
    conclude: (attemptIds, checkpointId, complete) => {
      const byWorker = new Map<ResourceId, ExecutionAttemptId[]>()
      for (const attemptId of attemptIds) {
        const resourceId = findExecution(parts.graph(), attemptId)?.execution.slot?.location.resourceId
        if (resourceId === undefined) continue
        const own = byWorker.get(resourceId)
        if (own === undefined) byWorker.set(resourceId, [attemptId])
        else own.push(attemptId)
      }
      for (const [resourceId, executionAttemptIds] of byWorker) {
        void parts.slots
          .taskExecutor(resourceId)
          ?.concludeCheckpoint({ executionAttemptIds, checkpointId, complete })
          .catch((error: unknown) => log.debug(`conclude checkpoint ${checkpointId} at ${resourceId}: ${String(error)}`))
      }
    },
    snapshotEnumerators: (checkpointId, sources) => parts.coordinators.snapshot(checkpointId, subtasksOf(sources)),
    releaseSplits: (checkpointId, attemptId) => {
      for (const subtask of subtasksOf([attemptId])) parts.coordinators.release(checkpointId, subtask)
    },
    commit: (checkpointId, committables) =>
      parts.inTurn(async () => {
        await parts.slots.leads()
        await parts.coordinators.commitCheckpoint(checkpointId, committables)
      }),
    failJob: (error) => parts.failJob(error),
    cancelJob: () => parts.cancelJob(),
  }
}

function checkpointSubtasks(graph: ExecutionGraph, away: ReadonlySet<number>): CheckpointSubtask[] {
  return graph.vertices.flatMap(({ vertex, executions }) =>
    executions.map((execution) => ({
      vertexId: vertex.id,
      subtaskIndex: execution.subtaskIndex,
      attemptId: execution.attemptId,
      state: isIn(graph, away, execution, vertex) ? 'away' : checkpointState(execution),
    })),
  )
}

function checkpointState({ state }: Execution): CheckpointSubtask['state'] {
  if (state === 'RUNNING') return 'running'
  return state === 'FINISHED' ? 'finished' : 'away'
}

/**
 * The subtask as the coordinator knows it, when that attempt has finished between `before` and `after`; undefined: it has not, or it was
 * being cancelled, so that its subtask runs again or the job ends: what it prepared is given up.
 */
export function finishedSubtask(
  before: ExecutionGraph,
  after: ExecutionGraph,
  attemptId: ExecutionAttemptId,
): CheckpointSubtask | undefined {
  const [was, is] = [findExecution(before, attemptId), findExecution(after, attemptId)]
  if (is?.execution.state !== 'FINISHED' || was?.execution.state === 'FINISHED' || was?.execution.state === 'CANCELING') return undefined
  return { vertexId: is.vertex.id, subtaskIndex: is.execution.subtaskIndex, attemptId, state: 'finished' }
}

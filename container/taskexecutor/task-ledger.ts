/**
 * The tasks of this worker as a later master asks about them. While no master is there they are *orphans*: they run on, and what they come
 * to is kept until the next master has said what becomes of them.
 *
 *   known ── master lost ─▶ orphan ── the next master knows it ─▶ known
 *                             └─ ends: told when the next master knows it
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { isTerminalExecutionState, type ExecutionState } from '#core/graph/states.js'
import type { ExecutionAttemptId, JobId, OperatorId } from '#core/ids/ids.js'
import type { SubmittedTask } from '#core/rpc/gateways/blob.js'
import type { ReportedTask } from '#core/rpc/gateways/task-executor.js'
import type { TaskStateUpdate } from './slot-messages.js'
import { newLedger, onConclusion, onRestartPoint, onSplit, onTrigger, type SourceLedger } from './source-ledger.js'

type Identity = Pick<
  ReportedTask,
  'executionAttemptId' | 'jobId' | 'vertexId' | 'subtaskIndex' | 'parallelism' | 'attemptNumber' | 'allocationId' | 'graphDigest'
>

interface Entry {
  readonly identity: Identity
  state: ExecutionState
  sources: SourceLedger
  orphan: boolean
  /** An orphan's end. */
  ended: TaskStateUpdate | undefined
}

/** A task of the job that the next master knows by now. */
export interface KnownAgain {
  readonly executionAttemptId: ExecutionAttemptId
  readonly state: ExecutionState
  /** To be told now. */
  readonly ended: TaskStateUpdate | undefined
}

export class TaskLedger {
  readonly #entries = new Map<ExecutionAttemptId, Entry>()
  readonly #waiting = new Map<ExecutionAttemptId, (() => void)[]>()

  submitted(task: SubmittedTask): void {
    const { executionAttemptId, jobId, vertexId, subtaskIndex, parallelism, attemptNumber, allocationId, graphDigest } = task
    const identity: Identity = {
      executionAttemptId,
      jobId,
      vertexId,
      subtaskIndex,
      parallelism,
      attemptNumber,
      allocationId,
      ...(graphDigest === undefined ? {} : { graphDigest }),
    }
    this.#entries.set(executionAttemptId, {
      identity,
      state: 'DEPLOYING',
      sources: newLedger(task.restore?.checkpointId),
      orphan: false,
      ended: undefined,
    })
  }

  triggered(executionAttemptId: ExecutionAttemptId, barrier: CheckpointBarrier): void {
    this.#change(executionAttemptId, (sources) => onTrigger(sources, barrier))
  }

  concluded(executionAttemptIds: readonly ExecutionAttemptId[], checkpointId: number, complete: boolean): void {
    for (const id of executionAttemptIds) this.#change(id, (sources) => onConclusion(sources, checkpointId, complete))
  }

  split(executionAttemptId: ExecutionAttemptId, operatorId: OperatorId, split: unknown): void {
    this.#change(executionAttemptId, (sources) => onSplit(sources, operatorId, split))
  }

  /** True: there is no master to tell. */
  holds(update: TaskStateUpdate): boolean {
    const { executionAttemptId, state } = update
    const entry = this.#entries.get(executionAttemptId)
    if (entry === undefined) return false
    entry.state = state
    const over = isTerminalExecutionState(state)
    if (over && entry.orphan) entry.ended = update
    else if (over) this.#entries.delete(executionAttemptId)
    if (over) this.#wake(executionAttemptId)
    return entry.orphan
  }

  /** From now on every task is an orphan. */
  masterLost(): void {
    for (const entry of this.#entries.values()) entry.orphan = true
  }

  isOrphan(executionAttemptId: ExecutionAttemptId): boolean {
    const entry = this.#entries.get(executionAttemptId)
    return entry?.orphan === true && entry.ended === undefined
  }

  /** Resolves when a master knows the task; true: it still runs. */
  async known(executionAttemptId: ExecutionAttemptId): Promise<boolean> {
    while (this.isOrphan(executionAttemptId)) {
      await new Promise<void>((resolve) => {
        const waiting = this.#waiting.get(executionAttemptId)
        if (waiting === undefined) this.#waiting.set(executionAttemptId, [resolve])
        else waiting.push(resolve)
      })
    }
    return this.#entries.get(executionAttemptId)?.orphan === false
  }

  /** For the next master. */
  report(): ReportedTask[] {
    return [...this.#entries.values()]
      .filter(({ orphan }) => orphan)
      .map(({ identity, state, sources }) => ({
        ...identity,
        state,
        first: sources.first,
        triggered: sources.triggered,
        completed: sources.completed,
        stopping: sources.stopping !== undefined,
        splits: sources.splits,
      }))
  }

  /** The next master knows the tasks of this job; it goes on from `checkpointId`, null: from none. */
  adopted(jobId: JobId, checkpointId: number | null): KnownAgain[] {
    const known: KnownAgain[] = []
    for (const [executionAttemptId, entry] of [...this.#entries]) {
      if (entry.identity.jobId !== jobId || !entry.orphan) continue
      entry.orphan = false
      if (checkpointId !== null) entry.sources = onRestartPoint(entry.sources, checkpointId)
      if (entry.ended !== undefined) this.#entries.delete(executionAttemptId)
      known.push({ executionAttemptId, state: entry.state, ended: entry.ended })
      this.#wake(executionAttemptId)
    }
    return known
  }

  /** The job holds no slot here any more. */
  forget(jobId: JobId): void {
    for (const [executionAttemptId, entry] of [...this.#entries]) {
      if (entry.identity.jobId !== jobId) continue
      this.#entries.delete(executionAttemptId)
      this.#wake(executionAttemptId)
    }
  }

  #change(executionAttemptId: ExecutionAttemptId, change: (sources: SourceLedger) => SourceLedger): void {
    const entry = this.#entries.get(executionAttemptId)
    if (entry !== undefined) entry.sources = change(entry.sources)
  }

  #wake(executionAttemptId: ExecutionAttemptId): void {
    const waiting = this.#waiting.get(executionAttemptId) ?? []
    this.#waiting.delete(executionAttemptId)
    for (const resolve of waiting) resolve()
  }
}

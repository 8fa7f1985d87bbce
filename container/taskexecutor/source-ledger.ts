/**
 * What a later master has to know of one task's sources: the splits they were given since the newest checkpoint that the job can go back to,
 * and which checkpoints they were told of. Kept beside the task, since only its worker outlives the master. Pure.
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { OperatorId } from '#core/ids/ids.js'
import { MAX_REPORTED_SPLITS, type ReportedTask } from '#core/rpc/gateways/task-executor.js'

export interface SourceLedger {
  /** The first and the newest checkpoint or savepoint that the task was told of; -1: none. */
  readonly first: number
  readonly triggered: number
  /** The newest complete one that the job goes back to; -1: none. */
  readonly completed: number
  /** Of those that are not over: the job goes back to them when they are complete. */
  readonly restartPoints: ReadonlySet<number>
  /** The savepoint that it stopped for. */
  readonly stopping: number | undefined
  /** Null: too many. */
  readonly splits: ReportedTask['splits']
}

/** `restored`: the checkpoint that the task begins with; undefined: none. */
export function newLedger(restored: number | undefined): SourceLedger {
  return { first: -1, triggered: -1, completed: restored ?? -1, restartPoints: new Set(), stopping: undefined, splits: [] }
}

export function onTrigger(ledger: SourceLedger, { checkpointId, kind, stop }: CheckpointBarrier): SourceLedger {
  const restartPoints = new Set(ledger.restartPoints)
  if (kind === 'checkpoint' || stop !== null) restartPoints.add(checkpointId)
  return {
    ...ledger,
    restartPoints,
    first: ledger.first < 0 ? checkpointId : ledger.first,
    triggered: Math.max(ledger.triggered, checkpointId),
    stopping: stop === null ? ledger.stopping : checkpointId,
  }
}

export function onConclusion(ledger: SourceLedger, checkpointId: number, complete: boolean): SourceLedger {
  if (complete && ledger.restartPoints.has(checkpointId)) return onRestartPoint(ledger, checkpointId)
  const restartPoints = new Set(ledger.restartPoints)
  restartPoints.delete(checkpointId)
  return { ...ledger, restartPoints, stopping: ledger.stopping === checkpointId && !complete ? undefined : ledger.stopping }
}

/**
 * The job goes back to this checkpoint, or to a later one: readers' state in it has the splits of before. One from before the task's first says
 * nothing about its splits.
 */
export function onRestartPoint(ledger: SourceLedger, checkpointId: number): SourceLedger {
  const had = ledger.first >= 0 && checkpointId >= ledger.first
  return {
    ...ledger,
    completed: Math.max(ledger.completed, checkpointId),
    restartPoints: new Set([...ledger.restartPoints].filter((id) => id > checkpointId)),
    splits: had ? (ledger.splits?.filter(({ after }) => after >= checkpointId) ?? null) : ledger.splits,
  }
}

export function onSplit(ledger: SourceLedger, operatorId: OperatorId, split: unknown): SourceLedger {
  if (ledger.splits === null || ledger.splits.length >= MAX_REPORTED_SPLITS) return { ...ledger, splits: null }
  return { ...ledger, splits: [...ledger.splits, { operatorId, split, after: ledger.triggered }] }
}

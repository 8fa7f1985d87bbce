/** A checkpoint that will not be complete: who is told, what is deleted, what it counts. */
import { go, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import { JobTakesNoCheckpoints, MetadataExists, StopIncomplete, TooManyFailedCheckpoints } from './errors.js'
import { deletable } from './garbage.js'
import { keepPrepared } from './prepared.js'
import { recordOf } from './record.js'
import { filesOf, bytesOfSubtask } from '#core/checkpoint/state-files.js'
import type { CoordinatorContext, CoordinatorEffect, CoordinatorState, PendingCheckpoint } from './state.js'
import { recordEnd } from './statistics.js'

type CoordinatorStep = Step<CoordinatorState, CoordinatorEffect>

/** Given-up checkpoints that are remembered: their numbers for late acknowledgements, their directories so that no number is used again. */
const REMEMBERED = 100

export interface GivingUp {
  readonly error: Error
  /** Against tolerable-failed-checkpoints; savepoints never do. */
  readonly counts: boolean
  /** Who asked for it waits on, and it is tried again after so long; undefined: not. */
  readonly againAfter: Millis | undefined
}

export function giveUp(
  state: CoordinatorState,
  pending: PendingCheckpoint,
  { error, counts, againAfter }: GivingUp,
  now: Millis,
  { settings }: CoordinatorContext,
): CoordinatorStep {
  const { id, request, barrier } = pending
  const rest = state.pending.filter((each) => each.id !== id)
  const attempts = [...pending.running.keys()]
  const again = request !== undefined && againAfter !== undefined ? { ...request, notBefore: now + againAfter } : undefined
  const failures = counts && barrier.kind === 'checkpoint' ? state.failures + 1 : state.failures
  const tooMany = failures > settings.tolerableFailures
  const record = recordOf(pending, 'FAILED', now, describeCauses(error))
  // Another JobManager's checkpoint of that number is not ours to delete.
  const foreign = MetadataExists.is(error)
  const own = barrier.kind === 'checkpoint'
  const markers = own && !foreign ? [...state.markers, pending.directory] : state.markers
  const next: CoordinatorState = {
    ...state,
    pending: rest,
    requests: again === undefined ? state.requests : [again, ...state.requests],
    failures: tooMany ? 0 : failures,
    lastEndAt: now,
    givenUp: [...state.givenUp, id].slice(-REMEMBERED),
    markers: markers.slice(-REMEMBERED),
    prepared: keepPrepared(state, pending),
    statistics: recordEnd(state.statistics, record, settings.history),
  }
  const acknowledged = filesOf([...pending.acknowledged.values()].flatMap((each) => [...bytesOfSubtask(each.state)]))
  const effects: CoordinatorEffect[] = [
    {
      type: 'log',
      level: counts ? 'warn' : 'info',
      message: `${describeKind(pending)} ${id} was given up: ${describeCauses(error)}`,
      error,
    },
  ]
  if (attempts.length > 0) effects.push({ type: 'release', id }, { type: 'conclude', id, attempts, complete: false })
  effects.push({
    type: 'delete',
    files: deletable(next, acknowledged),
    directories: own ? markers.slice(0, -REMEMBERED) : foreign ? [] : [pending.directory],
    emptied: own && !foreign ? [pending.directory] : [],
  })
  if (request !== undefined && again === undefined) effects.push({ type: 'refuse', requestId: request.requestId, error })
  if (tooMany)
    effects.push({
      type: 'failJob',
      error: new TooManyFailedCheckpoints({ failures, tolerable: settings.tolerableFailures }, { cause: error }),
    })
  return { state: next, effects }
}

function describeKind({ barrier }: PendingCheckpoint): string {
  return barrier.kind === 'checkpoint' ? 'Checkpoint' : 'Savepoint'
}

/** The error's message and those of its causes. */
export function describeCauses(error: Error): string {
  const messages: string[] = []
  for (let current: unknown = error; current instanceof Error && messages.length < 10; current = current.cause)
    if (!messages.some((message) => message.includes((current as Error).message))) messages.push(current.message)
  return messages.join(': ')
}

/** A request that never began. */
export function refuseRequests(state: CoordinatorState, reason: string): CoordinatorStep {
  return {
    state: { ...state, requests: [] },
    effects: state.requests.map((request) => ({
      type: 'refuse',
      requestId: request.requestId,
      error: new JobTakesNoCheckpoints({ what: request.what.kind, reason }),
    })),
  }
}

/** The job goes on although its stop's savepoint is complete. */
export function stopFailed(state: CoordinatorState, how: string): CoordinatorStep {
  if (state.stopping === undefined) return go(state)
  const { requestId, path } = state.stopping
  return go({ ...state, stopping: undefined }, { type: 'refuse', requestId, error: new StopIncomplete({ path, state: how }) })
}

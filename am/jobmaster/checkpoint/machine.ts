/**
 * The checkpoint coordinator of one job: `(state, event) → (state, effects)`. Pure; time is an argument. The shell
 * (checkpoint-coordinator.ts) feeds it events one at a time and carries out the effects in order.
 */
import { formatDuration } from '#core/config/units.js'
import { go, then, unreachable, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import { beginDue, onPrepared, periodicDueAt, replacePending, standsAlone } from './begin.js'
import { planCheckpoint, subtaskKey } from './checkpoint-plan.js'
import { onCommitted, onStored, storeNext } from './complete.js'
import {
  CheckpointDeclined,
  CheckpointExpired,
  CheckpointInterrupted,
  CheckpointNotCommitted,
  CheckpointNotStored,
  CheckpointNotTriggered,
  CheckpointTaskEnded,
  MetadataExists,
  RequestNotServed,
} from './errors.js'
import { deletable, orphans } from './garbage.js'
import { giveUp, refuseRequests, stopFailed, type GivingUp } from './give-up.js'
import { addPrepared, dropRestarted } from './prepared.js'
import { bytesOfSubtask, filesOf } from '#core/checkpoint/state-files.js'
import type { CoordinatorContext, CoordinatorEffect, CoordinatorEvent, CoordinatorState, PendingCheckpoint } from './state.js'
import type { CheckpointSubtask } from './checkpoint-host.js'
import { NO_STATISTICS, recordRestore } from './statistics.js'

type CoordinatorStep = Step<CoordinatorState, CoordinatorEffect>
type EventOf<T extends CoordinatorEvent['type']> = Extract<CoordinatorEvent, { type: T }>

export function createCoordinator(): CoordinatorState {
  return {
    ended: false,
    nextId: 1,
    subtasks: [],
    pending: [],
    requests: [],
    nextPeriodicAt: undefined,
    lastEndAt: Number.NEGATIVE_INFINITY,
    failures: 0,
    retained: [],
    mustBeFull: false,
    prepared: new Map(),
    givenUp: [],
    markers: [],
    garbage: [],
    sweepDue: false,
    stopping: undefined,
    statistics: NO_STATISTICS,
  }
}

export function coordinate(state: CoordinatorState, event: CoordinatorEvent, now: Millis, context: CoordinatorContext): CoordinatorStep {
  if (state.ended) return go(state)
  return then(decide(state, event, now, context), (next) => advance(next, now, context))
}

/** When a tick is due; undefined: never. */
export function nextTick(state: CoordinatorState, { settings, jobGraph }: CoordinatorContext): Millis | undefined {
  if (state.ended) return undefined
  // Only a change of tasks, or the end of one under way, lets others begin: those come as events.
  const waits =
    state.pending.length >= settings.maxConcurrent ||
    state.pending.some((pending) => pending.stage === 'preparing' || standsAlone(pending)) ||
    state.stopping !== undefined ||
    'reason' in planCheckpoint(jobGraph, state.subtasks, settings.afterTasksFinish)
  const times = state.pending.filter(canExpire).map((pending) => pending.deadline)
  for (const request of state.requests) {
    times.push(request.at + settings.timeout)
    if (!waits) times.push(request.notBefore)
  }
  const due = periodicDueAt(state, settings.minPause)
  if (due !== undefined && !waits) times.push(due)
  return times.length === 0 ? undefined : Math.min(...times)
}

function canExpire(pending: PendingCheckpoint): boolean {
  return pending.stage === 'preparing' || pending.stage === 'collecting'
}

/** What time alone brings about. */
function advance(state: CoordinatorState, now: Millis, context: CoordinatorContext): CoordinatorStep {
  if (state.ended) return go(state)
  return then(expire(state, now, context), (expired) => then(storeNext(expired, now, context), (stored) => beginDue(stored, now, context)))
}

function expire(state: CoordinatorState, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const { settings, jobGraph } = context
  let step: CoordinatorStep = go(state)
  const timeout = formatDuration(settings.timeout)
  for (const request of state.requests.filter((each) => now >= each.at + settings.timeout)) {
    const plan = planCheckpoint(jobGraph, state.subtasks, settings.afterTasksFinish)
    const reason = 'reason' in plan ? plan.reason : 'others were under way'
    const error = new RequestNotServed({ what: request.what.kind, waited: timeout, reason })
    step = then(step, (next) =>
      go({ ...next, requests: next.requests.filter((each) => each !== request) }, { type: 'refuse', requestId: request.requestId, error }),
    )
  }
  for (const pending of state.pending.filter((each) => canExpire(each) && now >= each.deadline)) {
    const error = new CheckpointExpired({ checkpointId: pending.id, timeout, waitingFor: waitingFor(pending, context) })
    step = then(step, (next) => giveUp(next, pending, { error, counts: true, againAfter: undefined }, now, context))
  }
  return step
}

const NAMED_TASKS = 3
/** A task that cannot be triggered is on its way in or out: who asked for the checkpoint waits so long before it is tried again. */
const RETRY_MS: Millis = 500

function waitingFor(pending: PendingCheckpoint, context: CoordinatorContext): string {
  if (pending.stage === 'preparing') return `its directory ${pending.directory}`
  const missing = [...pending.running].filter(([attemptId]) => !pending.acknowledged.has(attemptId))
  const names = missing.slice(0, NAMED_TASKS).map(([, subtask]) => taskLabel(subtask, context))
  return names.join(', ') + (missing.length > NAMED_TASKS ? ` and ${missing.length - NAMED_TASKS} more` : '')
}

function taskLabel(subtask: CheckpointSubtask, { jobGraph }: CoordinatorContext): string {
  const vertex = jobGraph.vertices.find((each) => each.id === subtask.vertexId)
  return vertex === undefined ? subtask.attemptId : `${vertex.name} (${subtask.subtaskIndex + 1}/${vertex.parallelism})`
}

function decide(state: CoordinatorState, event: CoordinatorEvent, now: Millis, context: CoordinatorContext): CoordinatorStep {
  switch (event.type) {
    case 'tick':
      return go(state)
    case 'recovered':
      // Others may have left files behind: an earlier attempt of this master, say.
      return go({ ...state, retained: event.retained, nextId: event.nextId, sweepDue: event.nextId > 1 })
    case 'restored': {
      const checkpoint = state.retained.find((each) => each.id === event.checkpointId)
      if (checkpoint === undefined) return go(state)
      const { id, directory, metadata, owned } = checkpoint
      const statistics = recordRestore(state.statistics, { id, at: now, savepoint: metadata.kind === 'savepoint', path: directory })
      return go({ ...state, statistics, mustBeFull: state.mustBeFull || !owned })
    }
    case 'numbersUsed':
      return go({ ...state, nextId: Math.max(state.nextId, event.upTo + 1) })
    case 'tasks':
      return go({ ...state, subtasks: event.subtasks })
    case 'taskFinished':
      return onTaskFinished(state, event, now, context)
    case 'suspend':
      return onSuspend(state, event, now, context)
    case 'request':
      return go({ ...state, requests: [...state.requests, event.request] })
    case 'prepared':
      return onPrepared(state, event.id, now, context)
    case 'enumerators':
      return withPending(state, event.id, (pending) => go(replacePending(state, { ...pending, enumerators: event.enumerators })))
    case 'notTriggered':
      return withCollecting(state, event.id, (pending) => {
        const subtask = pending.running.get(event.attemptId)
        if (subtask === undefined) return go(state)
        const error = new CheckpointNotTriggered({ checkpointId: event.id, task: taskLabel(subtask, context) }, { cause: event.error })
        return giveUp(state, pending, { error, counts: false, againAfter: RETRY_MS }, now, context)
      })
    case 'acknowledged':
      return onAcknowledged(state, event, now)
    case 'declined':
      return withCollecting(state, event.id, (pending) => {
        const subtask = pending.running.get(event.attemptId)
        if (subtask === undefined) return go(state)
        const error = new CheckpointDeclined({ checkpointId: event.id, task: taskLabel(subtask, context) }, { cause: event.error })
        return giveUp(state, pending, { error, counts: true, againAfter: undefined }, now, context)
      })
    case 'stored':
      return onStored(state, event, now, context)
    case 'committed':
      return onCommitted(state, event.id, now, context)
    case 'broke':
      return onBroken(state, event, now, context)
    case 'swept': {
      if (event.nextId !== state.nextId) return go({ ...state, sweepDue: true }) // one has begun since: its files may be among them
      const { files, directories } = orphans(state, event)
      return files.length + directories.length === 0 ? go(state) : go(state, { type: 'delete', files, directories })
    }
    case 'end':
      return onEnd(state, event, now, context)
    default:
      return unreachable(event)
  }
}

function withPending(state: CoordinatorState, id: number, then: (pending: PendingCheckpoint) => CoordinatorStep): CoordinatorStep {
  const pending = state.pending.find((each) => each.id === id)
  return pending === undefined ? go(state) : then(pending)
}

function withCollecting(state: CoordinatorState, id: number, then: (pending: PendingCheckpoint) => CoordinatorStep): CoordinatorStep {
  return withPending(state, id, (pending) => (pending.stage === 'collecting' ? then(pending) : go(state)))
}

function onAcknowledged(state: CoordinatorState, event: EventOf<'acknowledged'>, now: Millis): CoordinatorStep {
  const pending = state.pending.find((each) => each.id === event.id)
  if (pending?.stage === 'collecting' && pending.running.has(event.attemptId)) {
    if (pending.acknowledged.has(event.attemptId)) return go(state)
    const acknowledged = new Map(pending.acknowledged).set(event.attemptId, { at: now, state: event.state, metrics: event.metrics })
    return go(replacePending(state, { ...pending, acknowledged }))
  }
  // Too late: nothing will ever refer to what it wrote.
  if (!state.givenUp.includes(event.id)) return go(state)
  const files = deletable(state, filesOf(bytesOfSubtask(event.state)))
  return files.length === 0 ? go(state) : go(state, { type: 'delete', files, directories: [] })
}

/**
 * A subtask that ends without having acknowledged: whether its last rows lie before or behind the barrier is not known here, so the
 * checkpoint is given up. Who asked for it need not ask again.
 */
function onTaskFinished(
  state: CoordinatorState,
  { subtask, committables }: EventOf<'taskFinished'>,
  now: Millis,
  context: CoordinatorContext,
): CoordinatorStep {
  const key = subtaskKey(subtask.vertexId, subtask.subtaskIndex)
  const next = {
    ...state,
    prepared: addPrepared(state.prepared, key, committables),
    subtasks: state.subtasks.map((each) => (each.attemptId === subtask.attemptId ? { ...each, state: 'finished' as const } : each)),
  }
  const lost = next.pending.filter(
    ({ stage, running, acknowledged }) => stage === 'collecting' && running.has(subtask.attemptId) && !acknowledged.has(subtask.attemptId),
  )
  const giving = (pending: PendingCheckpoint): GivingUp => ({
    error: new CheckpointTaskEnded({ checkpointId: pending.id, task: taskLabel(subtask, context) }),
    counts: false,
    againAfter: 0,
  })
  return lost.reduce<CoordinatorStep>(
    (step, pending) => then(step, (before) => giveUp(before, pending, giving(pending), now, context)),
    go(next),
  )
}

function interrupt(
  state: CoordinatorState,
  pending: readonly PendingCheckpoint[],
  cause: Error | undefined,
  againAfter: Millis | undefined,
  now: Millis,
  context: CoordinatorContext,
) {
  return pending.reduce<CoordinatorStep>((step, each) => {
    const error = new CheckpointInterrupted({ checkpointId: each.id }, cause === undefined ? undefined : { cause })
    return then(step, (next) => giveUp(next, each, { error, counts: false, againAfter }, now, context))
  }, go(state))
}

function onSuspend(
  state: CoordinatorState,
  { reason, restarted, again }: EventOf<'suspend'>,
  now: Millis,
  context: CoordinatorContext,
): CoordinatorStep {
  // Those being written down or committed go on: they may become what the region starts from.
  const interrupted = interrupt(state, state.pending.filter(canExpire), reason, again === true ? 0 : undefined, now, context)
  return then(interrupted, (next) => {
    const suspended: CoordinatorState = {
      ...next,
      subtasks: next.subtasks.map((subtask) => ({ ...subtask, state: 'away' as const })),
      nextPeriodicAt: undefined,
      prepared: dropRestarted(next.prepared, restarted),
      sweepDue: true,
    }
    return restarted.length === 0 ? go(suspended) : stopFailed(suspended, `it failed over: ${reason.message}`)
  })
}

function onBroken(state: CoordinatorState, event: EventOf<'broke'>, now: Millis, context: CoordinatorContext): CoordinatorStep {
  return withPending(state, event.id, (pending) => {
    if (pending.stage === 'committing') {
      const error = new CheckpointNotCommitted({ checkpointId: event.id }, { cause: event.error })
      return then(onCommitted(state, event.id, now, context), (next) => go(next, { type: 'failJob', error }))
    }
    const lostPlace = MetadataExists.is(event.error)
    const error = lostPlace
      ? event.error
      : pending.stage === 'collecting'
        ? new CheckpointNotTriggered({ checkpointId: event.id, task: 'the split enumerators' }, { cause: event.error })
        : new CheckpointNotStored({ checkpointId: event.id, directory: pending.directory }, { cause: event.error })
    const given = giveUp(state, pending, { error, counts: !lostPlace, againAfter: undefined }, now, context)
    return lostPlace ? then(given, (next) => go(next, { type: 'failJob', error })) : given
  })
}

function onEnd(state: CoordinatorState, { state: jobState }: EventOf<'end'>, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const interrupted = interrupt(state, state.pending, undefined, undefined, now, context)
  return then(interrupted, (next) =>
    then(refuseRequests(next, `the job is ${jobState}`), (refused) => {
      const { stopping } = refused
      const ended = { ...refused, ended: true }
      if (stopping === undefined) return go(ended)
      if (jobState !== 'FINISHED') return stopFailed(ended, `it is ${jobState}`)
      const { requestId, id, path } = stopping
      return go({ ...ended, stopping: undefined }, { type: 'succeed', requestId, id, path })
    }),
  )
}

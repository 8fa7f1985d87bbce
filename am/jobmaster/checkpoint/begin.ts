/** When a checkpoint begins, and how. */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { go, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import { checkpointDirectory, sharedDirectory } from './checkpoint-paths.js'
import { planCheckpoint, subtaskKey } from './checkpoint-plan.js'
import { giveUp } from './give-up.js'
import { alignmentOf } from './settings.js'
import type { CoordinatorContext, CoordinatorEffect, CoordinatorState, ManualRequest, PendingCheckpoint } from './state.js'

type CoordinatorStep = Step<CoordinatorState, CoordinatorEffect>

/** A job that goes on from a checkpoint has output waiting that was interrupted: its first checkpoint comes this soon after its tasks run. */
const AFTER_RESTART_MS: Millis = 250

/** Begins what is due: what somebody asked for before what is due by itself. */
export function beginDue(state: CoordinatorState, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const { settings, jobGraph } = context
  const plan = planCheckpoint(jobGraph, state.subtasks, settings.afterTasksFinish)
  if ('reason' in plan) return go(state)
  const scheduled =
    state.nextPeriodicAt === undefined && settings.interval !== undefined
      ? {
          ...state,
          nextPeriodicAt: now + (state.retained.length === 0 ? settings.interval : Math.min(settings.interval, AFTER_RESTART_MS)),
        }
      : state
  if (scheduled.stopping !== undefined) return go(scheduled)
  const { pending } = scheduled
  if (pending.length >= settings.maxConcurrent) return go(scheduled)
  if (pending.some((each) => each.stage === 'preparing' || standsAlone(each))) return go(scheduled)
  const request = scheduled.requests.find((each) => each.notBefore <= now)
  if (request !== undefined) {
    return begin({ ...scheduled, requests: scheduled.requests.filter((each) => each !== request) }, request, now, context)
  }
  if (settings.interval === undefined || scheduled.nextPeriodicAt === undefined || !periodicIsDue(scheduled, now, context))
    return go(scheduled)
  return begin({ ...scheduled, nextPeriodicAt: now + settings.interval }, undefined, now, context)
}

function periodicIsDue(state: CoordinatorState, now: Millis, { settings }: CoordinatorContext): boolean {
  const due = periodicDueAt(state, settings.minPause)
  return due !== undefined && due <= now
}

export function periodicDueAt(state: CoordinatorState, minPause: Millis): Millis | undefined {
  return state.nextPeriodicAt === undefined ? undefined : Math.max(state.nextPeriodicAt, state.lastEndAt + minPause)
}

function begin(state: CoordinatorState, request: ManualRequest | undefined, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const { settings } = context
  const id = state.nextId
  const savepoint = request?.what.kind === 'savepoint' ? request.what : undefined
  const directory = savepoint?.directory ?? checkpointDirectory(context.directory, id)
  const kind = savepoint === undefined ? 'checkpoint' : 'savepoint'
  const type = request?.what.kind === 'checkpoint' ? request.what.type : 'CONFIGURED'
  const barrier: CheckpointBarrier = {
    checkpointId: id,
    timestamp: now,
    kind,
    ...alignmentOf(isForRescale(request) ? { ...settings, unaligned: false } : settings, kind),
    full: savepoint !== undefined || state.mustBeFull || type === 'FULL' || !settings.incremental,
    directory,
    sharedDirectory: savepoint === undefined ? sharedDirectory(context.directory) : directory,
    stop: savepoint?.stop ?? null,
  }
  const pending: PendingCheckpoint = {
    id,
    stage: 'preparing',
    barrier,
    directory,
    request,
    triggeredAt: now,
    deadline: now + settings.timeout,
    running: new Map(),
    acknowledged: new Map(),
    finished: [],
    enumerators: [],
  }
  return go(
    { ...state, nextId: id + 1, pending: [...state.pending, pending] },
    { type: 'prepare', id, directory, savepoint: savepoint !== undefined },
  )
}

/** The job stops or is rescaled with it: another one would come too late. */
export function standsAlone({ barrier, request }: PendingCheckpoint): boolean {
  return barrier.stop !== null || isForRescale(request)
}

function isForRescale(request: ManualRequest | undefined): boolean {
  return request?.what.kind === 'checkpoint' && request.what.rescale === true
}

/** Its directory is there: the barriers leave, unless tasks have come or gone meanwhile. */
export function onPrepared(state: CoordinatorState, id: number, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const pending = state.pending.find((each) => each.id === id)
  if (pending?.stage !== 'preparing') return go(state)
  const plan = planCheckpoint(context.jobGraph, state.subtasks, context.settings.afterTasksFinish)
  if ('reason' in plan) {
    const later = giveUp(state, pending, { error: new Error(plan.reason), counts: false, againAfter: 0 }, now, context)
    return pending.request === undefined ? { ...later, state: { ...later.state, nextPeriodicAt: now } } : later
  }
  const collecting: PendingCheckpoint = {
    ...pending,
    stage: 'collecting',
    running: new Map(plan.running.map((subtask) => [subtask.attemptId, subtask])),
    finished: plan.finished.map((subtask) => ({
      subtask,
      committables: state.prepared.get(subtaskKey(subtask.vertexId, subtask.subtaskIndex)) ?? [],
    })),
  }
  return go(
    replacePending(state, collecting),
    { type: 'log', level: 'info', message: `Triggering ${describe(pending)}.` },
    { type: 'trigger', id, barrier: pending.barrier, attempts: plan.trigger.map((subtask) => subtask.attemptId) },
  )
}

function describe({ id, barrier }: PendingCheckpoint): string {
  const kind = barrier.kind === 'checkpoint' ? 'checkpoint' : barrier.stop === null ? 'savepoint' : `savepoint (${barrier.stop})`
  return `${kind} ${id}${barrier.kind === 'savepoint' ? ` into ${barrier.directory}` : ''}`
}

export function replacePending(state: CoordinatorState, pending: PendingCheckpoint): CoordinatorState {
  return { ...state, pending: state.pending.map((each) => (each.id === pending.id ? pending : each)) }
}

/** A checkpoint whose subtasks have all acknowledged: written down, committed, and what it replaces let go. */
import type { CheckpointMetadata } from '#core/checkpoint/state-handles.js'
import { go, then, type Step } from '#core/machine/step.js'
import type { Millis } from '#core/time/environment.js'
import { replacePending } from './begin.js'
import { checkpointDirectory, checkpointNumber } from './checkpoint-paths.js'
import { CheckpointSubsumed } from './errors.js'
import { collect, drop } from './garbage.js'
import { giveUp } from './give-up.js'
import { assembleMetadata, committablesOf } from './metadata-assembly.js'
import { dropCommitted, keepPrepared } from './prepared.js'
import { recordOf } from './record.js'
import { bytesOfMetadata, filesOf } from '#core/checkpoint/state-files.js'
import type { CompletedCheckpoint, CoordinatorContext, CoordinatorEffect, CoordinatorState, PendingCheckpoint } from './state.js'
import { recordEnd, totalsOf } from './statistics.js'

type CoordinatorStep = Step<CoordinatorState, CoordinatorEffect>

/** The oldest one that has all acknowledgements, one after the other: committers and tasks hear of them in order. */
export function storeNext(state: CoordinatorState, now: Millis, context: CoordinatorContext): CoordinatorStep {
  if (state.pending.some((each) => each.stage === 'storing' || each.stage === 'committing')) return go(state)
  const ready = state.pending.find((each) => each.stage === 'collecting' && each.acknowledged.size === each.running.size)
  if (ready === undefined) return go(state)
  const metadata = assembleMetadata(context, ready, now)
  const known = new Set(state.retained.flatMap((checkpoint) => [...checkpoint.files]))
  const fresh = [...bytesOfMetadata(metadata)].filter((bytes) => bytes.kind === 'inline' || !known.has(bytes.path))
  // A stop's savepoint commits, so it is where a later attempt of this master must begin: it looks in the job's directory.
  const copy = ready.barrier.stop === null ? undefined : checkpointDirectory(context.directory, ready.id)
  return go(
    replacePending(state, { ...ready, stage: 'storing' }),
    { type: 'release', id: ready.id },
    { type: 'store', id: ready.id, directory: ready.directory, metadata, fresh, copy },
  )
}

/** The metadata is in its place: from now on the checkpoint is complete. */
export function onStored(
  state: CoordinatorState,
  event: { readonly id: number; readonly metadata: CheckpointMetadata; readonly metadataSize: number },
  now: Millis,
  context: CoordinatorContext,
): CoordinatorStep {
  const pending = state.pending.find((each) => each.id === event.id)
  if (pending?.stage !== 'storing') return go(state)
  const { metadata } = event
  const record = recordOf(pending, 'COMPLETED', now, undefined, event.metadataSize)
  const statistics = recordEnd(state.statistics, record, context.settings.history)
  const { stateSize, duration } = totalsOf(record)
  const told: CoordinatorEffect = {
    type: 'log',
    level: 'info',
    message:
      pending.barrier.kind === 'checkpoint'
        ? `Completed checkpoint ${event.id} (${stateSize} bytes of state, ${duration} ms).`
        : `Completed savepoint ${event.id} in ${pending.directory} (${stateSize} bytes of state, ${duration} ms).`,
  }
  const committing = { ...replacePending(state, { ...pending, stage: 'committing' }), statistics }
  // As in Flink: the job does not go back to a savepoint that it goes on after, so it commits nothing and nothing builds on it.
  if (!isRestartPoint(pending)) return then(go(committing, told), (next) => conclude(next, pending, now, context))
  const completed: CompletedCheckpoint = {
    id: event.id,
    directory: pending.directory,
    metadata,
    files: filesOf(bytesOfMetadata(metadata)),
    owned: pending.barrier.kind === 'checkpoint',
  }
  const commit: CoordinatorEffect = { type: 'commit', id: event.id, committables: committablesOf(metadata) }
  return { state: { ...committing, retained: [...state.retained, completed] }, effects: [told, commit] }
}

function isRestartPoint({ barrier }: PendingCheckpoint): boolean {
  return barrier.kind === 'checkpoint' || barrier.stop !== null
}

export function onCommitted(state: CoordinatorState, id: number, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const pending = state.pending.find((each) => each.id === id)
  if (pending?.stage !== 'committing') return go(state)
  return then(subsumeOlder(state, pending, now, context), (next) => conclude(next, pending, now, context))
}

/** Checkpoints that began before and are still under way come too late. */
function subsumeOlder(state: CoordinatorState, by: PendingCheckpoint, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const older = state.pending.filter((each) => each.id < by.id && each.barrier.kind === 'checkpoint')
  return older.reduce<CoordinatorStep>((step, pending) => {
    const error = new CheckpointSubsumed({ checkpointId: pending.id, by: by.id })
    return then(step, (next) => giveUp(next, pending, { error, counts: false, againAfter: undefined }, now, context))
  }, go(state))
}

function conclude(state: CoordinatorState, pending: PendingCheckpoint, now: Millis, context: CoordinatorContext): CoordinatorStep {
  const { id, request } = pending
  const { settings } = context
  const restartPoint = isRestartPoint(pending)
  const own = pending.barrier.kind === 'checkpoint'
  const rest = { ...state, pending: state.pending.filter((each) => each.id !== id), lastEndAt: now }
  const effects: CoordinatorEffect[] = [{ type: 'conclude', id, attempts: [...pending.running.keys()], complete: true }]
  let next: CoordinatorState = restartPoint
    ? { ...rest, prepared: dropCommitted(state.prepared, pending) }
    : { ...rest, prepared: keepPrepared(state, pending) }
  if (own) {
    next = { ...next, failures: 0, mustBeFull: false }
    const surplus = next.retained.slice(0, Math.max(0, next.retained.length - settings.retained))
    next = { ...next, retained: next.retained.slice(surplus.length) }
    const dropped = drop(next, surplus)
    next = { ...next, garbage: dropped.garbage }
    const collected = collect(next)
    next = { ...next, garbage: collected.garbage }
    const files = [...dropped.deletion.files, ...collected.deletion.files]
    const passed = next.markers.filter((directory) => (checkpointNumber(directory) ?? 0) < id)
    next = { ...next, markers: next.markers.filter((directory) => !passed.includes(directory)) }
    const directories = [...dropped.deletion.directories, ...collected.deletion.directories, ...passed]
    if (files.length + directories.length > 0) effects.push({ type: 'delete', files, directories })
    if (next.sweepDue && next.pending.length === 0) {
      next = { ...next, sweepDue: false }
      effects.push({ type: 'sweep', nextId: next.nextId })
    }
  }
  if (request === undefined) return { state: next, effects }
  if (pending.barrier.stop !== null)
    return { state: { ...next, stopping: { requestId: request.requestId, id, path: pending.directory } }, effects }
  effects.push({ type: 'succeed', requestId: request.requestId, id, path: pending.directory })
  if (request.what.kind === 'savepoint' && request.what.cancel) effects.push({ type: 'cancelJob' })
  return { state: next, effects }
}

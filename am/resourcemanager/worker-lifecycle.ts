/**
 * One worker as the ResourceManager sees it, from its start to its end. Pure; times are arguments (monotonic ms).
 *
 *   STARTING ─┐
 *             ├─▶ REGISTERED ──▶ LOST ──┐
 *   RECOVERED ┘        │           │    ├─▶ TERMINATED
 *        └─────────────┴──▶ RELEASED ───┘
 *
 * A loss is *taken back* when YARN or the node wanted it: no failure of the job or of the worker.
 */
import { formatDuration } from '#core/config/units.js'
import { go, unreachable, type Step } from '#core/machine/step.js'
import type { ResourceId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'

interface Common {
  readonly resourceId: ResourceId
  /** Where it runs; until it registers, as far as the driver knows. */
  readonly host: string
  /** Slots it was asked for with. */
  readonly slots: number
  /** Of its container, where it was asked for with another size than the usual; 0: it was not. */
  readonly memoryMb: number
}

export type Worker = Common &
  (
    | { readonly state: 'STARTING'; readonly deadline: Millis }
    /** Left by an earlier attempt of this master; may register. */
    | { readonly state: 'RECOVERED'; readonly deadline: Millis }
    | { readonly state: 'REGISTERED'; readonly lastHeartbeat: Millis }
    /** Does not answer; its end is awaited until `deadline`, since that tells why. */
    | { readonly state: 'LOST'; readonly deadline: Millis }
    /** Given back. */
    | { readonly state: 'RELEASED' }
    | { readonly state: 'TERMINATED'; readonly reason: string }
  )

export type WorkerEvent =
  | { readonly type: 'registered'; readonly host: string; readonly slots: number }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'terminated'; readonly reason: string; readonly takenBack: boolean }
  /** Its node is gone for YARN: whatever still runs there counts for nothing. */
  | { readonly type: 'nodeLost'; readonly reason: string }
  | { readonly type: 'release'; readonly reason: string }
  | { readonly type: 'tick' }

export type WorkerEffect =
  /** Its slots may be used. */
  | { readonly type: 'admit' }
  /** It may not register: it was given up. */
  | { readonly type: 'refuse' }
  | { readonly type: 'lost'; readonly reason: string; readonly explained: boolean; readonly takenBack: boolean }
  | { readonly type: 'explained'; readonly reason: string; readonly takenBack: boolean }
  | { readonly type: 'startFailed'; readonly reason: string }
  /** Ask it to end itself, then have the driver give it back. */
  | { readonly type: 'shutdown'; readonly reason: string }
  /** Have the driver give it back. */
  | { readonly type: 'release'; readonly reason: string }
  /** It was given back and has ended: what it has not told of its tasks' ends nobody will hear. */
  | { readonly type: 'gone'; readonly reason: string }

export interface WorkerSettings {
  readonly heartbeatTimeout: Millis
  readonly registrationTimeout: Millis
  /** How long the end of a lost worker is awaited before it is given back. */
  readonly lostTimeout: Millis
}

type WorkerStep = Step<Worker, WorkerEffect>

export function startingWorker(
  resourceId: ResourceId,
  host: string,
  slots: number,
  now: Millis,
  settings: WorkerSettings,
  memoryMb = 0,
): Worker {
  return { state: 'STARTING', resourceId, host, slots, memoryMb, deadline: now + settings.registrationTimeout }
}

export function recoveredWorker(
  resourceId: ResourceId,
  host: string,
  slots: number,
  now: Millis,
  recoveryTimeout: Millis,
  memoryMb = 0,
): Worker {
  return { state: 'RECOVERED', resourceId, host, slots, memoryMb, deadline: now + recoveryTimeout }
}

export function onWorkerEvent(worker: Worker, event: WorkerEvent, now: Millis, settings: WorkerSettings): WorkerStep {
  switch (worker.state) {
    case 'STARTING':
    case 'RECOVERED':
      return onUnregistered(worker, event, now, settings)
    case 'REGISTERED':
      return onRegistered(worker, event, now, settings)
    case 'LOST':
      if (event.type === 'terminated')
        return go(terminated(worker, event.reason), { type: 'explained', reason: event.reason, takenBack: event.takenBack })
      if (event.type === 'nodeLost') {
        const released = release(worker, event.reason)
        return { state: released.state, effects: [{ type: 'explained', reason: event.reason, takenBack: true }, ...released.effects] }
      }
      if (event.type === 'tick' && now >= worker.deadline) return release(worker, 'it does not answer any more')
      if (event.type === 'release') return release(worker, event.reason)
      return refuseRegistration(worker, event)
    case 'RELEASED':
      if (event.type === 'terminated') return go(terminated(worker, event.reason), { type: 'gone', reason: event.reason })
      return event.type === 'nodeLost' ? go(worker, { type: 'gone', reason: event.reason }) : refuseRegistration(worker, event)
    case 'TERMINATED':
      return refuseRegistration(worker, event)
    default:
      return unreachable(worker)
  }
}

function onUnregistered(
  worker: Extract<Worker, { state: 'STARTING' | 'RECOVERED' }>,
  event: WorkerEvent,
  now: Millis,
  settings: WorkerSettings,
): WorkerStep {
  const startFailed = (reason: string): WorkerEffect[] => (worker.state === 'STARTING' ? [{ type: 'startFailed', reason }] : [])
  switch (event.type) {
    case 'registered':
      return go({ ...common(worker), host: event.host, slots: event.slots, state: 'REGISTERED', lastHeartbeat: now }, { type: 'admit' })
    case 'terminated':
      return go(terminated(worker, event.reason), ...(event.takenBack ? [] : startFailed(event.reason)))
    case 'nodeLost':
    case 'release':
      return release(worker, event.reason)
    case 'tick': {
      if (now < worker.deadline) return go(worker)
      const reason =
        worker.state === 'STARTING'
          ? `it did not register within ${formatDuration(settings.registrationTimeout)}`
          : 'it did not come back to the new JobManager'
      const released = release(worker, reason)
      return { state: released.state, effects: [...released.effects, ...startFailed(reason)] }
    }
    case 'heartbeat':
    case 'disconnected':
      return go(worker)
    default:
      return unreachable(event)
  }
}

function onRegistered(
  worker: Extract<Worker, { state: 'REGISTERED' }>,
  event: WorkerEvent,
  now: Millis,
  settings: WorkerSettings,
): WorkerStep {
  const lost = (reason: string): WorkerStep =>
    go(
      { ...common(worker), state: 'LOST', deadline: now + settings.lostTimeout },
      { type: 'lost', reason, explained: false, takenBack: false },
    )
  switch (event.type) {
    case 'heartbeat':
      return go({ ...worker, lastHeartbeat: now })
    case 'tick':
      return now - worker.lastHeartbeat < settings.heartbeatTimeout
        ? go(worker)
        : lost(`no heartbeat for ${formatDuration(settings.heartbeatTimeout)}`)
    case 'disconnected':
      return lost(event.reason)
    case 'terminated':
      return go(terminated(worker, event.reason), { type: 'lost', reason: event.reason, explained: true, takenBack: event.takenBack })
    case 'nodeLost': {
      const released = release(worker, event.reason)
      return {
        state: released.state,
        effects: [{ type: 'lost', reason: event.reason, explained: true, takenBack: true }, ...released.effects],
      }
    }
    case 'release':
      return go({ ...common(worker), state: 'RELEASED' }, { type: 'shutdown', reason: event.reason })
    case 'registered':
      return go({ ...worker, lastHeartbeat: now }) // a repeated call gets the first answer
    default:
      return unreachable(event)
  }
}

function common(worker: Worker): Common {
  return { resourceId: worker.resourceId, host: worker.host, slots: worker.slots, memoryMb: worker.memoryMb }
}

function terminated(worker: Worker, reason: string): Worker {
  return { ...common(worker), state: 'TERMINATED', reason }
}

function release(worker: Worker, reason: string): WorkerStep {
  return go({ ...common(worker), state: 'RELEASED' }, { type: 'release', reason })
}

function refuseRegistration(worker: Worker, event: WorkerEvent): WorkerStep {
  return event.type === 'registered' ? go(worker, { type: 'refuse' }) : go(worker)
}

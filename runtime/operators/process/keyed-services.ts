/**
 * What keyed operators have in common: keyed state with its handles, timers in both domains, and the part of the checkpoint contract that
 * follows. Timers of event time fire as the watermark passes them, those of processing time by the clock, each domain in the order of its times.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { OperatorSnapshot, RestoredState, SnapshotRequest } from '../../state/snapshot.js'
import type { Schema } from '#core/types/schema.js'
import { MAX_WATERMARK, NO_WATERMARK, type OperatorContext } from '../operator.js'
import type { KeyLayout } from './definition.js'
import type { TimeDomain, TimerService } from './functions.js'
import { KeyedState, NO_KEY } from './keyed-state.js'
import { relink, StateHandles } from './state-handles.js'
import { TimerQueue } from './timers.js'

/** The timer's key and window are current during the call. */
export type OnTimer = (time: number, domain: TimeDomain) => void

export class KeyedServices {
  readonly state: KeyedState
  /** State of the key; of the key and the current window. */
  readonly global: StateHandles
  readonly windowed: StateHandles
  readonly eventTimers: TimerQueue
  readonly processingTimers: TimerQueue
  watermark = NO_WATERMARK
  readonly #context: OperatorContext
  readonly #onTimer: OnTimer
  /** After the clock fired timers: what was emitted leaves. */
  readonly #flush: () => void
  #alarm: { readonly time: number; cancel(): void } | undefined
  #closed = false

  constructor(layout: KeyLayout, schema: Schema, context: OperatorContext, onTimer: OnTimer, flush: () => void) {
    this.#context = context
    this.#onTimer = onTimer
    this.#flush = flush
    this.state = new KeyedState(layout, schema, context)
    this.global = new StateHandles(this.state, false)
    this.windowed = new StateHandles(this.state, true)
    this.eventTimers = new TimerQueue(this.state.entries, 'event')
    this.processingTimers = new TimerQueue(this.state.entries, 'processing')
  }

  /** Fires what the watermark has reached. After a restore it may begin lower than it was: what was late stays late. */
  advanceWatermark(watermark: number): void {
    if (watermark <= this.watermark) return
    this.watermark = watermark
    this.#fire(this.eventTimers, watermark, 'event')
  }

  /** Timers of the current key and window. */
  register(domain: TimeDomain, time: number): void {
    const { state } = this
    const key = state.requireKey('timers')
    if (!Number.isFinite(time)) throw new TypeError(`a timer needs a time in ms, got ${String(time)}`)
    const queue = domain === 'event' ? this.eventTimers : this.processingTimers
    queue.register(key, state.start, state.end, time)
    if (domain === 'processing') this.#setAlarm()
  }

  delete(domain: TimeDomain, time: number): void {
    const { state } = this
    const key = state.requireKey('timers')
    ;(domain === 'event' ? this.eventTimers : this.processingTimers).delete(key, state.start, state.end, time)
  }

  timerService(): TimerService {
    return {
      currentProcessingTime: () => this.state.now(),
      currentWatermark: () => this.watermark,
      registerEventTimeTimer: (time) => this.register('event', time),
      registerProcessingTimeTimer: (time) => this.register('processing', time),
      deleteEventTimeTimer: (time) => this.delete('event', time),
      deleteProcessingTimeTimer: (time) => this.delete('processing', time),
    }
  }

  /** No timer of the clock fires any more. */
  close(): void {
    this.#closed = true
    this.#alarm?.cancel()
    this.#alarm = undefined
  }

  #fire(queue: TimerQueue, until: number, domain: TimeDomain): void {
    const { state } = this
    const { entries } = state
    while (queue.next() <= until) {
      const time = queue.next()
      const entry = queue.pop()
      const key = entries.keyOf(entry)
      const start = entries.startOf(entry)
      const end = entries.endOf(entry)
      entries.remove(entry)
      state.useKey(key)
      state.useWindow(start, end)
      this.#onTimer(time, domain)
      state.releaseKey(key)
    }
  }

  /** Timers fire late rather than early: clocks of timers and of time may differ by a ms. */
  #setAlarm(): void {
    const next = this.processingTimers.next()
    if (this.#closed || next === Infinity || (this.#alarm !== undefined && this.#alarm.time <= next)) return
    this.#alarm?.cancel()
    const delay = Math.min(Math.max(0, next - this.state.now()), MAX_DELAY)
    const { cancel } = this.#context.schedule(delay, () => {
      this.#alarm = undefined
      if (this.#closed) return
      this.#fire(this.processingTimers, this.state.now(), 'processing')
      this.#flush()
      this.#setAlarm()
    })
    this.#alarm = { time: next, cancel }
  }

  // --- Stateful ---

  stateTables(): readonly StateTableDescriptor[] {
    return this.state.stateTables()
  }

  snapshotState(request: SnapshotRequest): OperatorSnapshot {
    return { keyed: this.state.snapshot(request), lists: { watermark: { mode: 'UNION', items: [this.watermark] } } }
  }

  async restoreState(restored: RestoredState): Promise<void> {
    const { entries } = this.state
    for await (const rows of restored.keyed) {
      this.state.restore(rows, (entry) => {
        const state = entries.stateOf(entry)
        if (state === this.eventTimers.state) this.eventTimers.add(entry)
        else if (state === this.processingTimers.state) this.processingTimers.add(entry)
        else relink(this.state, entry)
      })
    }
    this.state.key = NO_KEY
    // The lowest of the subtasks' watermarks. The last one of a drained savepoint ended that run, not this one.
    const watermark = ((restored.lists['watermark'] ?? []) as readonly number[]).reduce((a, b) => Math.min(a, b), MAX_WATERMARK)
    if (watermark < MAX_WATERMARK) this.watermark = watermark
    this.#setAlarm()
  }

  checkpointComplete(checkpointId: number): void {
    this.state.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.state.checkpointAborted(checkpointId)
  }
}

/** Of setTimeout. */
const MAX_DELAY = 2_147_483_647

/**
 * When a task with inputs takes its snapshot: one barrier of a checkpoint after the other comes from its channels. Pure: what happened
 * goes in, what to do comes out.
 *
 *   aligned         none ─ first barrier ─▶ ALIGNING: its channel is blocked ─ … ─ last one ─▶ snapshot, unblocked
 *                                             └─ time is up, or a barrier that overtakes ─▶ OVERTAKING
 *   unaligned       none ─ first barrier ─▶ snapshot ─▶ OVERTAKING: what still comes before the other barriers is in flight ─ last one ─▶ done
 *   at least once   none ─ first barrier ─▶ ALIGNING, nothing blocked ─ … ─ last one ─▶ snapshot
 *
 * A channel that has ended does not count. A newer checkpoint's barrier ends the older one; barriers of checkpoints that are over are
 * ignored.
 */
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'

export type AlignmentEffect =
  /** Take no more input from that channel. */
  | { readonly type: 'block'; readonly channel: number }
  | { readonly type: 'unblock' }
  /** Say `timedOut` after so many ms, once for each checkpoint. */
  | { readonly type: 'startTimer'; readonly barrier: CheckpointBarrier; readonly delayMs: number }
  /**
   * Take the snapshot, before any further input. `record`: channels whose barriers are still to come; what comes before those is in
   * flight (undefined: the barriers were aligned).
   */
  | { readonly type: 'snapshot'; readonly barrier: CheckpointBarrier; readonly record: readonly number[] | undefined }
  /** The barrier waits, or may wait, in that channel: take it out and say `overtook`. */
  | { readonly type: 'pull'; readonly channel: number; readonly barrier: CheckpointBarrier }
  /** That channel's barrier is here: nothing more of it is in flight. */
  | { readonly type: 'recorded'; readonly channel: number }
  /** All barriers are here: nothing more is in flight. */
  | { readonly type: 'complete'; readonly checkpointId: number }
  /** The checkpoint cannot be completed by this task. */
  | { readonly type: 'abandon'; readonly checkpointId: number; readonly newer: number }

type Alignment =
  | { readonly phase: 'none' }
  | { readonly phase: 'aligning' | 'overtaking'; readonly barrier: CheckpointBarrier; readonly arrived: Set<number> }

export class BarrierAlignment {
  readonly #channels: number
  readonly #ended = new Set<number>()
  #now: Alignment = { phase: 'none' }
  /** Of this and all earlier checkpoints no more barriers matter, */
  #over = -1
  /** nor of these later ones. */
  readonly #aborted = new Set<number>()

  constructor(channels: number) {
    this.#channels = channels
  }

  /** The checkpoint whose barriers have come in part. */
  get current(): number | undefined {
    return this.#now.phase === 'none' ? undefined : this.#now.barrier.checkpointId
  }

  /** A barrier came to its turn in its channel. `now`: wall time. */
  reached(channel: number, barrier: CheckpointBarrier, now: number): AlignmentEffect[] {
    return this.#arrived(channel, barrier, now, barrier.alignment === 'unaligned')
  }

  /** A barrier overtook what waits in its channel. */
  overtook(channel: number, barrier: CheckpointBarrier, now: number): AlignmentEffect[] {
    return this.#arrived(channel, barrier, now, true)
  }

  /** A barrier waits in its channel: the time for alignment runs from when it was triggered. */
  queued(channel: number, barrier: CheckpointBarrier, now: number): AlignmentEffect[] {
    const { checkpointId } = barrier
    if (this.#isOver(checkpointId)) return []
    if (this.current === checkpointId && this.#now.phase === 'overtaking') return [{ type: 'pull', channel, barrier }]
    if (this.current !== undefined && this.current >= checkpointId) return []
    const delayMs = overtakeDelay(barrier, now)
    return delayMs === null ? [] : [{ type: 'startTimer', barrier, delayMs }]
  }

  /** The time for alignment is up; `barrier`: of the checkpoint, as it came or waits somewhere. */
  timedOut(barrier: CheckpointBarrier): AlignmentEffect[] {
    const { checkpointId } = barrier
    if (this.#isOver(checkpointId) || (this.current === checkpointId && this.#now.phase === 'overtaking')) return []
    const effects: AlignmentEffect[] = []
    if (this.current !== checkpointId) {
      if (this.current !== undefined && this.current > checkpointId) return []
      this.#begin(barrier, effects)
    }
    this.#overtake(effects)
    return effects
  }

  ended(channel: number): AlignmentEffect[] {
    this.#ended.add(channel)
    const effects: AlignmentEffect[] = []
    if (this.#now.phase === 'overtaking') effects.push({ type: 'recorded', channel })
    this.#finishIfAll(effects)
    return effects
  }

  /** The checkpoint was given up. */
  aborted(checkpointId: number): AlignmentEffect[] {
    if (checkpointId > this.#over) this.#aborted.add(checkpointId)
    if (this.current !== checkpointId) return []
    this.#end(checkpointId)
    return [{ type: 'unblock' }]
  }

  /** All checkpoints up to this one are over. */
  overUpTo(checkpointId: number): AlignmentEffect[] {
    if (checkpointId <= this.#over) return []
    const { current } = this
    if (current !== undefined && current > checkpointId) {
      this.#over = checkpointId
      return []
    }
    this.#end(checkpointId)
    return current === undefined ? [] : [{ type: 'unblock' }]
  }

  #arrived(channel: number, barrier: CheckpointBarrier, now: number, overtaking: boolean): AlignmentEffect[] {
    const { checkpointId } = barrier
    if (this.#isOver(checkpointId) || (this.current ?? -1) > checkpointId) return []
    const effects: AlignmentEffect[] = []
    if (this.current !== checkpointId) {
      this.#begin(barrier, effects)
      const delayMs = overtakeDelay(barrier, now)
      if (!overtaking && delayMs !== null) effects.push({ type: 'startTimer', barrier, delayMs })
    }
    const alignment = this.#now
    if (alignment.phase === 'none' || alignment.arrived.has(channel)) return effects
    alignment.arrived.add(channel)
    if (alignment.phase === 'overtaking') effects.push({ type: 'recorded', channel })
    else if (!overtaking && barrier.alignment !== 'at-least-once') effects.push({ type: 'block', channel })
    if (overtaking) this.#overtake(effects)
    this.#finishIfAll(effects)
    return effects
  }

  #begin(barrier: CheckpointBarrier, effects: AlignmentEffect[]): void {
    if (this.#now.phase !== 'none') {
      effects.push({ type: 'unblock' }, { type: 'abandon', checkpointId: this.#now.barrier.checkpointId, newer: barrier.checkpointId })
    }
    this.#end(barrier.checkpointId - 1)
    this.#now = { phase: 'aligning', barrier, arrived: new Set() }
  }

  #overtake(effects: AlignmentEffect[]): void {
    if (this.#now.phase !== 'aligning') return
    this.#now = { ...this.#now, phase: 'overtaking' }
    const { barrier } = this.#now
    const missing = this.#missing()
    effects.push({ type: 'unblock' }, { type: 'snapshot', barrier, record: missing })
    for (const channel of missing) effects.push({ type: 'pull', channel, barrier })
  }

  #missing(): number[] {
    const alignment = this.#now
    if (alignment.phase === 'none') return []
    return Array.from({ length: this.#channels }, (_, channel) => channel).filter(
      (channel) => !alignment.arrived.has(channel) && !this.#ended.has(channel),
    )
  }

  #finishIfAll(effects: AlignmentEffect[]): void {
    const alignment = this.#now
    if (alignment.phase === 'none' || this.#missing().length > 0) return
    const { checkpointId } = alignment.barrier
    if (alignment.phase === 'aligning')
      effects.push({ type: 'snapshot', barrier: alignment.barrier, record: undefined }, { type: 'unblock' })
    effects.push({ type: 'complete', checkpointId })
    this.#end(checkpointId)
  }

  #isOver(checkpointId: number): boolean {
    return checkpointId <= this.#over || this.#aborted.has(checkpointId)
  }

  #end(checkpointId: number): void {
    this.#over = Math.max(this.#over, checkpointId)
    for (const aborted of this.#aborted) if (aborted <= this.#over) this.#aborted.delete(aborted)
    this.#now = { phase: 'none' }
  }
}

/** Ms from now until the barrier may overtake; null: never. */
export function overtakeDelay(barrier: CheckpointBarrier, now: number): number | null {
  if (barrier.alignment === 'unaligned') return 0
  if (barrier.alignment === 'at-least-once' || barrier.alignedTimeoutMs === null) return null
  // Clocks of machines differ: never longer than the time-out itself.
  return Math.max(0, Math.min(barrier.alignedTimeoutMs, barrier.timestamp + barrier.alignedTimeoutMs - now))
}

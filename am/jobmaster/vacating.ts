/**
 * How a job leaves workers that the cluster wants back: others are waited for where they are on their way, a checkpoint is taken at once,
 * then the tasks go on elsewhere from it. Everything within the time there is.
 */
import { logger } from '#core/log/logger.js'
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'
import type { Vacation } from '../slots/slot-provider.js'

const log = logger('JobMaster')

/** Of the time there is: for others to come up. */
const REPLACEMENT_SHARE = 0.3
const MAX_REPLACEMENT_WAIT_MS: Millis = 15_000
/** Of the time there is: until the tasks have to go, checkpoint or not. */
const LEAVE_SHARE = 0.7

export interface Vacating {
  readonly environment: Environment
  /** Slots for every task besides those on these workers are held. */
  replaced(): boolean
  /** Undefined: the job takes none. */
  readonly checkpoint: (() => Promise<unknown>) | undefined
  /** The tasks go. */
  leave(): void
}

/** Calls `leave` once, in a later turn. Returns what to call whenever the job's slots change. */
export function vacate(vacation: Vacation, { environment, replaced, checkpoint, leave }: Vacating): () => void {
  const { clock, timers } = environment
  const left = Math.max(0, vacation.deadline - clock.monotonic())
  let stage: 'waiting' | 'checkpointing' | 'left' = 'waiting'
  let timer: TimerHandle | undefined
  const go = () => {
    if (stage === 'left') return
    stage = 'left'
    timer?.cancel()
    leave()
  }
  const begin = () => {
    if (stage !== 'waiting') return
    stage = 'checkpointing'
    timer?.cancel()
    if (checkpoint === undefined) return go()
    const until = vacation.deadline - left * (1 - LEAVE_SHARE)
    timer = timers.after(
      Math.max(0, until - clock.monotonic()),
      () => {
        if (stage === 'checkpointing') log.warn('The checkpoint before the tasks leave takes too long: they go on from the one before.')
        go()
      },
      true,
    )
    checkpoint().then(go, (error: unknown) => {
      log.warn('The checkpoint before the tasks leave failed: they go on from the one before', error)
      go()
    })
  }
  const look = () => {
    if (!vacation.replaced || replaced()) begin()
  }
  timer = timers.after(vacation.replaced ? Math.min(MAX_REPLACEMENT_WAIT_MS, left * REPLACEMENT_SHARE) : 0, begin, true)
  timers.after(0, look, true)
  return look
}

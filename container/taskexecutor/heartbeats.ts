/**
 * Heartbeats to the ResourceManager: one every interval, and one every half second while tasks run, so that their progress is seen.
 * A heartbeat that is refused or not answered in time means that the master is lost.
 */
import type { Environment, Millis, TimerHandle } from '#core/time/environment.js'

/** How often a worker with running tasks tells their progress. */
const PROGRESS_INTERVAL_MS = 500

export interface HeartbeatOptions {
  readonly environment: Environment
  readonly intervalMs: Millis
  /** Sends one; resolves when it is answered. */
  beat(): Promise<unknown>
  tasksRunning(): boolean
  onLost(reason: unknown): void
}

/** Returns how to stop. */
export function startHeartbeats(options: HeartbeatOptions): () => void {
  const { environment, intervalMs } = options
  const tick = Math.min(PROGRESS_INTERVAL_MS, intervalMs)
  let timer: TimerHandle | undefined
  let stopped = false
  let due = environment.clock.monotonic() + intervalMs
  const again = () => {
    if (!stopped) timer = environment.timers.after(tick, onTick, true)
  }
  const onTick = () => {
    const now = environment.clock.monotonic()
    if (now < due && !options.tasksRunning()) return again()
    due = now + intervalMs
    options.beat().then(again, (error: unknown) => {
      if (!stopped) options.onLost(error)
    })
  }
  again()
  return () => {
    stopped = true
    timer?.cancel()
  }
}

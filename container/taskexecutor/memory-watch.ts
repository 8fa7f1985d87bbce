/**
 * Watches this process's resident set against its container's size from inside, so that it ends with a named cause before YARN kills
 * it without one. Levels and their order are pure; the shell samples once a second.
 *
 *   calm ── 85 % ──▶ tight: said once, with the split; ── 92 % for two samples ──▶ exceeded: the process ends itself
 *     ▲                │   slots move state to disk
 *     └──── 80 % ──────┘
 */
import { defineError } from '#core/errors/define-error.js'
import { logger } from '#core/log/logger.js'
import type { Environment, Millis } from '#core/time/environment.js'

export const MemoryExceeded = defineError('TASKMANAGER_MEMORY_EXCEEDED', {
  recovery: 'fail-process',
  message: (d: { rssMb: number; limitMb: number; split: string }) =>
    `This TaskManager holds ${d.rssMb} MB of the ${d.limitMb} MB of its container and ends itself before the container is killed: ${d.split}. ` +
    `Give it more (taskmanager.memory.process.size), or spread the job's state over more TaskManagers (parallelism.default).`,
})

const SAMPLE_INTERVAL_MS: Millis = 1_000
const TIGHT = 0.85
const RELAXED = 0.8
const EXCEEDED = 0.92
/** A single high sample may be a garbage collection's peak. */
const SAMPLES_TO_EXCEED = 2

/** Bytes. */
export interface MemorySample {
  /** Resident set of the process. */
  readonly rss: number
  /** V8 heaps of all threads, as far as they are in use; array buffers outside them: state, batches, exchange. */
  readonly heapUsed: number
  readonly arrayBuffers: number
}

export interface MemoryWatchState {
  readonly level: 'calm' | 'tight' | 'exceeded'
  readonly over: number
}

export const CALM: MemoryWatchState = { level: 'calm', over: 0 }

/** `limit`: the container's size in bytes. */
export function onSample(state: MemoryWatchState, sample: MemorySample, limit: number): MemoryWatchState {
  const share = sample.rss / limit
  const over = share >= EXCEEDED ? state.over + 1 : 0
  if (state.level === 'exceeded' || over >= SAMPLES_TO_EXCEED) return { level: 'exceeded', over }
  if (share >= TIGHT) return { level: 'tight', over }
  return { level: state.level === 'tight' && share >= RELAXED ? 'tight' : 'calm', over }
}

export interface MemoryWatchOptions {
  readonly environment: Environment
  /** The container's size, which may change. */
  limitBytes(): number
  sample(): MemorySample
  /** Memory has become tight, or is so no more: slots are to hold less state (runtime/state/state-memory.ts). */
  onTight(tight: boolean): void
  /** It must end now. */
  onExceeded(error: Error): void
}

/** Answers with what stops the watching. */
export function watchMemory({ environment, limitBytes, sample, onTight, onExceeded }: MemoryWatchOptions): () => void {
  const log = logger('MemoryWatch')
  let state = CALM
  let timer = environment.timers.after(SAMPLE_INTERVAL_MS, look, true)
  function look(): void {
    const now = sample()
    const before = state
    const limit = limitBytes()
    state = onSample(before, now, limit)
    if (state.level === 'exceeded')
      return onExceeded(new MemoryExceeded({ rssMb: toMb(now.rss), limitMb: toMb(limit), split: describe(now) }))
    if (state.level !== before.level) onTight(state.level === 'tight')
    if (state.level === 'tight' && before.level === 'calm')
      log.warn(
        `${toMb(now.rss)} MB of the container's ${toMb(limit)} MB are in use: ${describe(now)}. Slots move state to disk until there is room`,
      )
    timer = environment.timers.after(SAMPLE_INTERVAL_MS, look, true)
  }
  return () => timer.cancel()
}

function describe({ rss, heapUsed, arrayBuffers }: MemorySample): string {
  const rest = Math.max(0, rss - heapUsed - arrayBuffers)
  return `state, batches and buffers ${toMb(arrayBuffers)} MB, V8 heaps ${toMb(heapUsed)} MB, threads, code and the rest ${toMb(rest)} MB`
}

function toMb(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}

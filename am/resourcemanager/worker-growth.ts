/**
 * When a worker's container is to be made larger where it is, instead of its state going to disk or its process to its end. Pure; times
 * are arguments (monotonic ms), sizes bytes.
 */
import type { Millis } from '#core/time/environment.js'

export interface GrowthPolicy {
  /** No container is made larger than that; undefined: none is ever made larger. */
  readonly most: number | undefined
}

export interface WorkerMemory {
  /** The container's, as far as it was granted. */
  readonly size: number
  /** Asked for and not answered. */
  readonly wished: number | undefined
  /** Written to disk when the size last changed. */
  readonly spilledBefore: number
  /** Nothing is asked for before. */
  readonly pausedUntil: Millis
}

/** What a worker says of itself with a heartbeat. */
export interface MemoryReport {
  readonly residentSetBytes: number
  /** State written to local disk so far. */
  readonly spilledBytes: number
}

/** Just before the worker itself gets anxious (container/taskexecutor/memory-watch.ts: 85 %). */
const SHORT_AT = 0.8
/** State of this share of the container went to disk: it will not be the last. */
const SPILLED_SHARE = 0.05
const FACTOR = 1.5
const MIB = 1024 * 1024
/** A larger container is filled only as state comes in. */
const SETTLE_MS: Millis = 10_000
/** A node that has no room, or a queue, has none a moment later either. */
const REFUSED_PAUSE_MS: Millis = 60_000

export function workerMemory(size: number): WorkerMemory {
  return { size, wished: undefined, spilledBefore: 0, pausedUntil: 0 }
}

/** The size to ask for, or undefined. */
export function wish(memory: WorkerMemory, report: MemoryReport, now: Millis, { most }: GrowthPolicy): number | undefined {
  const { size, wished, spilledBefore, pausedUntil } = memory
  if (most === undefined || size === 0 || size >= most || wished !== undefined || now < pausedUntil) return undefined
  const short = report.residentSetBytes >= size * SHORT_AT || report.spilledBytes - spilledBefore >= size * SPILLED_SHARE
  return short ? Math.min(most, Math.ceil((size * FACTOR) / MIB) * MIB) : undefined
}

export function onWished(memory: WorkerMemory, size: number): WorkerMemory {
  return { ...memory, wished: size }
}

/** `size`: what was granted. */
export function onGrown(size: number, report: MemoryReport, now: Millis): WorkerMemory {
  return { size, wished: undefined, spilledBefore: report.spilledBytes, pausedUntil: now + SETTLE_MS }
}

export function onRefused(memory: WorkerMemory, now: Millis): WorkerMemory {
  return { ...memory, wished: undefined, pausedUntil: now + REFUSED_PAUSE_MS }
}

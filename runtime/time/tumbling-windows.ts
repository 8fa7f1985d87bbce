/**
 * Tumbling windows [start, start + size). Windows over TIMESTAMP_LTZ follow the clock of the session's time zone, as in Flink:
 * their bounds are local times (`window_start`, `window_end` are TIMESTAMP), they fire by the instant at which the local
 * clock passes their end. Over TIMESTAMP local time and instant are the same.
 */
import { localToUtc, timeZone, utcToLocal, type TimeZone } from '../expr/time-zone.js'

export interface TumblingWindows {
  readonly sizeMs: number
  /** Ms on the windows' clock of a rowtime. */
  localTime(time: number): number
  /** Start of the window that holds a local time. */
  startOf(local: number): number
  /** Instant of a window bound: a window fires when the watermark reaches instantOf(end - 1). */
  instantOf(local: number): number
}

/** `zone`: of the session when the time column is a TIMESTAMP_LTZ, else undefined. */
export function tumblingWindows(window: { readonly sizeMs: number; readonly offsetMs: number }, zone: string | undefined): TumblingWindows {
  const { sizeMs, offsetMs } = window
  const startOf = (local: number): number => windowStart(local, offsetMs, sizeMs)
  if (zone === undefined) return { sizeMs, localTime: (time) => time, startOf, instantOf: (local) => local }
  const clock = timeZone(zone)
  return { sizeMs, localTime: (time) => utcToLocal(time, clock), startOf, instantOf: (local) => latestInstant(local, clock) }
}

/** Flink's TimeWindow.getWindowStartWithOffset. */
export function windowStart(time: number, offset: number, size: number): number {
  const remainder = (time - offset) % size
  return remainder < 0 ? time - remainder - size : time - remainder
}

const DAY = 86_400_000

/** A local time that the clock shows twice means the second one: no row of the window can come after it. */
function latestInstant(local: number, zone: TimeZone): number {
  const after = zone.offsetAt(local + DAY)
  return zone.offsetAt(local - after) === after ? local - after : localToUtc(local, zone)
}

/** Offsets of time zones, from the platform's own zone data (Intl). */
import { EvaluationFailure } from './evaluation.js'

/** One session zone. Local ms count as if the local clock showed UTC. */
export interface TimeZone {
  /** Ms that the local clock is ahead of UTC at an instant. */
  offsetAt(utcMillis: number): number
}

const zones = new Map<string, TimeZone>()

/** @throws EvaluationFailure for a zone that the platform does not know. */
export function timeZone(id: string): TimeZone {
  let zone = zones.get(id)
  if (zone === undefined) {
    zone = fixedZone(id) ?? namedZone(id)
    zones.set(id, zone)
  }
  return zone
}

const OFFSET = /^(?:UTC|GMT|Z)?(?:([+-])(\d{1,2})(?::?(\d{2}))?)?$/

function fixedZone(id: string): TimeZone | undefined {
  const match = OFFSET.exec(id)
  if (match === null || id === '') return undefined
  const offset = (match[1] === '-' ? -1 : 1) * (Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)) * 60_000
  return { offsetAt: () => offset }
}

/** No zone changes its offset within a quarter of an hour that starts at a full one. */
const SLICE_MILLIS = 900_000
const MAX_CACHED_SLICES = 20_000
/** Beyond 8.64e15 ms, forward and back, JavaScript has no calendar date, also not for what a wall clock shows; the offset stays as it was a day before. */
const LAST_INSTANT = 8_640_000_000_000_000 - 86_400_000

function namedZone(id: string): TimeZone {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: id,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (cause) {
    throw new EvaluationFailure(`unknown time zone '${id}'`, { cause })
  }
  const offsets = new Map<number, number>()
  return {
    offsetAt(utcMillis) {
      const shown = utcMillis === utcMillis ? Math.min(Math.max(utcMillis, -LAST_INSTANT), LAST_INSTANT) : 0
      const slice = Math.floor(shown / SLICE_MILLIS)
      let offset = offsets.get(slice)
      if (offset === undefined) {
        if (offsets.size >= MAX_CACHED_SLICES) offsets.clear()
        offset = localClock(format, slice * SLICE_MILLIS) - slice * SLICE_MILLIS
        offsets.set(slice, offset)
      }
      return offset
    },
  }
}

/** What a wall clock in the format's zone shows, as ms. */
function localClock(format: Intl.DateTimeFormat, utcMillis: number): number {
  const shown: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(utcMillis)) shown[type] = value
  const date = new Date(0)
  const year = Number(shown['year'])
  date.setUTCFullYear(shown['era'] === 'BC' ? 1 - year : year, Number(shown['month']) - 1, Number(shown['day']))
  date.setUTCHours(Number(shown['hour']), Number(shown['minute']), Number(shown['second']))
  return date.getTime()
}

export function utcToLocal(utcMillis: number, zone: TimeZone): number {
  return utcMillis + zone.offsetAt(utcMillis)
}

const DAY = 86_400_000

/** Java's LocalDateTime.atZone: a time that occurs twice is the earlier one, a time that is skipped moves on by the gap. */
export function localToUtc(localMillis: number, zone: TimeZone): number {
  const before = zone.offsetAt(localMillis - DAY)
  if (zone.offsetAt(localMillis - before) === before) return localMillis - before
  const after = zone.offsetAt(localMillis + DAY)
  return zone.offsetAt(localMillis - after) === after ? localMillis - after : localMillis - before
}

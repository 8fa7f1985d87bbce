/** `table.local-time-zone`: an IANA name or an offset; `default` is the zone of this process. */
import type { Configuration } from '#core/config/configuration.js'
import { InvalidOptionValue } from '#core/config/configuration.js'
import { LOCAL_TIME_ZONE } from '#core/config/options/sql.js'
import { localToUtc, timeZone } from '#runtime/expr/time-zone.js'

let ofProcess: string | undefined

/** @throws CONFIG_INVALID_VALUE for a zone the platform does not know */
export function sessionTimeZone(configuration: Configuration): string {
  const given = configuration.get(LOCAL_TIME_ZONE)
  // Asked of the platform once: it costs milliseconds, and every statement asks.
  if (given === 'default') return (ofProcess ??= Intl.DateTimeFormat().resolvedOptions().timeZone)
  try {
    timeZone(given)
  } catch (cause) {
    throw new InvalidOptionValue(
      { key: LOCAL_TIME_ZONE.key, value: given, type: 'time zone (Europe/Berlin, UTC, +05:30)', source: 'SET' },
      { cause },
    )
  }
  return given
}

/** `2024-01-02 03:04:05.678` of a clock in the zone as the instant `2024-01-02T02:04:05.678Z`; the digits of the second are kept. */
export function localTextToInstant(text: string, zone: string): string {
  const match = /^(-?\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?$/.exec(text)
  const local = match === null ? NaN : Date.parse(`${match[1]}T${match[2]}Z`)
  if (match === null || Number.isNaN(local)) return text
  return `${new Date(localToUtc(local, timeZone(zone))).toISOString().slice(0, -5)}${match[3] ?? ''}Z`
}

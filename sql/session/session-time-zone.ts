/** `table.local-time-zone`: an IANA name or an offset; `default` is the zone of this process. */
import type { Configuration } from '#core/config/configuration.js'
import { InvalidOptionValue } from '#core/config/configuration.js'
import { LOCAL_TIME_ZONE } from '#core/config/options/sql.js'
import { timeZone } from '#runtime/expr/time-zone.js'

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

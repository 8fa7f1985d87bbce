/** Lengths of time in the API: milliseconds, or text as in the configuration. */
import { parseDuration } from '#core/config/units.js'
import { defineError } from '#core/errors/define-error.js'

export const InvalidDuration = defineError('API_INVALID_DURATION', {
  recovery: 'none',
  message: (d: { what: string; value: string }) =>
    `${d.what} cannot be '${d.value}': give milliseconds (5000), or a text such as '5 s', '1 min', '250 ms'`,
})

/** Milliseconds, or text: `5000`, `'5 s'`, `'1 min'`, `'PT1M30S'`. */
export type Duration = number | string

/** Milliseconds. @throws API_INVALID_DURATION */
export function millis(duration: Duration, what: string, least = 0): number {
  const value = typeof duration === 'number' ? duration : parseDuration(duration)
  if (value === undefined || !Number.isFinite(value) || value < least) throw new InvalidDuration({ what, value: String(duration) })
  return value
}

/** Checks of option values that several connectors share. Each says what is wrong, or nothing. */
import { parseDuration, parseMemorySize } from '#core/config/units.js'

export type Check = (value: string) => string | undefined

export function integerFrom(least: number): Check {
  return (value) => {
    const number = /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : NaN
    return Number.isSafeInteger(number) && number >= least ? undefined : `must be an integer from ${least} on, not '${value}'`
  }
}

export const isBoolean: Check = (value) => (/^\s*(true|false)\s*$/i.test(value) ? undefined : `must be true or false, not '${value}'`)

export const isMemorySize: Check = (value) => {
  const size = parseMemorySize(value)
  return size !== undefined && size > 0 ? undefined : `must be a size such as '128 mb', not '${value}'`
}

export const isDuration: Check = (value) =>
  parseDuration(value) === undefined ? `must be a duration such as '30 min', not '${value}'` : undefined

/** `scan.parallelism` and `sink.parallelism`. */
export function parallelismOption(key: string) {
  return { key, description: 'Parallelism of this table alone. Default: that of the job.', check: integerFrom(1) }
}

export function parallelismOf(options: Readonly<Record<string, string>>, key: string): number | undefined {
  return options[key] === undefined ? undefined : Number(options[key])
}

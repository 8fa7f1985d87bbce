/** Path and query parameters: checked before a handler uses them. */
import { HEX_32 } from '#core/ids/ids.js'
import { badParameter } from './rest-error.js'

export type Parameters = Readonly<Record<string, string | undefined>>

/** 32 lower-case hex digits. @throws REST_REFUSED 400 */
export function hexId(parameters: Parameters, name: string): string {
  const value = parameters[name] ?? ''
  if (!HEX_32.test(value)) throw badParameter('path', name, value)
  return value
}

export function text(parameters: Parameters, name: string): string {
  const value = parameters[name] ?? ''
  if (value === '' || value.length > 300) throw badParameter('path', name, value.slice(0, 300))
  return value
}

/** A whole number from 0 on. @throws REST_REFUSED 400 */
export function count(query: Parameters, name: string, absent: number): number {
  const value = query[name]
  if (value === undefined) return absent
  if (!/^\d{1,15}$/.test(value)) throw badParameter('query', name, value)
  return Number(value)
}

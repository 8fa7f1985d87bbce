/** Path and query parameters and bodies: checked before a handler uses them. */
import { HEX_32 } from '#core/ids/ids.js'
import type * as z from '#core/zod.js'
import { badParameter, RestRefused } from './rest-error.js'

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

/**
 * The JSON that a request carries: its body, or (what is sure to come through any proxy) query parameter `request`, the same in base64url.
 * Nothing at all counts as `{}`. @throws REST_REFUSED 400
 */
export function requestBody<T>(request: { readonly query: Parameters; readonly body: string }, schema: z.ZodType<T>, name: string): T {
  const encoded = request.query['request']
  const given = encoded === undefined ? request.body : Buffer.from(encoded, 'base64url').toString('utf8')
  const parsed = schema.safeParse(parseJson(given.trim() === '' ? '{}' : given))
  if (parsed.success) return parsed.data
  throw new RestRefused({ status: 400, message: `Bad request received. Request did not match expected format ${name}.` })
}

function parseJson(given: string): unknown {
  try {
    return JSON.parse(given)
  } catch {
    return undefined
  }
}

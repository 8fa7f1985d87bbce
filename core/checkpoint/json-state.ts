/** State that connectors and programs keep as JSON: taken down at the moment of the snapshot, and refused where JSON would lose some of it. */
import { defineError } from '../errors/define-error.js'

export const StateNotJson = defineError('STATE_NOT_JSON', {
  recovery: 'fail-job',
  message: (d: { what: string; place: string; found: string }) =>
    `${d.what} must be plain JSON, but ${d.place === '' ? 'it' : `its ${d.place}`} is ${d.found}; ` +
    'keep text, finite numbers, booleans, null, arrays and plain objects there',
})

const MAX_DEPTH = 100

/**
 * A copy of `value` that later changes of it do not reach. Properties that are undefined are left out.
 * `what`: as the user knows it, to begin a sentence with. @throws STATE_NOT_JSON
 */
export function copyJson<T>(value: T, what: string): T {
  return copy(value, what, '', 0) as T
}

function copy(value: unknown, what: string, place: string, depth: number): unknown {
  const refused = (found: string): never => {
    throw new StateNotJson({ what, place, found })
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number': // + 0: there is no -0 in JSON
      return Number.isFinite(value) ? value + 0 : refused(`the number ${value}`)
    case 'object': {
      if (value === null) return null
      if (depth === MAX_DEPTH) return refused(`nested more than ${MAX_DEPTH} deep, or within itself`)
      if (Array.isArray(value)) return value.map((item, i) => copy(item, what, `${place}[${i}]`, depth + 1))
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype !== null && prototype !== Object.prototype) return refused(`a ${nameOf(prototype)}`)
      const members = Object.entries(value).filter(([, member]) => member !== undefined)
      return Object.fromEntries(
        members.map(([key, member]) => [key, copy(member, what, place === '' ? key : `${place}.${key}`, depth + 1)]),
      )
    }
    default:
      return refused(value === undefined ? 'undefined' : `a ${typeof value}`)
  }
}

function nameOf(prototype: unknown): string {
  return (prototype as { constructor?: { name?: string } }).constructor?.name || 'object of a class'
}

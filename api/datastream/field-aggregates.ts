/** sum, min, max of a field as reduce functions. */
import { defineError } from '#core/errors/define-error.js'

export const NotSummable = defineError('API_NOT_SUMMABLE', {
  recovery: 'fail-job',
  message: (d: { field: string; found: string }) => `${d.field} cannot be summed: it is ${d.found}, expected number or bigint`,
})

// Of any element type: the fields were checked where the graph was built.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Reducer = (a: any, b: any) => any
type Fields = Readonly<Record<string, unknown>>

/** @throws API_NOT_SUMMABLE while the job runs */
export function sum(field: string | undefined): Reducer {
  const name = field === undefined ? 'The element' : `Field '${field}'`
  const add = (a: unknown, b: unknown): unknown => {
    if (typeof a === 'number' && typeof b === 'number') return a + b
    if (typeof a === 'bigint' && typeof b === 'bigint') return a + b
    throw new NotSummable({ field: name, found: kindOf(typeof a === 'number' || typeof a === 'bigint' ? b : a) })
  }
  if (field === undefined) return add
  return (a: Fields, b: Fields) => ({ ...a, [field]: add(a[field], b[field]) })
}

/** `direction` 1: the largest, -1: the smallest. `whole`: the element that has it, else the first element with that value put in. */
export function extreme(field: string | undefined, direction: 1 | -1, whole: boolean): Reducer {
  const beats = (candidate: never, best: never): boolean => (direction === 1 ? candidate > best : candidate < best)
  if (field === undefined) return (a: unknown, b: unknown) => (beats(b as never, a as never) ? b : a)
  return (a: Fields, b: Fields) => {
    if (!beats(b[field] as never, a[field] as never)) return a
    return whole ? b : { ...a, [field]: b[field] }
  }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

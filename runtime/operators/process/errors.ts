/** What goes wrong with functions of programs. */
import { defineError } from '#core/errors/define-error.js'

/** The function's own error is the cause; its stack shows the place in the program. */
export const FunctionFailed = defineError('FUNCTION_FAILED', {
  // By the restart strategy, as in Flink: what it called may work again.
  recovery: 'retry-here',
  message: (d: {
    operator: string
    /** From 1. */
    subtask: number
    parallelism: number
    method: string
    problem: string
    /** `\\n    at …`: frames in the program. */
    place: string
    record: string | null
  }) =>
    `${d.problem}${d.place}\n  thrown by ${d.method} of operator '${d.operator}', subtask ${d.subtask}/${d.parallelism}` +
    (d.record === null ? '' : `\n  for the record ${d.record}`),
})
export const ElementTypeMismatch = defineError('ELEMENT_TYPE_MISMATCH', {
  recovery: 'fail-job',
  message: (d: { operator: string; field: string; expected: string; found: string }) =>
    `operator '${d.operator}' emitted an element whose ${d.field} is ${d.found}, declared is ${d.expected}; ` +
    'return a value of the declared type, or declare another type for the stream',
})
export const InvalidKey = defineError('INVALID_KEY', {
  recovery: 'fail-job',
  message: (d: { operator: string; problem: string }) =>
    `the key selector of '${d.operator}' gave ${d.problem}; an element's key must be a value and the same each time`,
})
export const StateNotKeyed = defineError('STATE_NOT_KEYED', {
  recovery: 'fail-job',
  message: (d: { operator: string; state: string }) =>
    `operator '${d.operator}' asks for keyed ${d.state}, but its input is not keyed; put a keyBy before it`,
})
export const NoCurrentKey = defineError('PROCESS_NO_KEY', {
  recovery: 'fail-job',
  message: (d: { operator: string; what: string }) =>
    `operator '${d.operator}' uses ${d.what} where there is no key (in open, close, or a broadcast element); use it in processElement or onTimer`,
})
export const StateIncompatible = defineError('FUNCTION_STATE_INCOMPATIBLE', {
  recovery: 'fail-job',
  message: (d: { operator: string; state: string; problem: string }) =>
    `state '${d.state}' of operator '${d.operator}' cannot be used: ${d.problem}; give the changed state another name`,
})
export const NoTimestamp = defineError('ELEMENT_WITHOUT_TIMESTAMP', {
  recovery: 'fail-job',
  message: (d: { operator: string; what: string }) =>
    `${d.what} in '${d.operator}' needs event time, but an element has no timestamp; assign timestamps and watermarks before it, or use processing time`,
})
export const InvalidTimestamp = defineError('INVALID_TIMESTAMP', {
  recovery: 'fail-job',
  message: (d: { operator: string; found: string }) =>
    `the timestamp assigner of '${d.operator}' gave ${d.found}; it must give ms since the epoch, an integer between ±2^53`,
})
export const WindowsNotMergeable = defineError('WINDOWS_NOT_MERGEABLE', {
  recovery: 'fail-job',
  message: (d: { operator: string; problem: string }) => `session windows of '${d.operator}' cannot be merged: ${d.problem}`,
})
export const AsyncTimeout = defineError('ASYNC_TIMEOUT', {
  recovery: 'fail-job',
  message: (d: { operator: string; timeoutMs: number; attempts: number }) =>
    `an asynchronous call of '${d.operator}' had no result after ${d.timeoutMs} ms and ${d.attempts} ${d.attempts === 1 ? 'try' : 'tries'}; ` +
    'raise the timeout, or give the function a timeout method that says what the element yields',
})
export const SourceContract = defineError('SOURCE_CONTRACT', {
  recovery: 'fail-job',
  message: (d: { operator: string; problem: string }) => `source '${d.operator}' breaks its contract: ${d.problem}`,
})

/** How a value is called in an error. Short, one line, no content but of the smallest. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
    case 'number':
    case 'boolean':
      return `the ${typeof value} ${String(value)}`
    case 'bigint':
      return `the bigint ${String(value)}`
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'undefined':
      return 'undefined'
    case 'object': {
      if (value === null) return 'null'
      if (isPromiseLike(value)) return 'a promise (functions of operators are not asynchronous; AsyncDataStream is for that)'
      if (Array.isArray(value)) return `an array of ${value.length}`
      const name = (value as { constructor?: { name?: string } }).constructor?.name
      return name === undefined || name === 'Object' ? 'an object' : `a ${name}`
    }
  }
}

export function isPromiseLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

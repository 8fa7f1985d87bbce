/** The form in which an error crosses a process border and comes back as an error with the same code. */
import * as z from '../zod.js'
import { WeftError, type Recovery } from './define-error.js'

const recoveries = ['none', 'retry-here', 'retry-elsewhere', 'fail-job', 'fail-process'] as const satisfies readonly Recovery[]

export interface WireError {
  name: string
  message: string
  code?: string | undefined
  recovery?: Recovery | undefined
  details?: Record<string, unknown> | undefined
  stack?: string | undefined
  cause?: WireError | undefined
}

export const WireErrorSchema: z.ZodType<WireError> = z.object({
  name: z.string().max(1_000),
  message: z.string().max(1_000_000),
  code: z.string().max(200).optional(),
  recovery: z.enum(recoveries).optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  stack: z.string().max(1_000_000).optional(),
  get cause() {
    return WireErrorSchema.optional()
  },
})

const MAX_CAUSES = 10

export function toWireError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const wire: WireError = { name: error.name, message: error.message, stack: error.stack }
  if (error instanceof WeftError) {
    wire.code = error.code
    wire.recovery = error.recovery
    wire.details = error.details
  }
  if (error.cause !== undefined && depth < MAX_CAUSES) wire.cause = toWireError(error.cause, depth + 1)
  return wire
}

export function fromWireError(wire: WireError): Error {
  const options = wire.cause === undefined ? undefined : { cause: fromWireError(wire.cause) }
  const error =
    wire.code === undefined
      ? new Error(wire.message, options)
      : new WeftError(wire.code, wire.recovery ?? 'none', wire.message, wire.details ?? {}, options)
  error.name = wire.name
  if (wire.stack !== undefined) error.stack = wire.stack
  return error
}

/** The innermost error of the chain of causes: what really went wrong. */
export function rootCause(error: unknown): unknown {
  let current = error
  for (let depth = 0; depth < 50 && current instanceof Error && current.cause !== undefined; depth++) current = current.cause
  return current
}

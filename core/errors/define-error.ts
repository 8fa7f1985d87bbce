/**
 * Errors that survive a process border. An error kind is declared once with its code, what may be done about it and its
 * message; it is recognised by code (`Kind.is(e)`), never by `instanceof`, so it can be revived from the wire.
 */

/** What may be tried after the failure. */
export type Recovery = 'none' | 'retry-here' | 'retry-elsewhere' | 'fail-job' | 'fail-process'

/** An error with a code. `details` are plain JSON; `cause` is the error below it, if any. */
export class WeftError extends Error {
  readonly code: string
  readonly recovery: Recovery
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, recovery: Recovery, message: string, details: Record<string, unknown>, options?: { cause?: unknown }) {
    super(message, options)
    this.name = code
    this.code = code
    this.recovery = recovery
    this.details = details
  }
}

export interface ErrorKind<D extends Record<string, unknown>> {
  readonly code: string
  new (details: D, options?: { cause?: unknown }): WeftError & { readonly details: D }
  /** True for errors of this kind, revived ones too. */
  is(error: unknown): error is WeftError & { readonly details: D }
}

const declared = new Set<string>()

/** Declares an error kind. `code` is UPPER_SNAKE and unique in the product. */
export function defineError<D extends Record<string, unknown>>(
  code: string,
  declaration: { recovery: Recovery; message: (details: D) => string },
): ErrorKind<D> {
  if (declared.has(code)) throw new Error(`error code ${code} is declared twice`)
  declared.add(code)
  class Declared extends WeftError {
    static readonly code = code
    declare readonly details: Readonly<D>
    constructor(details: D, options?: { cause?: unknown }) {
      super(code, declaration.recovery, declaration.message(details), details, options)
    }
    static is(error: unknown): boolean {
      return error instanceof Error && (error as { code?: unknown }).code === code
    }
  }
  return Declared as unknown as ErrorKind<D>
}

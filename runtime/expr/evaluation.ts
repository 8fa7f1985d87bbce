/** What an evaluation needs from outside, and how it fails. */
import { defineError } from '#core/errors/define-error.js'

export interface EvaluationContext {
  /** Session time zone (`table.local-time-zone`) as an IANA name or an offset such as `+05:30`. */
  readonly timeZone: string
  /** Ms since the epoch, for CURRENT_TIMESTAMP and its kin. */
  now(): number
}

/** A value that cannot be computed; `reason` in Flink's words. Becomes EXPRESSION_FAILED where expression and row are known. */
export class EvaluationFailure extends Error {
  override readonly name = 'EvaluationFailure'
}

export const ExpressionFailed = defineError('EXPRESSION_FAILED', {
  recovery: 'fail-job',
  message: (c: { reason: string; expression: string; row: string }) =>
    `${c.reason}\n  in ${c.expression}\n  for the row ${c.row}\n  TRY_CAST gives NULL where CAST fails; a WHERE or CASE can keep such rows away.`,
})

export const InvalidExpression = defineError('INVALID_EXPRESSION', {
  recovery: 'fail-job',
  message: (c: { problem: string; expression: string }) => `${c.problem} (in ${c.expression})`,
})

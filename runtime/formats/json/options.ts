/** What the options of a json table mean, in the form decoder and encoder use. */
import { flag, type FormatOptions } from '../format.js'
import type { TimestampStandard } from '../temporal-text.js'

export interface JsonDialect {
  readonly failOnMissingField: boolean
  readonly ignoreParseErrors: boolean
  readonly timestamps: TimestampStandard
  readonly plainDecimals: boolean
  readonly ignoreNullFields: boolean
}

export function jsonDialect(options: FormatOptions): JsonDialect {
  return {
    failOnMissingField: flag(options, 'fail-on-missing-field'),
    ignoreParseErrors: flag(options, 'ignore-parse-errors'),
    timestamps: options['timestamp-format.standard'] === 'ISO-8601' ? 'ISO-8601' : 'SQL',
    plainDecimals: flag(options, 'encode.decimal-as-plain-number'),
    ignoreNullFields: flag(options, 'encode.ignore-null-fields'),
  }
}

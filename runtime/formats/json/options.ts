/** What the options of a json table mean, in the form decoder and encoder use. */
import { defineError } from '#core/errors/define-error.js'
import { flag, type FormatOptions } from '../format.js'
import type { TimestampStandard } from '../temporal-text.js'

export const MapKeyNull = defineError('JSON_MAP_KEY_NULL', {
  recovery: 'fail-job',
  message: () =>
    `a map with a NULL key cannot be written as JSON; set 'json.map-null-key.mode' = 'DROP' to leave such entries out, or 'LITERAL' to write them under the key of 'json.map-null-key.literal'`,
})

export const MODES = ['FAIL', 'DROP', 'LITERAL'] as const

export interface JsonDialect {
  readonly failOnMissingField: boolean
  readonly ignoreParseErrors: boolean
  readonly timestamps: TimestampStandard
  readonly plainDecimals: boolean
  readonly ignoreNullFields: boolean
  readonly mapNullKey: 'FAIL' | 'DROP' | 'LITERAL'
  readonly mapNullKeyLiteral: string
}

export function jsonDialect(options: FormatOptions): JsonDialect {
  return {
    failOnMissingField: flag(options, 'fail-on-missing-field'),
    ignoreParseErrors: flag(options, 'ignore-parse-errors'),
    timestamps: options['timestamp-format.standard'] === 'ISO-8601' ? 'ISO-8601' : 'SQL',
    plainDecimals: flag(options, 'encode.decimal-as-plain-number'),
    ignoreNullFields: flag(options, 'encode.ignore-null-fields'),
    mapNullKey: MODES.find((mode) => mode === options['map-null-key.mode']?.trim().toUpperCase()) ?? 'FAIL',
    mapNullKeyLiteral: options['map-null-key.literal'] ?? 'null',
  }
}

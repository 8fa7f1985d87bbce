/** Flink's `datagen`: rows out of nothing, for trying things out. Random values, or sequences. */
import { parseDuration } from '#core/config/units.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { TableConnector, TableOption } from '../connector.js'
import { InvalidTable, InvalidTableOption, MissingTableOption } from '../errors.js'
import { integerFrom, isBoolean, parallelismOf, parallelismOption } from '../option-checks.js'

const NUMERIC: readonly LogicalType['kind'][] = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT', 'FLOAT', 'DOUBLE', 'DECIMAL']
/** Longest random string. */
const MAX_LENGTH = 1024 * 1024

const FIELD_OPTIONS: readonly TableOption[] = [
  {
    key: 'fields.#.kind',
    description: 'random or sequence. Default: random.',
    check: (value) => (value === 'random' || value === 'sequence' ? undefined : `must be random or sequence, not '${value}'`),
  },
  { key: 'fields.#.min', description: 'Lowest random number. Default: the least of the type.', check: isNumber },
  { key: 'fields.#.max', description: 'Highest random number. Default: the greatest of the type.', check: isNumber },
  {
    key: 'fields.#.max-past',
    description: 'Random timestamps lie at most so long ago. Default: 0.',
    check: (value) => (parseDuration(value) === undefined ? `must be a duration such as '5 min', not '${value}'` : undefined),
  },
  { key: 'fields.#.length', description: 'Characters of a random string. Default: 100.', check: isLength },
  { key: 'fields.#.var-len', description: 'Random strings have 1 to length characters. Default: false.', check: isBoolean },
  { key: 'fields.#.null-rate', description: 'Share of NULLs, 0 to 1. Default: 0.', check: isRate },
  { key: 'fields.#.start', description: 'First value of the sequence.', check: isInteger },
  { key: 'fields.#.end', description: 'Last value of the sequence.', check: isInteger },
]

export const datagenConnector: TableConnector = {
  identifier: 'datagen',
  options: [
    { key: 'rows-per-second', description: 'Rows per second of all subtasks together. Default: 10000.', check: integerFrom(1) },
    { key: 'number-of-rows', description: 'Rows in all; the table is then bounded. Default: no end.', check: integerFrom(0) },
    parallelismOption('scan.parallelism'),
    ...FIELD_OPTIONS,
  ],
  source: {
    bounded: (options) =>
      options['number-of-rows'] !== undefined || Object.entries(options).some(([key, value]) => isKind(key) && value === 'sequence'),
  },
  parallelism: (options) => parallelismOf(options, 'scan.parallelism'),
  validate,
}

function isKind(key: string): boolean {
  return key.startsWith('fields.') && key.endsWith('.kind')
}

/** Which of a field's options mean something for its type and kind. @throws TABLE_OPTION_* */
function validate(options: Readonly<Record<string, string>>, schema: Schema): void {
  for (const { name, type } of schema.fields) {
    const option = (key: string) => options[`fields.${name}.${key}`]
    const sequence = option('kind') === 'sequence'
    const allowed = allowedOptions(type, sequence)
    if (allowed === undefined) {
      throw new InvalidTable({
        connector: 'datagen',
        problem: `column '${name}' of type ${type.kind} cannot be a ${sequence ? 'sequence' : 'random value'}`,
      })
    }
    for (const { key } of FIELD_OPTIONS) {
      const short = key.slice('fields.#.'.length)
      if (option(short) !== undefined && short !== 'kind' && !allowed.includes(short)) {
        throw new InvalidTableOption({
          connector: 'datagen',
          key: `fields.${name}.${short}`,
          problem: `has no meaning for a ${sequence ? 'sequence' : 'random'} column of type ${type.kind}`,
        })
      }
    }
    if (sequence) {
      for (const key of ['start', 'end']) {
        if (option(key) === undefined)
          throw new MissingTableOption({
            connector: 'datagen',
            key: `fields.${name}.${key}`,
            description: `a sequence has ${key === 'start' ? 'a first' : 'a last'} value`,
          })
      }
      if (BigInt(option('start') ?? 0) > BigInt(option('end') ?? 0))
        throw new InvalidTable({ connector: 'datagen', problem: `the sequence of '${name}' starts behind its end` })
    }
    checkRange(name, type, option(sequence ? 'start' : 'min'), option(sequence ? 'end' : 'max'))
  }
}

const BITS: Readonly<Partial<Record<LogicalType['kind'], number>>> = { TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64 }

function checkRange(name: string, type: LogicalType, min: string | undefined, max: string | undefined): void {
  const bits = BITS[type.kind]
  const whole = bits !== undefined
  for (const text of [min, max]) {
    if (text === undefined || !whole) continue
    const problem = !/^\s*-?\d+\s*$/.test(text) || BigInt.asIntN(bits, BigInt(text)) !== BigInt(text)
    if (problem) throw new InvalidTable({ connector: 'datagen', problem: `a bound of '${name}' is no ${type.kind}: '${text}'` })
  }
  if (min !== undefined && max !== undefined && (whole ? BigInt(min) > BigInt(max) : Number(min) > Number(max))) {
    throw new InvalidTable({ connector: 'datagen', problem: `the lower bound of '${name}' is above the upper one` })
  }
}

function allowedOptions(type: LogicalType, sequence: boolean): readonly string[] | undefined {
  if (sequence) return NUMERIC.includes(type.kind) || type.kind === 'VARCHAR' ? ['start', 'end'] : undefined
  if (NUMERIC.includes(type.kind)) return ['min', 'max', 'null-rate']
  if (type.kind === 'VARCHAR') return ['length', 'var-len', 'null-rate']
  if (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') return ['max-past', 'null-rate']
  return type.kind === 'BOOLEAN' || type.kind === 'DATE' ? ['null-rate'] : undefined
}

function isNumber(value: string): string | undefined {
  return value.trim() !== '' && Number.isFinite(Number(value)) ? undefined : `must be a number, not '${value}'`
}

function isInteger(value: string): string | undefined {
  return /^\s*-?\d{1,19}\s*$/.test(value) ? undefined : `must be an integer, not '${value}'`
}

function isLength(value: string): string | undefined {
  const problem = integerFrom(1)(value)
  return problem ?? (Number(value) > MAX_LENGTH ? `must be at most ${MAX_LENGTH}, not '${value}'` : undefined)
}

function isRate(value: string): string | undefined {
  const rate = value.trim() === '' ? NaN : Number(value)
  return rate >= 0 && rate <= 1 ? undefined : `must be a number from 0 to 1, not '${value}'`
}

/** Rows of JSON that repeat, and what may come in between. */
import fc from 'fast-check'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'

export const TYPES = schema(
  ['i', INT],
  ['long', BIGINT],
  ['x', DOUBLE],
  ['s', STRING],
  ['at', timestamp(3)],
  ['zoned', timestampLtz(3)],
  ['day', DATE],
  ['d', decimal(20, 3)],
  ['ok', BOOLEAN],
)
export const PLAIN: Readonly<Record<string, string>> = {
  i: '7',
  long: '1234567890123',
  x: '302.78',
  s: '"plain text, that is"',
  at: '"2024-02-29 03:04:05.12"',
  zoned: '"2024-02-29 03:04:05Z"',
  day: '"2024-02-29"',
  d: '12.345',
  ok: 'true',
}
/** What must not be read as if it were plain. */
const NUMBERS = [
  '0',
  '-0',
  '-5',
  '00',
  '01',
  '-',
  '1.',
  '.5',
  '1e3',
  '1.5',
  '-2.50',
  '2147483647',
  '2147483648',
  '-2147483648',
  '999999999999999',
]
const MORE = [
  '9223372036854775807',
  '9223372036854775808',
  '1234567890123456',
  '0.1234567890123456',
  '123456789012345.5',
  'null',
  'nul',
  '"12"',
]
const STRINGS = [
  '""',
  '"a\\"b"',
  '"\\u00e9"',
  '"é😀"',
  '"tab\there"',
  '"open',
  '{"a":[1]}',
  'true',
  '"2024-02-30 00:00:00"',
  '"2024-02-29"',
]
const TIMES = [
  '"2024-02-29 03:04:05.123456789"',
  '"2024-02-29 03:04:05.123456789Z"',
  '"2024-02-29 03:04:05.1234567890Z"',
  '"2024-02-29T03:04:05"',
]
export const VALUES = [...NUMBERS, ...MORE, ...STRINGS, ...TIMES]
const VALUE = fc.constantFrom(...VALUES)

export function line(values: Readonly<Record<string, string>>, separator: string, end: string): string {
  const members = Object.entries(values).map(([key, value]) => `"${key}":${separator}${value}`)
  return `{${members.join(`,${separator}`)}}${end}\n`
}

/** A plain line with some other values, perhaps without a key or with one that the table does not have. */
export const LINE = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...Object.keys(PLAIN)), VALUE, { maxKeys: 2 }),
    fc.option(fc.constantFrom(...Object.keys(PLAIN), 'other'), { freq: 4 }),
    fc.constantFrom('', '', ' '),
    fc.constantFrom('', '', '\r', ' ', 'x'),
  )
  .map(([changed, key, separator, end]) => {
    const values: Record<string, string> = { ...PLAIN, ...changed }
    if (key === 'other') values['other'] = '1'
    else if (key !== null) delete values[key]
    return line(values, separator, end)
  })

export const WARM_UP = line(PLAIN, '', '').repeat(40)

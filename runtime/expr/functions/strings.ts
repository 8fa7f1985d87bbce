/** Functions on texts. Positions and lengths count characters (code points), from 1, as in Flink. */
import { INT, MAX_VARCHAR_LENGTH, STRING, withNullable, type LogicalType } from '#core/types/logical-type.js'
import { compileJavaRegex, compileJavaReplacement } from '../java-regex.js'
import { compileLike, matchesLike, type LikeMatcher } from '../like.js'
import { EvaluationFailure } from '../evaluation.js'
import {
  alias,
  anyNullable,
  cannotApply,
  matchArguments,
  strict,
  type BoundCall,
  type FunctionDefinition,
  type RowFunction,
} from './definition.js'

const SURROGATES = /[\ud800-\udfff]/
/** A result longer than this is a mistake of the query, and would otherwise take the process down. */
const MAX_RESULT_LENGTH = 64 * 1024 * 1024

function characters(text: string): number {
  if (!SURROGATES.test(text)) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

/** Characters [start, end) of the text. */
function slice(text: string, start: number, end: number): string {
  return SURROGATES.test(text) ? [...text].slice(start, end).join('') : text.slice(start, end)
}

/** Flink's BinaryStringData.substringSQL: position 0 is 1, a negative one counts from the end. */
function substring(text: string, position: number, length = MAX_VARCHAR_LENGTH): string | null {
  if (length < 0) return null
  if (text === '') return ''
  const total = characters(text)
  let start = 0
  if (position > 0) start = position - 1
  else if (position < 0) start = total + position
  if (start < 0 || start >= total) return ''
  return slice(text, start, Math.min(total, start + length))
}

function trimmed(text: string, set: string, left: boolean, right: boolean): string {
  const all = [...text]
  const strip = new Set(set)
  let start = 0
  let end = all.length
  if (left) while (start < end && strip.has(all[start] as string)) start++
  if (right) while (end > start && strip.has(all[end - 1] as string)) end--
  return all.slice(start, end).join('')
}

function trim(name: string, left: boolean, right: boolean): FunctionDefinition {
  return strict(
    name,
    'S?S',
    STRING,
    () =>
      (text: string, set = ' ') =>
        trimmed(text, set, left, right),
  )
}

/** First position (from 1) of `part` at or after character `from`; 0: nowhere. */
function locate(part: string, text: string, from = 1): number {
  if (from < 1) return 0
  if (!SURROGATES.test(text)) return text.indexOf(part, from - 1) + 1
  const prefix = slice(text, 0, from - 1)
  const index = text.indexOf(part, prefix.length)
  return index < 0 ? 0 : characters(text.slice(0, index)) + 1
}

function pad(text: string, length: number, filler: string, left: boolean): string | null {
  if (length < 0 || filler === '') return null
  checkLength(length)
  const total = characters(text)
  if (length <= total) return slice(text, 0, length)
  const fill = slice(filler.repeat(Math.ceil((length - total) / characters(filler))), 0, length - total)
  return left ? fill + text : text + fill
}

function checkLength(length: number): void {
  if (length > MAX_RESULT_LENGTH) throw new EvaluationFailure(`the text would have ${length} characters; the most is ${MAX_RESULT_LENGTH}`)
}

function initcap(text: string): string {
  let result = ''
  let inside = false
  for (const character of text) {
    result += inside ? character.toLowerCase() : character.toUpperCase()
    inside = /[\p{L}\p{N}]/u.test(character)
  }
  return result
}

/** Splits at whole separators, keeping empty pieces; without a separator at white space. */
function splitIndex(text: string, separator: string, index: number): string | null {
  if (index < 0) return null
  const pieces = text === '' ? [] : text.split(separator === '' ? /\s/ : separator)
  return pieces[index] ?? null
}

/** Compiles a pattern once when it is a constant, and otherwise for each new value. */
function cached<T>(constant: unknown, compile: (pattern: string) => T): (pattern: string) => T {
  let last: string | undefined
  let compiled: T | undefined
  if (typeof constant === 'string') {
    try {
      compiled = compile(constant)
      last = constant
    } catch {
      // Fails again, with its text, on the first row that needs it.
    }
  }
  return (pattern) => {
    if (pattern !== last) {
      compiled = compile(pattern)
      last = pattern
    }
    return compiled as T
  }
}

/** The same, with undefined for patterns that do not compile: Flink's REGEXP_… functions give NULL for those. */
function cachedRegex(constant: unknown, flags: string): (pattern: string) => RegExp | undefined {
  return cached(constant, (pattern) => {
    try {
      return compileJavaRegex(pattern, flags)
    } catch (error) {
      if (error instanceof EvaluationFailure && error.cause !== undefined) return undefined
      throw error
    }
  })
}

function regexpExtract({ constants }: BoundCall): RowFunction {
  const regexOf = cachedRegex(constants[1], '')
  return (text: string, pattern: string, group = 0) => {
    const match = regexOf(pattern)?.exec(text)
    return group < 0 ? null : (match?.[group] ?? null)
  }
}

function regexpReplace({ constants }: BoundCall): RowFunction {
  const regexOf = cachedRegex(constants[1], 'g')
  const replacementOf = cached(constants[2], compileJavaReplacement)
  return (text: string, pattern: string, replacement: string) => {
    const regex = regexOf(pattern)
    if (regex === undefined) return null
    const make = replacementOf(replacement)
    return text.replace(regex, (...args: unknown[]) => {
      const offset = args.findIndex((arg) => typeof arg === 'number')
      return make(args.slice(0, offset) as (string | undefined)[])
    })
  }
}

const LIKE: FunctionDefinition = {
  name: 'LIKE',
  nulls: 'strict',
  resolve(argTypes) {
    const matched = matchArguments('LIKE', 'SS?S', argTypes)
    return 'problem' in matched
      ? cannotApplyUnlessCount(matched.problem, 'LIKE', argTypes)
      : { argTypes: matched.argTypes, type: { kind: 'BOOLEAN', nullable: anyNullable(matched.argTypes) } }
  },
  bind({ constants, argTypes }) {
    if (argTypes.length === 2) {
      const matcherOf = cached(constants[1], (pattern) => compileLike(pattern))
      return (text: string, pattern: string) => matchesLike(matcherOf(pattern), text)
    }
    const matchers = new Map<string, LikeMatcher>()
    return (text: string, pattern: string, escape: string) => {
      const key = `${escape}\0${pattern}`
      let matcher = matchers.get(key)
      if (matcher === undefined) {
        matcher = compileLike(pattern, escape)
        if (matchers.size >= 1000) matchers.clear()
        matchers.set(key, matcher)
      }
      return matchesLike(matcher, text)
    }
  },
}

function cannotApplyUnlessCount(problem: string, name: string, argTypes: readonly LogicalType[]): { problem: string } {
  return argTypes.length < 2 || argTypes.length > 3 ? { problem } : cannotApply(name, argTypes, ['<CHARACTER>, <CHARACTER>'])
}

/** `||`: NULL when one is; the lengths add up. */
const CONCATENATION: FunctionDefinition = strict(
  '||',
  'SS',
  (argTypes) => ({
    kind: 'VARCHAR',
    length: Math.min(
      MAX_VARCHAR_LENGTH,
      argTypes.reduce((sum, type) => sum + (type.kind === 'VARCHAR' ? type.length : 1), 0),
    ),
    nullable: true,
  }),
  () => (a: string, b: string) => a + b,
  { inline: () => (a, b) => `${a} + ${b}` },
)

/** CONCAT_WS(separator, …) leaves NULLs out; NULL only when the separator is. */
const CONCAT_WS: FunctionDefinition = {
  name: 'CONCAT_WS',
  nulls: 'custom',
  resolve(argTypes) {
    const matched = matchArguments('CONCAT_WS', 'SS*', argTypes)
    return 'problem' in matched
      ? matched
      : { argTypes: matched.argTypes, type: withNullable(STRING, matched.argTypes[0]?.nullable === true) }
  },
  bind:
    () =>
    (separator: string | null, ...texts: (string | null)[]) =>
      separator === null ? null : texts.filter((text) => text !== null).join(separator),
}

const CHAR_LENGTH = strict('CHAR_LENGTH', 'S', INT, () => characters)
const SUBSTRING = strict('SUBSTRING', 'SI?I', STRING, () => substring, { mayBeNull: true })

export const STRINGS: readonly FunctionDefinition[] = [
  LIKE,
  CONCATENATION,
  strict(
    'CONCAT',
    'S*',
    STRING,
    () =>
      (...texts: string[]) =>
        texts.join(''),
  ),
  CONCAT_WS,
  strict(
    'UPPER',
    'S',
    ([type]) => type as LogicalType,
    () => (text: string) => text.toUpperCase(),
  ),
  strict(
    'LOWER',
    'S',
    ([type]) => type as LogicalType,
    () => (text: string) => text.toLowerCase(),
  ),
  CHAR_LENGTH,
  alias('CHARACTER_LENGTH', CHAR_LENGTH),
  SUBSTRING,
  alias('SUBSTR', SUBSTRING),
  // TRIM(LEADING x FROM s) is LTRIM(s, x), TRIM(TRAILING x FROM s) is RTRIM(s, x), TRIM([BOTH x FROM] s) is TRIM(s[, x]).
  trim('TRIM', true, true),
  trim('BTRIM', true, true),
  trim('LTRIM', true, false),
  trim('RTRIM', false, true),
  strict(
    'REPLACE',
    'SSS',
    STRING,
    () => (text: string, search: string, replacement: string) => (search === '' ? text : text.replaceAll(search, () => replacement)),
  ),
  // POSITION(part IN text) is POSITION(part, text).
  strict('POSITION', 'SS', INT, () => locate),
  strict('LOCATE', 'SS?I', INT, () => locate),
  strict('INSTR', 'SS', INT, () => (text: string, part: string) => locate(part, text)),
  strict('LEFT', 'SI', STRING, () => (text: string, length: number) => (length <= 0 ? '' : slice(text, 0, length))),
  strict('RIGHT', 'SI', STRING, () => (text: string, length: number) => {
    const total = characters(text)
    return length <= 0 ? '' : slice(text, Math.max(0, total - length), total)
  }),
  strict('LPAD', 'SIS', STRING, () => (text: string, length: number, filler: string) => pad(text, length, filler, true), {
    mayBeNull: true,
  }),
  strict('RPAD', 'SIS', STRING, () => (text: string, length: number, filler: string) => pad(text, length, filler, false), {
    mayBeNull: true,
  }),
  strict('REPEAT', 'SI', STRING, () => (text: string, times: number) => {
    if (times <= 0) return ''
    checkLength(text.length * times)
    return text.repeat(times)
  }),
  strict('REVERSE', 'S', STRING, () => (text: string) => [...text].reverse().join('')),
  strict('INITCAP', 'S', STRING, () => initcap),
  strict('SPLIT_INDEX', 'SSI', STRING, () => splitIndex, { mayBeNull: true }),
  strict('REGEXP', 'SS', { kind: 'BOOLEAN', nullable: true }, ({ constants }) => {
    const regexOf = cached(constants[1], (pattern) => compileJavaRegex(pattern))
    return (text: string, pattern: string) => pattern !== '' && regexOf(pattern).test(text)
  }),
  strict('REGEXP_EXTRACT', 'SS?I', STRING, regexpExtract, { mayBeNull: true }),
  strict('REGEXP_REPLACE', 'SSS', STRING, regexpReplace, { mayBeNull: true }),
]

/**
 * Date-time patterns in Java's DateTimeFormatter letters, compiled once: `yyyy/MM/dd HH:mm`. Parsing works on the bytes of a
 * column, since it stands on the hot path of jobs that read text.
 *
 * Letters: y u (year), M L (month; MMM, MMMM names), d, D (day of year), E (day name), H k h K, a, m, s, S (fraction),
 * 'text', '' and [optional]. Resolving is Java's SMART: February 30 is the last of February, 24:00 the next midnight.
 */
import { civilFromDays, daysFromCivil, daysInMonth, floorToDays, isLeapYear, isoDayOfWeek, MILLIS_PER_DAY, timeOfDay } from './calendar.js'
import { EvaluationFailure } from './evaluation.js'

type NumberField = 'year' | 'month' | 'day' | 'dayOfYear' | 'hour24' | 'clockHour24' | 'hour12' | 'clockHour12' | 'minute' | 'second'

type Token =
  | { readonly kind: 'literal'; readonly bytes: Uint8Array; readonly text: string }
  /** `reserve`: digits that belong to the fixed numbers directly after a variable one. */
  | {
      readonly kind: 'number'
      readonly field: NumberField
      readonly index: number
      readonly min: number
      readonly max: number
      readonly reserve: number
    }
  | { readonly kind: 'shortYear' }
  | { readonly kind: 'fraction'; readonly digits: number }
  | {
      readonly kind: 'name'
      readonly field: 'month' | 'weekday' | 'halfDay'
      readonly names: readonly string[]
      readonly bytes: readonly Uint8Array[]
    }
  | { readonly kind: 'optional'; readonly tokens: readonly Token[] }

const FIELDS: readonly NumberField[] = [
  'year',
  'month',
  'day',
  'dayOfYear',
  'hour24',
  'clockHour24',
  'hour12',
  'clockHour12',
  'minute',
  'second',
]
const [YEAR, MONTH, DAY, DAY_OF_YEAR, HOUR, CLOCK_HOUR, HOUR_12, CLOCK_HOUR_12, MINUTE, SECOND] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const
/** Two more slots of the parser's state, after FIELDS. */
const MILLIS = 10
const HALF_DAY = 11
const SLOTS = 12
const ABSENT = -1

const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const LETTERS: Record<string, NumberField> = {
  y: 'year',
  u: 'year',
  M: 'month',
  L: 'month',
  d: 'day',
  D: 'dayOfYear',
  H: 'hour24',
  k: 'clockHour24',
  K: 'hour12',
  h: 'clockHour12',
  m: 'minute',
  s: 'second',
}
const encoder = new TextEncoder()

export class DateTimePattern {
  readonly #tokens: readonly Token[]
  readonly #fixed: FixedLayout | undefined
  readonly #state = new Int32Array(SLOTS).fill(ABSENT)
  #scratch = new Uint8Array(64)

  /** @throws EvaluationFailure for a letter that is not supported. */
  constructor(pattern: string) {
    const reader = new PatternReader(pattern)
    this.#tokens = reserveDigits(reader.tokens())
    this.#fixed = fixedLayout(this.#tokens)
  }

  /** Local ms of bytes [start, end); NaN when they do not match. */
  parseBytes(bytes: Uint8Array, start: number, end: number): number {
    const state = this.#state
    if (this.#fixed !== undefined)
      return end - start === this.#fixed.length && parseFixed(this.#fixed, bytes, start, state) ? resolve(state) : NaN
    state.fill(ABSENT)
    return parseTokens(this.#tokens, bytes, start, end, state) === end ? resolve(state) : NaN
  }

  parse(text: string): number {
    if (text.length * 3 > this.#scratch.length) {
      // Longer than any date in any pattern of ours: not worth keeping.
      const bytes = encoder.encode(text)
      return this.parseBytes(bytes, 0, bytes.length)
    }
    return this.parseBytes(this.#scratch, 0, encoder.encodeInto(text, this.#scratch).written)
  }

  format(millis: number): string {
    return formatTokens(this.#tokens, millis)
  }
}

class PatternReader {
  readonly #pattern: string
  #at = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  tokens(nested = false): Token[] {
    const tokens: Token[] = []
    const pattern = this.#pattern
    while (this.#at < pattern.length) {
      const character = pattern[this.#at] as string
      if (character === "'") tokens.push(this.#quoted())
      else if (character === '[') {
        this.#at++
        tokens.push({ kind: 'optional', tokens: reserveDigits(this.tokens(true)) })
      } else if (character === ']') {
        if (!nested) throw new EvaluationFailure(`Pattern invalid as it contains ] without previous [: '${pattern}'`)
        this.#at++
        return tokens
      } else if (/[a-zA-Z]/.test(character)) {
        const from = this.#at
        while (pattern[this.#at] === character) this.#at++
        tokens.push(letterToken(character, this.#at - from, pattern))
      } else {
        if (character === '{' || character === '}' || character === '#')
          throw new EvaluationFailure(`Pattern includes reserved character: '${character}'`)
        tokens.push(literal(character))
        this.#at++
      }
    }
    return tokens
  }

  #quoted(): Token {
    const pattern = this.#pattern
    let text = ''
    for (let i = this.#at + 1; ; i++) {
      if (i >= pattern.length) throw new EvaluationFailure(`Pattern ends with an incomplete string literal: '${pattern}'`)
      if (pattern[i] !== "'") text += pattern[i]
      else if (pattern[i + 1] === "'") {
        text += "'"
        i++
      } else {
        this.#at = i + 1
        return literal(text === '' ? "'" : text)
      }
    }
  }
}

function literal(text: string): Token {
  return { kind: 'literal', text, bytes: encoder.encode(text) }
}

function names(field: 'month' | 'weekday' | 'halfDay', list: readonly string[]): Token {
  return { kind: 'name', field, names: list, bytes: list.map((name) => encoder.encode(name)) }
}

function letterToken(letter: string, count: number, pattern: string): Token {
  if ((letter === 'M' || letter === 'L') && count >= 3)
    return names('month', count === 3 ? MONTH_NAMES.map((name) => name.slice(0, 3)) : MONTH_NAMES)
  if (letter === 'E') return names('weekday', count <= 3 ? DAY_NAMES.map((name) => name.slice(0, 3)) : DAY_NAMES)
  if (letter === 'a') return names('halfDay', ['AM', 'PM'])
  if (letter === 'S') {
    if (count > 9) throw new EvaluationFailure(`Too many pattern letters: ${letter}`)
    return { kind: 'fraction', digits: count }
  }
  const field = LETTERS[letter]
  if (field === undefined) throw new EvaluationFailure(`pattern '${pattern}': the letter ${letter} is not supported`)
  const index = FIELDS.indexOf(field)
  if (field === 'year') {
    if (count === 2) return { kind: 'shortYear' }
    // Four letters: exactly four digits (Java wants a sign before a longer year).
    return { kind: 'number', field, index, min: count, max: count >= 4 ? count : 9, reserve: 0 }
  }
  if (count > (field === 'dayOfYear' ? 3 : 2)) throw new EvaluationFailure(`Too many pattern letters: ${letter}`)
  return { kind: 'number', field, index, min: count, max: count === 1 ? 9 : count, reserve: 0 }
}

/** Java's adjacent value parsing: a number of variable width leaves the digits of the fixed numbers that follow without a gap. */
function reserveDigits(tokens: readonly Token[]): Token[] {
  return tokens.map((token, i) => {
    if (token.kind !== 'number' || token.max === token.min) return token
    let reserve = 0
    for (let j = i + 1; j < tokens.length; j++) {
      const next = tokens[j] as Token
      if (next.kind !== 'number' || next.max !== next.min) break
      reserve += next.min
    }
    return { ...token, reserve }
  })
}

/** A pattern whose every part has one width, flattened for a loop that reads nothing but typed arrays. */
interface FixedLayout {
  readonly length: number
  /** Pairs: offset, byte that must stand there. */
  readonly literals: Int32Array
  /** Triples: slot of the state, offset, digits. */
  readonly numbers: Int32Array
}

function fixedLayout(tokens: readonly Token[]): FixedLayout | undefined {
  const literals: number[] = []
  const numbers: number[] = []
  let at = 0
  for (const token of tokens) {
    if (token.kind === 'literal') for (const byte of token.bytes) literals.push(at++, byte)
    else if (token.kind === 'number' && token.min === token.max) {
      numbers.push(token.index, at, token.min)
      at += token.min
    } else if (token.kind === 'fraction' && token.digits === 3) {
      numbers.push(MILLIS, at, 3)
      at += 3
    } else return undefined
  }
  return { length: at, literals: Int32Array.from(literals), numbers: Int32Array.from(numbers) }
}

/** Overwrites the slots of its numbers and leaves the others as they are: absent. */
function parseFixed({ literals, numbers }: FixedLayout, bytes: Uint8Array, start: number, state: Int32Array): boolean {
  for (let i = 0; i < literals.length; i += 2) if (bytes[start + (literals[i] as number)] !== literals[i + 1]) return false
  for (let i = 0; i < numbers.length; i += 3) {
    let value = 0
    let at = start + (numbers[i + 1] as number)
    for (const end = at + (numbers[i + 2] as number); at < end; at++) {
      const digit = ((bytes[at] as number) - 48) | 0
      if (digit < 0 || digit > 9) return false
      value = (value * 10 + digit) | 0
    }
    state[numbers[i] as number] = value
  }
  return true
}

/** Position after the tokens, or -1. Fills `state`. */
function parseTokens(tokens: readonly Token[], bytes: Uint8Array, start: number, end: number, state: Int32Array): number {
  let at = start
  for (let t = 0; t < tokens.length; t++) {
    const token = tokens[t] as Token
    switch (token.kind) {
      case 'literal': {
        const expected = token.bytes
        if (at + expected.length > end) return -1
        for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return -1
        at += expected.length
        break
      }
      case 'number': {
        let limit = at + token.max
        if (limit > end) limit = end
        if (token.reserve > 0) {
          let digits = at
          while (digits < end && isDigit(bytes[digits] as number)) digits++
          limit = Math.min(limit, digits - token.reserve)
        }
        let value = 0
        const from = at
        while (at < limit && isDigit(bytes[at] as number)) value = value * 10 + (bytes[at++] as number) - 48
        if (at - from < token.min) return -1
        state[token.index] = value
        break
      }
      case 'shortYear':
        if (at + 2 > end || !isDigit(bytes[at] as number) || !isDigit(bytes[at + 1] as number)) return -1
        state[YEAR] = 2000 + ((bytes[at] as number) - 48) * 10 + (bytes[at + 1] as number) - 48
        at += 2
        break
      case 'fraction': {
        if (at + token.digits > end) return -1
        let millis = 0
        for (let i = 0; i < Math.max(3, token.digits); i++) {
          const byte = i < token.digits ? (bytes[at + i] as number) : 48
          if (!isDigit(byte)) return -1
          if (i < 3) millis = millis * 10 + byte - 48
        }
        state[MILLIS] = millis
        at += token.digits
        break
      }
      case 'name': {
        const found = token.bytes.findIndex((name) => at + name.length <= end && name.every((byte, i) => bytes[at + i] === byte))
        if (found < 0) return -1
        at += (token.bytes[found] as Uint8Array).length
        if (token.field === 'month') state[MONTH] = found + 1
        else if (token.field === 'halfDay') state[HALF_DAY] = found
        break
      }
      case 'optional': {
        const before = state.slice()
        const after = parseTokens(token.tokens, bytes, at, end, state)
        if (after < 0) state.set(before)
        else at = after
      }
    }
  }
  return at
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57
}

/** Fields that were not parsed are those of 1970-01-01 00:00:00. NaN: out of range. */
function resolve(state: Int32Array): number {
  const year = state[YEAR] === ABSENT ? 1970 : (state[YEAR] as number)
  let hour = 0
  if (state[HOUR] !== ABSENT) hour = state[HOUR] as number
  else if (state[CLOCK_HOUR] !== ABSENT) {
    hour = state[CLOCK_HOUR] as number
    if (hour < 1 || hour > 24) return NaN
    hour %= 24
  } else if (state[CLOCK_HOUR_12] !== ABSENT || state[HOUR_12] !== ABSENT) {
    const clock = state[CLOCK_HOUR_12] !== ABSENT
    const given = (clock ? state[CLOCK_HOUR_12] : state[HOUR_12]) as number
    if (clock ? given < 1 || given > 12 : given > 11) return NaN
    // Without AM or PM the hour of the day is unknown, and counts as 0.
    hour = state[HALF_DAY] === ABSENT ? 0 : (given % 12) + 12 * (state[HALF_DAY] as number)
  }
  const minute = state[MINUTE] === ABSENT ? 0 : (state[MINUTE] as number)
  const second = state[SECOND] === ABSENT ? 0 : (state[SECOND] as number)
  const millis = state[MILLIS] === ABSENT ? 0 : (state[MILLIS] as number)
  if (minute > 59 || second > 59 || hour > 24 || (hour === 24 && (minute | second | millis) !== 0)) return NaN
  let days: number
  if (state[DAY_OF_YEAR] !== ABSENT && state[MONTH] === ABSENT) {
    const dayOfYear = state[DAY_OF_YEAR] as number
    if (dayOfYear < 1 || dayOfYear > (isLeapYear(year) ? 366 : 365)) return NaN
    days = daysFromCivil(year, 1, 1) + dayOfYear - 1
  } else {
    const month = state[MONTH] === ABSENT ? 1 : (state[MONTH] as number)
    const day = state[DAY] === ABSENT ? 1 : (state[DAY] as number)
    if (month < 1 || month > 12 || day < 1 || day > 31) return NaN
    days = daysOf(year, month, day)
  }
  return days * MILLIS_PER_DAY + (hour * 3600 + minute * 60 + second) * 1000 + millis
}

let lastDate = 0
let lastDays = daysFromCivil(0, 1, 1)

/** Days since 1970 of a date whose day may be past the end of its month. Rows that follow each other often share the date. */
function daysOf(year: number, month: number, day: number): number {
  const date = (year * 12 + month - 1) * 32 + day - 1
  if (date === lastDate) return lastDays
  const days = daysFromCivil(year, month, day > 28 ? Math.min(day, daysInMonth(year, month)) : day)
  lastDate = date
  lastDays = days
  return days
}

function formatTokens(tokens: readonly Token[], millis: number): string {
  const days = floorToDays(millis)
  const date = civilFromDays(days)
  const time = timeOfDay(millis)
  const hour = Math.floor(time / 3_600_000)
  const valueOf = (field: NumberField): number => {
    switch (field) {
      case 'year':
        return date.year
      case 'month':
        return date.month
      case 'day':
        return date.day
      case 'dayOfYear':
        return days - daysFromCivil(date.year, 1, 1) + 1
      case 'hour24':
        return hour
      case 'clockHour24':
        return hour === 0 ? 24 : hour
      case 'hour12':
        return hour % 12
      case 'clockHour12':
        return hour % 12 === 0 ? 12 : hour % 12
      case 'minute':
        return Math.floor(time / 60_000) % 60
      case 'second':
        return Math.floor(time / 1_000) % 60
    }
  }
  let text = ''
  for (const token of tokens) {
    switch (token.kind) {
      case 'literal':
        text += token.text
        break
      case 'number': {
        const value = valueOf(token.field)
        text += value < 0 ? `-${String(-value).padStart(token.min, '0')}` : String(value).padStart(token.min, '0')
        break
      }
      case 'shortYear':
        text += String(((date.year % 100) + 100) % 100).padStart(2, '0')
        break
      case 'fraction':
        text += String(time % 1000)
          .padStart(3, '0')
          .padEnd(9, '0')
          .slice(0, token.digits)
        break
      case 'name':
        text +=
          token.names[token.field === 'month' ? date.month - 1 : token.field === 'weekday' ? isoDayOfWeek(days) - 1 : Math.floor(hour / 12)]
        break
      case 'optional':
        text += formatTokens(token.tokens, millis)
    }
  }
  return text
}

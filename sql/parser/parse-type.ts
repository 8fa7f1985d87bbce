/** Data types. Names of types are checked here, so that a misspelt one is reported with the nearest. */
import { nearest } from '#core/config/nearest.js'
import type { TypeNode } from './ast-type.js'
import { syntaxError } from './sql-errors.js'
import type { TokenStream } from './token-stream.js'

/** Spelling → name and how many parameters it may have. */
const TYPES: Readonly<Record<string, readonly [name: string, parameters: number]>> = {
  CHAR: ['CHAR', 1],
  CHARACTER: ['CHAR', 1],
  VARCHAR: ['VARCHAR', 1],
  STRING: ['STRING', 0],
  BOOLEAN: ['BOOLEAN', 0],
  BINARY: ['BINARY', 1],
  VARBINARY: ['VARBINARY', 1],
  BYTES: ['BYTES', 0],
  DECIMAL: ['DECIMAL', 2],
  DEC: ['DECIMAL', 2],
  NUMERIC: ['DECIMAL', 2],
  TINYINT: ['TINYINT', 0],
  SMALLINT: ['SMALLINT', 0],
  INT: ['INT', 0],
  INTEGER: ['INT', 0],
  BIGINT: ['BIGINT', 0],
  FLOAT: ['FLOAT', 0],
  DOUBLE: ['DOUBLE', 0],
  DATE: ['DATE', 0],
  TIME: ['TIME', 1],
  TIMESTAMP: ['TIMESTAMP', 1],
  TIMESTAMP_LTZ: ['TIMESTAMP_LTZ', 1],
  INTERVAL: ['INTERVAL', 0],
  ARRAY: ['ARRAY', 0],
  MAP: ['MAP', 0],
  MULTISET: ['MULTISET', 0],
  ROW: ['ROW', 0],
  RAW: ['RAW', 0],
  VARIANT: ['VARIANT', 0],
  BITMAP: ['BITMAP', 0],
  NULL: ['NULL', 0],
}

export function parseType(tokens: TokenStream): TypeNode {
  return tokens.nested(() => suffixed(tokens, plainType(tokens)))
}

function plainType(tokens: TokenStream): TypeNode {
  const { token, at } = tokens
  tokens.wish('a data type')
  if (token.kind !== 'word') throw tokens.unexpected()
  const known = Object.hasOwn(TYPES, token.upper) ? TYPES[token.upper] : undefined
  if (known === undefined) {
    const meant = nearest(token.upper, Object.keys(TYPES))
    throw syntaxError(tokens.source, at, `'${token.text}' is no data type.`, meant === undefined ? null : `Did you mean ${meant}?`)
  }
  tokens.advance()
  let [name] = known
  const parameters: number[] = []
  const elements: TypeNode[] = []
  const fields: TypeNode['fields'][number][] = []

  if (name === 'CHAR' && tokens.accept('VARYING')) name = 'VARCHAR'
  if (name === 'BINARY' && tokens.accept('VARYING')) name = 'VARBINARY'
  if (name === 'DOUBLE') tokens.accept('PRECISION')
  if (name === 'INTERVAL') return intervalType(tokens, at)
  // RAW('class', 'serializer snapshot')
  if (name === 'RAW' && tokens.accept('(')) {
    tokens.expectString("a class's name")
    tokens.expect(',')
    tokens.expectString("a serializer's snapshot")
    tokens.expect(')')
  }

  if (name === 'ROW') {
    const close = tokens.accept('<') ? '>' : (tokens.expect('('), ')')
    if (!tokens.isAt(close)) {
      for (const field of tokens.commaSeparated(() => {
        const fieldName = tokens.expectIdentifier("a field's name")
        const type = parseType(tokens)
        tokens.acceptString("a field's comment")
        return Object.freeze({ name: fieldName, type })
      }))
        fields.push(field)
    }
    tokens.expect(close)
  } else if (name === 'ARRAY' || name === 'MULTISET' || name === 'MAP') {
    tokens.expect('<')
    elements.push(parseType(tokens))
    if (name === 'MAP') {
      tokens.expect(',')
      elements.push(parseType(tokens))
    }
    tokens.expect('>')
  } else if (known[1] > 0 && tokens.accept('(')) {
    parameters.push(parameter(tokens))
    if (known[1] > 1 && tokens.accept(',')) parameters.push(parameter(tokens))
    tokens.expect(')')
  }

  if (name === 'TIMESTAMP' || name === 'TIME') {
    if (tokens.isAt('WITH') && (tokens.isAt('LOCAL', 1) || tokens.isAt('TIME', 1))) {
      const local = tokens.isAt('LOCAL', 1)
      const zoneAt = tokens.at
      tokens.advance()
      tokens.accept('LOCAL')
      tokens.expect('TIME', 'ZONE')
      if (!local || name === 'TIME')
        throw tokens.refuse(`${name} WITH${local ? ' LOCAL' : ''} TIME ZONE.`, zoneAt, local ? null : 'Use TIMESTAMP_LTZ.')
      name = 'TIMESTAMP_LTZ'
    } else {
      tokens.accept('WITHOUT', 'TIME', 'ZONE')
    }
  }
  return Object.freeze({
    kind: 'type',
    at,
    name,
    parameters: Object.freeze(parameters),
    elements: Object.freeze(elements),
    fields: Object.freeze(fields),
    nullable: nullability(tokens),
  })
}

const YEAR_UNITS = ['YEAR', 'MONTH']
const DAY_UNITS = ['DAY', 'HOUR', 'MINUTE', 'SECOND']

/** `INTERVAL YEAR TO MONTH`, `INTERVAL DAY(2) TO SECOND(3)`, `INTERVAL HOUR`: INTERVAL_MONTHS or INTERVAL_MILLIS, with no parameters. */
function intervalType(tokens: TokenStream, at: TypeNode['at']): TypeNode {
  const unit = (units: readonly string[]): string => {
    const found = units.find((word) => tokens.accept(word))
    if (found === undefined) throw tokens.unexpected()
    if (tokens.accept('(')) {
      parameter(tokens)
      tokens.expect(')')
    }
    return found
  }
  const from = unit([...YEAR_UNITS, ...DAY_UNITS])
  const units = YEAR_UNITS.includes(from) ? YEAR_UNITS : DAY_UNITS
  if (from !== units.at(-1) && tokens.accept('TO')) unit(units.slice(units.indexOf(from) + 1))
  return Object.freeze({
    kind: 'type',
    at,
    name: units === YEAR_UNITS ? 'INTERVAL_MONTHS' : 'INTERVAL_MILLIS',
    parameters: Object.freeze([]),
    elements: Object.freeze([]),
    fields: Object.freeze([]),
    nullable: nullability(tokens),
  })
}

/** `INT ARRAY`, `INT MULTISET`: the postfix spelling. */
function suffixed(tokens: TokenStream, type: TypeNode): TypeNode {
  while (tokens.isAt('ARRAY') || tokens.isAt('MULTISET')) {
    const name = tokens.advance().upper
    type = Object.freeze({
      kind: 'type',
      at: type.at,
      name,
      parameters: Object.freeze([]),
      elements: Object.freeze([type]),
      fields: Object.freeze([]),
      nullable: nullability(tokens),
    })
  }
  return type
}

function nullability(tokens: TokenStream): boolean {
  if (tokens.accept('NOT', 'NULL')) return false
  tokens.accept('NULL')
  return true
}

function parameter(tokens: TokenStream): number {
  tokens.wish('a number')
  const { token } = tokens
  if (token.kind !== 'number' || !/^\d{1,10}$/.test(token.text)) throw tokens.unexpected()
  tokens.advance()
  return Number(token.text)
}

/**
 * JSON functions of standard SQL, as Flink's: texts in, texts out. The binder (sql/validate/bind-json.ts) brings their clauses as arguments:
 *   JSON_EXISTS(json, path, onError)
 *   JSON_VALUE(json, path, NULL of the type RETURNING names, onEmpty, default, onError, default)
 *   JSON_QUERY(json, path, wrapper, onEmpty, onError)
 *   JSON_OBJECT(onNull, key, value, …), JSON_ARRAY(onNull, value, …)
 * A value of VARIANT goes into an object or array as the JSON that it is, every other one as what its type is in JSON.
 */
import { BOOLEAN, isNested, notNull, STRING, VARIANT, withNullable, type LogicalType, type Value } from '#core/types/logical-type.js'
import { formatterOf, prepareCast, type CastFunction } from '../cast.js'
import { EvaluationFailure, type EvaluationContext } from '../evaluation.js'
import { parseJsonPath, type JsonPath } from '../json-path.js'
import {
  bigDecimalText,
  isJsonArray,
  isJsonObject,
  JsonNumber,
  NotJson,
  quoteJson,
  readJson,
  writeJson,
  type JsonTree,
} from '../json-tree.js'
import { nestedJson, type JsonOf } from '../nested-json.js'
import { anyNullable, cannotApply, strict, type FunctionDefinition, type RowFunction } from './definition.js'

/** The tree of a text, or why it has none. */
type Read = { readonly tree: JsonTree } | { readonly error: string }

/** Several functions of a row often read the same text. */
let latest: { readonly text: string; readonly read: Read } | undefined

function read(text: string): Read {
  if (latest?.text === text) return latest.read
  let result: Read
  try {
    result = { tree: readJson(text) }
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    result = { error: `Invalid JSON: ${error.message}` }
  }
  latest = { text, read: result }
  return result
}

/** Undefined value: nothing is there (lax), or null is. */
type Looked = { readonly lax: boolean; readonly value: JsonTree } | { readonly error: string }

function finder(): (json: string, path: string) => Looked {
  let known: { readonly text: string; readonly path: JsonPath | undefined } | undefined
  return (json, text) => {
    if (known?.text !== text) known = { text, path: parseJsonPath(text) }
    const { path } = known
    if (path === undefined) return { error: `'${text}' is no path into JSON that is understood` }
    const found = read(json)
    if ('error' in found) return path.lax ? { lax: true, value: null } : found
    const at = path.find(found.tree)
    if ('value' in at) return { lax: path.lax, value: at.value }
    return path.lax ? { lax: true, value: null } : { error: at.missing }
  }
}

const isScalar = (tree: JsonTree): boolean => !isJsonArray(tree) && !isJsonObject(tree)

const JSON_EXISTS = strict(
  'JSON_EXISTS',
  'SSS',
  BOOLEAN,
  () => {
    const find = finder()
    return (json: string, path: string, onError: string) => {
      const found = find(json, path)
      if (!('error' in found)) return found.value !== null
      if (onError === 'ERROR') throw new EvaluationFailure(found.error)
      return onError === 'UNKNOWN' ? null : onError === 'TRUE'
    }
  },
  { mayBeNull: true },
)

const JSON_VALUE: FunctionDefinition = {
  name: 'JSON_VALUE',
  nulls: 'custom',
  resolve(argTypes) {
    const [json, path, returning = STRING] = argTypes
    if (argTypes.length !== 7 || !isText(json) || !isText(path))
      return cannotApply('JSON_VALUE', argTypes.slice(0, 2), ['<CHARACTER>, <CHARACTER>'])
    const type = withNullable(returning, true)
    return { argTypes: [json, path, type, STRING, type, STRING, type].map(orText), type }
  },
  bind({ type, context }) {
    const find = finder()
    const convert = scalarConverter(type, prepareCast(STRING, type, context))
    return (json: string | null, path: string | null, _type: Value, onEmpty: string, ifEmpty: Value, onError: string, ifError: Value) => {
      if (json === null || path === null) return null
      const found = find(json, path)
      let error: string
      if ('error' in found) ({ error } = found)
      else if (found.value === null || (found.lax && !isScalar(found.value))) {
        if (onEmpty === 'ERROR') throw new EvaluationFailure('Empty result of JSON_VALUE function is not allowed')
        return onEmpty === 'DEFAULT' ? ifEmpty : null
      } else if (!isScalar(found.value))
        error = `Strict jsonpath mode requires scalar value, and the actual value is: '${writeJson(found.value)}'`
      else {
        const converted = convert(found.value as string | boolean | JsonNumber)
        if (!('error' in converted)) return converted.value
        ;({ error } = converted)
      }
      if (onError === 'ERROR') throw new EvaluationFailure(error)
      return onError === 'DEFAULT' ? ifError : null
    }
  },
}

/** A scalar as a value of the type; numbers lose their fraction as an integer. */
function scalarConverter(
  type: LogicalType,
  cast: CastFunction,
): (scalar: string | boolean | JsonNumber) => { value: Value } | { error: string } {
  const whole = ['TINYINT', 'SMALLINT', 'INT', 'BIGINT'].includes(type.kind)
  return (scalar) => {
    const text = scalar instanceof JsonNumber ? bigDecimalText(scalar.text) : String(scalar)
    const failed = { error: `Cannot cast '${text}' of JSON_VALUE to ${type.kind}` }
    try {
      const value = cast(scalar instanceof JsonNumber && whole ? wholePart(scalar.text) : text)
      return value === null ? failed : { value }
    } catch (error) {
      if (error instanceof EvaluationFailure) return failed
      throw error
    }
  }
}

/** Digits of integers that a BIGINT could hold; longer ones fit nowhere. */
const MOST_WHOLE_DIGITS = 40

function wholePart(json: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json) ?? []
  const power = Number(exponent)
  if (power > MOST_WHOLE_DIGITS) return json
  const point = whole.length + power
  const digits = (whole + fraction).padEnd(point, '0')
  return point <= 0 ? '0' : sign + digits.slice(0, point)
}

const JSON_QUERY = strict(
  'JSON_QUERY',
  'SSSSS',
  STRING,
  () => {
    const find = finder()
    const instead = (behavior: string, error: string): string | null => {
      if (behavior === 'ERROR') throw new EvaluationFailure(error)
      return behavior === 'EMPTY ARRAY' ? '[]' : behavior === 'EMPTY OBJECT' ? '{}' : null
    }
    return (json: string, path: string, wrapper: string, onEmpty: string, onError: string) => {
      const found = find(json, path)
      if ('error' in found) return instead(onError, found.error)
      const wrapped = found.value === null ? null : wrap(found.value, wrapper)
      if (wrapped === null || (found.lax && isScalar(wrapped)))
        return instead(onEmpty, 'Empty result of JSON_QUERY function is not allowed')
      if (!isScalar(wrapped)) return writeJson(wrapped)
      return instead(onError, `Strict jsonpath mode requires array or object value, and the actual value is: '${writeJson(wrapped)}'`)
    }
  },
  { mayBeNull: true },
)

function wrap(value: JsonTree, wrapper: string): JsonTree {
  if (wrapper === 'WITHOUT' || (wrapper === 'CONDITIONAL' && isJsonArray(value))) return value
  return [value]
}

/** NULL is no JSON. */
function isJson(kind: string, holds: (tree: JsonTree) => boolean): FunctionDefinition {
  const name = `IS JSON ${kind}`
  return {
    name,
    nulls: 'custom',
    resolve(argTypes) {
      const [type] = argTypes
      if (argTypes.length !== 1 || !isText(type))
        return {
          problem: `Cannot apply '${name}' to arguments of type '<${kindOf(type)}> ${name}'. Supported form(s): '<CHARACTER> ${name}'`,
        }
      return { argTypes: [orText(type)], type: notNull(BOOLEAN) }
    },
    bind: () => (text: string | null) => {
      if (text === null) return false
      const found = read(text)
      return 'tree' in found && holds(found.tree)
    },
  }
}

const kindOf = (type: LogicalType | undefined): string => (type?.kind === 'INT' ? 'INTEGER' : (type?.kind ?? 'NULL'))

const isText = (type: LogicalType | undefined): type is LogicalType => type?.kind === 'VARCHAR' || type?.kind === 'NULL'
const orText = (type: LogicalType): LogicalType => (type.kind === 'NULL' ? STRING : type)

/** The JSON text of values of that type that are not NULL; keys in order. */
function jsonText(type: LogicalType, context: EvaluationContext): JsonOf {
  const text = nestedJson(type, {
    scalar: (of) => scalarJson(of, context),
    keyText: (value, of) => formatterOf(of, context)(value),
    nullKey() {
      throw new EvaluationFailure('A map with a NULL key has no JSON text')
    },
  })
  return isNested(type.kind) ? (value) => writeJson(readJson(text(value))) : text
}

function scalarJson(type: LogicalType, context: EvaluationContext): JsonOf {
  switch (type.kind) {
    case 'VARIANT':
      return (value) => value as string
    case 'BOOLEAN':
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'BIGINT':
      return String
    case 'FLOAT':
    case 'DOUBLE': {
      const text = formatterOf(type, context)
      return (value) => (Number.isFinite(value) ? text(value) : quoteJson(text(value)))
    }
    case 'DECIMAL': {
      const text = formatterOf(type, context)
      return (value) => bigDecimalText(text(value))
    }
    case 'BYTES':
      return (value) => quoteJson(Buffer.from(value as string, 'latin1').toString('base64'))
    case 'TIMESTAMP':
      return (value) => quoteJson(isoText(value, type, context))
    case 'TIMESTAMP_LTZ':
      return (value) => quoteJson(`${isoText(value, { ...type, kind: 'TIMESTAMP' }, context)}Z`)
    default: {
      const text = formatterOf(type, context)
      return (value) => quoteJson(text(value))
    }
  }
}

/** java.time's ISO_LOCAL_DATE_TIME: no more digits of a second than it has. */
function isoText(value: Exclude<Value, null>, type: LogicalType, context: EvaluationContext): string {
  const [seconds = '', fraction = ''] = formatterOf(type, context)(value).replace(' ', 'T').split('.')
  const digits = fraction.replace(/0+$/, '')
  return digits === '' ? seconds : `${seconds}.${digits}`
}

const JSON_STRING: FunctionDefinition = {
  name: 'JSON_STRING',
  nulls: 'strict',
  resolve(argTypes) {
    if (argTypes.length !== 1) return { problem: "Invalid number of arguments to function 'JSON_STRING'. Was expecting 1 arguments" }
    return { argTypes: argTypes.map(orText), type: withNullable(STRING, anyNullable(argTypes)) }
  },
  bind: ({ argTypes, context }) => jsonText(argTypes[0] as LogicalType, context) as RowFunction,
}

/** What JSON(text) and a constructor inside another one are: JSON as it stands, not a text. */
const JSON_RAW = strict('JSON', 'S', VARIANT, () => (text: string) => {
  const found = read(text)
  if ('tree' in found) return writeJson(found.tree)
  throw new EvaluationFailure(`Invalid JSON string in JSON(value) function: '${text.slice(0, 100)}'. ${found.error}`)
})

const JSON_OBJECT: FunctionDefinition = {
  name: 'JSON_OBJECT',
  nulls: 'custom',
  resolve(argTypes) {
    const keys = argTypes.slice(1).filter((_, i) => i % 2 === 0)
    if (argTypes.length % 2 === 0 || !keys.every(isText)) return cannotApply('JSON_OBJECT', argTypes.slice(1))
    return { argTypes: argTypes.map(orText), type: notNull(STRING) }
  },
  bind({ argTypes, context }) {
    const texts = argTypes.map((type) => jsonText(type, context))
    return (onNull: string, ...members: Value[]) => {
      const found = new Map<string, string>()
      for (let i = 0; i < members.length; i += 2) {
        const [key, value] = [members[i] as string | null, members[i + 1] as Value]
        if (key === null) throw new EvaluationFailure('Key at JSON_OBJECT must not be null')
        if (value !== null) found.set(key, texts[i + 2]!(value))
        else if (onNull === 'NULL') found.set(key, 'null')
      }
      const keys = [...found.keys()].sort((a, b) => (a < b ? -1 : 1))
      return `{${keys.map((key) => `${quoteJson(key)}:${found.get(key)}`).join(',')}}`
    }
  },
}

const JSON_ARRAY: FunctionDefinition = {
  name: 'JSON_ARRAY',
  nulls: 'custom',
  resolve: (argTypes) => ({ argTypes: argTypes.map(orText), type: notNull(STRING) }),
  bind({ argTypes, context }) {
    const texts = argTypes.map((type) => jsonText(type, context))
    return (onNull: string, ...values: Value[]) => {
      const elements = values.map((value, i) => (value === null ? 'null' : texts[i + 1]!(value)))
      return `[${(onNull === 'NULL' ? elements : elements.filter((_, i) => values[i] !== null)).join(',')}]`
    }
  },
}

const JSON_QUOTE = strict('JSON_QUOTE', 'S', STRING, () => (text: string) => quoteJson(text))

/** What is no well-formed JSON text in quotes stays as it is. */
const JSON_UNQUOTE = strict('JSON_UNQUOTE', 'S', STRING, () => (text: string) => {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text
  const found = read(text)
  return 'tree' in found && typeof found.tree === 'string' ? found.tree : text
})

export const JSON_FUNCTIONS: readonly FunctionDefinition[] = [
  JSON_EXISTS,
  JSON_VALUE,
  JSON_QUERY,
  isJson('VALUE', () => true),
  isJson('OBJECT', isJsonObject),
  isJson('ARRAY', isJsonArray),
  isJson('SCALAR', isScalar),
  JSON_STRING,
  JSON_RAW,
  JSON_OBJECT,
  JSON_ARRAY,
  JSON_QUOTE,
  JSON_UNQUOTE,
]

/**
 * Arrays, maps, multisets and rows: constructors, access and the functions over them, as Flink's. What SQL writes with brackets has names of its own here:
 *
 * | ARRAY[a, b]        | ARRAY(a, b)                                                           |
 * | MAP[k, v, …]       | MAP(k, v, …)                                                          |
 * | ROW(a, b), (a, b)  | ROW(a, b)                                                             |
 * | a[i], m[k]         | ITEM(a, i): NULL outside, or what Java has for nothing where the element is NOT NULL (-1 for numbers, as in Flink) |
 * | (r).f              | FIELD(r, position from 0, a literal)                                  |
 */
import {
  array,
  BOOLEAN,
  INT,
  notNull,
  STRING,
  VARIANT,
  withNullable,
  type LogicalType,
  type RowField,
  type Value,
} from '#core/types/logical-type.js'
import { arrayElements, arrayValue, mapEntries, mapValue, nestedCount, rowFields, rowValue } from '../../columnar/nested-value.js'
import { EvaluationFailure } from '../evaluation.js'
import { canCast, commonType, typeInMessage } from '../type-rules.js'
import { variantElement, variantField } from '../variant.js'
import { comparatorOf } from './comparison.js'
import {
  anyNullable,
  cannotApply,
  type BoundCall,
  type FunctionDefinition,
  type Literals,
  type Resolution,
  type RowFunction,
} from './definition.js'

type ArrayType = Extract<LogicalType, { kind: 'ARRAY' }>
type MapType = Extract<LogicalType, { kind: 'MAP' }>

/** Their arguments are taken in their own types, narrow ones too. */
export const COLLECTION_NAMES: ReadonlySet<string> = new Set(
  (
    'ARRAY MAP ROW ITEM FIELD CARDINALITY ELEMENT ARRAY_APPEND ARRAY_CONCAT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT ARRAY_INTERSECT ARRAY_JOIN ' +
    'ARRAY_MAX ARRAY_MIN ARRAY_POSITION ARRAY_PREPEND ARRAY_REMOVE ARRAY_REVERSE ARRAY_SLICE ARRAY_SORT ARRAY_UNION MAP_KEYS MAP_VALUES ' +
    'MAP_ENTRIES MAP_UNION MAP_FROM_ARRAYS'
  ).split(' '),
)

const wrongCount = (name: string, expected: string): Resolution => ({
  problem: `Invalid number of arguments to function '${name}'. Was expecting ${expected} arguments`,
})

/** All of them cast to what they have in common, each with its own nullability. */
function unified(types: readonly LogicalType[], common: LogicalType): LogicalType[] {
  return types.map((type) => withNullable(common, type.nullable))
}

const ARRAY: FunctionDefinition = {
  name: 'ARRAY',
  nulls: 'custom',
  resolve(argTypes) {
    if (argTypes.length === 0) return wrongCount('ARRAY', 'at least 1')
    const common = commonType(argTypes)
    if (common === undefined) return { problem: 'Parameters must be of the same type' }
    return { argTypes: unified(argTypes, common), type: notNull(array(common)) }
  },
  bind({ type }) {
    const { element } = type as ArrayType
    return (...elements: Value[]) => arrayValue(elements, element)
  },
}

const MAP: FunctionDefinition = {
  name: 'MAP',
  nulls: 'custom',
  resolve(argTypes) {
    if (argTypes.length === 0 || argTypes.length % 2 !== 0) return { problem: 'Map requires an even number of arguments' }
    const key = commonType(argTypes.filter((_, i) => i % 2 === 0))
    const value = commonType(argTypes.filter((_, i) => i % 2 === 1))
    if (key === undefined || value === undefined) return { problem: 'Parameters must be of the same type' }
    return {
      argTypes: argTypes.map((type, i) => withNullable(i % 2 === 0 ? key : value, type.nullable)),
      type: { kind: 'MAP', key, value, nullable: false },
    }
  },
  bind({ type }) {
    const { key, value } = type as MapType
    return (...parts: Value[]) => {
      const entries: [Value, Value][] = []
      for (let i = 0; i < parts.length; i += 2) entries.push([parts[i] ?? null, parts[i + 1] ?? null])
      return mapValue(entries, key, value)
    }
  },
}

const ROW: FunctionDefinition = {
  name: 'ROW',
  nulls: 'custom',
  resolve(argTypes) {
    if (argTypes.length === 0) return wrongCount('ROW', 'at least 1')
    const untyped = argTypes.some(({ kind }) => kind === 'NULL')
    if (untyped) return { problem: "Illegal use of 'NULL'" }
    return { argTypes, type: { kind: 'ROW', fields: argTypes.map((type, i) => ({ name: `EXPR$${i}`, type })), nullable: false } }
  },
  bind({ type }) {
    const { fields } = type as { fields: readonly RowField[] }
    return (...values: Value[]) => rowValue(values, fields)
  },
}

/** What Flink gives for an element that is not there of a type that is NOT NULL; undefined: NULL. */
function defaultOf(type: LogicalType): Value | undefined {
  switch (type.kind) {
    case 'BOOLEAN':
      return false
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
    case 'FLOAT':
    case 'DOUBLE':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_MONTHS':
      return -1
    case 'BIGINT':
    case 'INTERVAL_MILLIS':
      return -1n
    case 'VARCHAR':
      return ''
    default:
      return undefined
  }
}

function itemType(of: LogicalType, nullable: boolean): LogicalType {
  return withNullable(of, nullable || of.nullable || defaultOf(of) === undefined)
}

function noItem(of: LogicalType, index: LogicalType): string {
  return (
    `Cannot apply 'ITEM' to arguments of type 'ITEM(<${typeInMessage(of)}>, <${typeInMessage(index)}>)'. Supported form(s): ` +
    '<ARRAY>[<INTEGER>]\n<MAP>[<ANY>]\n<ROW>[<CHARACTER>|<INTEGER>]\n<VARIANT>[<CHARACTER>|<INTEGER>]'
  )
}

function fieldOfVariant(variant: string, key: string): string | null {
  const field = variantField(variant, key)
  if (field !== undefined) return field
  throw new EvaluationFailure('String key access on variant requires an object variant, but a non-object variant was provided.')
}

/** `index` from 1. */
function elementOfVariant(variant: string, index: number): string | null {
  const element = variantElement(variant, index - 1)
  if (element !== undefined) return element
  throw new EvaluationFailure('Integer index access on variant requires an array variant, but a non-array variant was provided.')
}

const ITEM: FunctionDefinition = {
  name: 'ITEM',
  nulls: 'strict',
  resolve(argTypes, literals: Literals) {
    const [of, index] = argTypes
    if (argTypes.length !== 2 || of === undefined || index === undefined) return wrongCount('ITEM', '2')
    if (of.kind === 'MAP' || of.kind === 'MULTISET') {
      const [key, value] = of.kind === 'MAP' ? [of.key, of.value] : [of.element, notNull(INT)]
      if (!canCast(index, key, false)) return cannotApply('ITEM', argTypes)
      return { argTypes: [of, withNullable(key, index.nullable)], type: itemType(value, anyNullable(argTypes)) }
    }
    if (of.kind === 'VARIANT') {
      if (index.kind === 'VARCHAR') return { argTypes, type: withNullable(VARIANT, true) }
      return canCast(index, INT, false)
        ? { argTypes: [of, withNullable(INT, index.nullable)], type: withNullable(VARIANT, true) }
        : { problem: noItem(of, index) }
    }
    if (of.kind !== 'ARRAY') return { problem: noItem(of, index) }
    if (!canCast(index, INT, false) && index.kind !== 'BIGINT') return cannotApply('ITEM', argTypes)
    if (Number(literals[1] ?? 1) < 1) return { problem: `Array element access needs an index starting at 1 but was ${String(literals[1])}` }
    return { argTypes: [of, withNullable(INT, index.nullable)], type: itemType(of.element, anyNullable(argTypes)) }
  },
  bind({ argTypes }) {
    const [of, by] = argTypes as [LogicalType, LogicalType]
    if (of.kind === 'VARIANT') return by.kind === 'VARCHAR' ? fieldOfVariant : elementOfVariant
    if (of.kind === 'ARRAY') {
      const missing = of.element.nullable ? null : (defaultOf(of.element) ?? null)
      return (value: string, index: number) =>
        arrayElements(value, of.element)[index - 1] ?? (index > nestedCount(value) || index < 1 ? missing : null)
    }
    const [key, inner] = of.kind === 'MAP' ? [of.key, of.value] : [(of as { element: LogicalType }).element, notNull(INT)]
    const missing = inner.nullable ? null : (defaultOf(inner) ?? null)
    return (value: string, wanted: Value) => {
      const entry = mapEntries(value, key, inner).find(([k]) => k === wanted)
      return entry === undefined ? missing : entry[1]
    }
  },
}

const FIELD: FunctionDefinition = {
  name: 'FIELD',
  nulls: 'strict',
  resolve(argTypes, literals) {
    const [of] = argTypes
    const field = of?.kind === 'ROW' ? of.fields[Number(literals[1])] : undefined
    if (argTypes.length !== 2 || of === undefined || field === undefined) return cannotApply('FIELD', argTypes)
    return { argTypes, type: withNullable(field.type, of.nullable || field.type.nullable) }
  },
  bind({ argTypes, constants }) {
    const { fields } = argTypes[0] as { fields: readonly RowField[] }
    const index = Number(constants[1])
    return (value: string) => rowFields(value, fields)[index] ?? null
  },
}

const CARDINALITY: FunctionDefinition = {
  name: 'CARDINALITY',
  nulls: 'strict',
  resolve(argTypes) {
    const [of] = argTypes
    if (argTypes.length !== 1 || of === undefined) return wrongCount('CARDINALITY', '1')
    if (of.kind !== 'ARRAY' && of.kind !== 'MAP' && of.kind !== 'MULTISET')
      return cannotApply('CARDINALITY', argTypes, ['<MULTISET>', '<ARRAY>', '<MAP>'])
    return { argTypes, type: withNullable(INT, of.nullable) }
  },
  bind: () => nestedCount,
}

const ELEMENT: FunctionDefinition = {
  name: 'ELEMENT',
  nulls: 'strict',
  resolve(argTypes) {
    const [of] = argTypes
    if (argTypes.length !== 1 || of === undefined) return wrongCount('ELEMENT', '1')
    return of.kind === 'ARRAY' ? { argTypes, type: withNullable(of.element, true) } : cannotApply('ELEMENT', argTypes, ['<ARRAY>'])
  },
  bind({ argTypes }) {
    const { element } = argTypes[0] as ArrayType
    return (value: string) => {
      const elements = arrayElements(value, element)
      if (elements.length > 1) throw new EvaluationFailure('Array has more than one element.')
      return elements[0] ?? null
    }
  },
}

/** A function of one array and values of its element type, which may be NULL; NULL when the array is. `result`: of the array's type. */
function ofElements(
  name: string,
  values: number,
  result: (of: ArrayType, nullable: boolean) => LogicalType,
  compute: (call: BoundCall) => (elements: Value[], value: Value) => Value[] | Value,
): FunctionDefinition {
  return {
    name,
    nulls: 'custom',
    resolve(argTypes) {
      if (argTypes.length !== 1 + values) return wrongCount(name, String(1 + values))
      const [of, value] = argTypes as [LogicalType, LogicalType?]
      if (of.kind !== 'ARRAY') return cannotApply(name, argTypes)
      if (value === undefined) return { argTypes, type: result(of, of.nullable) }
      const element = commonType([of.element, value])
      if (element === undefined) return cannotApply(name, argTypes)
      const wide: ArrayType = { ...of, element }
      return { argTypes: [wide, withNullable(element, value.nullable)], type: result(wide, of.nullable) }
    },
    bind(call) {
      const { element } = call.argTypes[0] as ArrayType
      const run = compute(call)
      return (of: string | null, value: Value = null) => {
        if (of === null) return null
        const outcome = run(arrayElements(of, element), value)
        return Array.isArray(outcome) ? arrayValue(outcome, (call.type as ArrayType).element) : outcome
      }
    },
  }
}

const sameArray = (of: ArrayType, nullable: boolean): LogicalType => ({ ...of, nullable })
const elementOf = (of: ArrayType): LogicalType => withNullable(of.element, true)
const same = (a: Value, b: Value): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b))

/** A function of several arrays of one type; NULL when one is. */
function ofArrays(name: string, least: number, most: number, compute: (arrays: Value[][]) => Value[]): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve(argTypes) {
      if (argTypes.length < least || argTypes.length > most) return wrongCount(name, most === least ? String(least) : `at least ${least}`)
      const common = argTypes.every(({ kind }) => kind === 'ARRAY' || kind === 'NULL') ? commonType(argTypes) : undefined
      if (common?.kind !== 'ARRAY') return cannotApply(name, argTypes)
      return { argTypes: unified(argTypes, common), type: withNullable(common, anyNullable(argTypes)) }
    },
    bind({ type }) {
      const { element } = type as ArrayType
      return (...arrays: string[]) => arrayValue(compute(arrays.map((of) => arrayElements(of, element))), element)
    },
  }
}

const distinct = (values: readonly Value[]): Value[] => [...new Set(values)]

/** Elements [start, end] of the array, from 1; negative positions count from the end. */
function slice(elements: Value[], start: number, end: number): Value[] {
  const from = Math.max(1, start < 0 ? elements.length + 1 + start : start)
  const last = end < 0 ? elements.length + 1 + end : end
  const to = last === 0 ? 1 : Math.min(elements.length, last)
  return from > elements.length || from > to ? [] : elements.slice(from - 1, to)
}

const ARRAY_SLICE: FunctionDefinition = {
  name: 'ARRAY_SLICE',
  nulls: 'strict',
  resolve(argTypes) {
    const [of, ...bounds] = argTypes
    if (bounds.length < 1 || bounds.length > 2) return wrongCount('ARRAY_SLICE', '2 to 3')
    if (of?.kind !== 'ARRAY' || !bounds.every((bound) => canCast(bound, INT, false))) return cannotApply('ARRAY_SLICE', argTypes)
    return { argTypes: [of, ...unified(bounds, INT)], type: withNullable(of, anyNullable(argTypes)) }
  },
  bind({ type }) {
    const { element } = type as ArrayType
    return (of: string, start: number, end = -1) => arrayValue(slice(arrayElements(of, element), start, end), element)
  },
}

const ARRAY_SORT: FunctionDefinition = {
  name: 'ARRAY_SORT',
  nulls: 'strict',
  resolve(argTypes) {
    const [of, ...flags] = argTypes
    if (of === undefined || flags.length > 2) return wrongCount('ARRAY_SORT', '1 to 3')
    if (of.kind !== 'ARRAY' || !flags.every(({ kind }) => kind === 'BOOLEAN')) return cannotApply('ARRAY_SORT', argTypes)
    return { argTypes, type: withNullable(of, anyNullable(argTypes)) }
  },
  bind({ type }) {
    const { element } = type as ArrayType
    const compare = comparatorOf(element)
    return (of: string, ascending = true, nullsFirst = ascending) => {
      const elements = arrayElements(of, element)
      const present = elements.filter((value) => value !== null).sort((a, b) => (ascending ? compare(a, b) : compare(b, a)))
      const nulls = new Array<null>(elements.length - present.length).fill(null)
      return arrayValue(nullsFirst ? [...nulls, ...present] : [...present, ...nulls], element)
    }
  },
}

function extreme(name: string, sign: 1 | -1): FunctionDefinition {
  return ofElements(name, 0, elementOf, ({ type }) => {
    const compare = comparatorOf(type)
    return (elements) => {
      let best: Value = null
      for (const value of elements) if (value !== null && (best === null || compare(value, best) * sign > 0)) best = value
      return best
    }
  })
}

const ARRAY_JOIN: FunctionDefinition = {
  name: 'ARRAY_JOIN',
  nulls: 'strict',
  resolve(argTypes) {
    const [of, ...texts] = argTypes
    if (texts.length < 1 || texts.length > 2) return wrongCount('ARRAY_JOIN', '2 to 3')
    if (of?.kind !== 'ARRAY' || of.element.kind !== 'VARCHAR' || !texts.every(({ kind }) => kind === 'VARCHAR'))
      return cannotApply('ARRAY_JOIN', argTypes)
    return { argTypes, type: withNullable(STRING, anyNullable(argTypes)) }
  },
  bind({ argTypes }) {
    const { element } = argTypes[0] as ArrayType
    return (of: string, delimiter: string, nullText?: string) =>
      arrayElements(of, element)
        .map((value) => value ?? nullText)
        .filter((value) => value !== undefined)
        .join(delimiter)
  },
}

/** A function of maps. NULL when an argument is. */
function ofMaps(
  name: string,
  count: number | 'some',
  result: (type: MapType) => LogicalType,
  compute: (type: MapType, result: LogicalType) => (...maps: string[]) => Value,
): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve(argTypes) {
      if (count === 'some' ? argTypes.length === 0 : argTypes.length !== count)
        return wrongCount(name, count === 'some' ? 'at least 1' : String(count))
      const common = commonType(argTypes)
      if (common?.kind !== 'MAP') return cannotApply(name, argTypes)
      return { argTypes: unified(argTypes, common), type: withNullable(result(common), anyNullable(argTypes)) }
    },
    bind: ({ argTypes, type }) => compute(argTypes[0] as MapType, type) as RowFunction,
  }
}

const entryRow = ({ key, value }: MapType): Extract<LogicalType, { kind: 'ROW' }> => ({
  kind: 'ROW',
  fields: [
    { name: 'key', type: key },
    { name: 'value', type: value },
  ],
  nullable: false,
})

const MAP_FROM_ARRAYS: FunctionDefinition = {
  name: 'MAP_FROM_ARRAYS',
  nulls: 'strict',
  resolve(argTypes) {
    const [keys, values] = argTypes
    if (argTypes.length !== 2) return wrongCount('MAP_FROM_ARRAYS', '2')
    if (keys?.kind !== 'ARRAY' || values?.kind !== 'ARRAY') return cannotApply('MAP_FROM_ARRAYS', argTypes)
    return { argTypes, type: { kind: 'MAP', key: keys.element, value: values.element, nullable: anyNullable(argTypes) } }
  },
  bind({ type }) {
    const { key, value } = type as MapType
    return (keys: string, values: string) => {
      const [left, right] = [arrayElements(keys, key), arrayElements(values, value)]
      if (left.length !== right.length)
        throw new EvaluationFailure(
          `Invalid function MAP_FROM_ARRAYS call:\nThe length of the keys array ${left.length} is not equal to the length of the values array ${right.length}`,
        )
      return mapValue(
        left.map((k, i) => [k, right[i] ?? null]),
        key,
        value,
      )
    }
  },
}

const TEXTS: ArrayType = array(STRING)

/** SPLIT(text, delimiter): the pieces; without a delimiter each character is one. */
const SPLIT: FunctionDefinition = {
  name: 'SPLIT',
  nulls: 'strict',
  resolve(argTypes) {
    if (argTypes.length !== 2) return wrongCount('SPLIT', '2')
    if (!argTypes.every(({ kind }) => kind === 'VARCHAR' || kind === 'NULL')) return cannotApply('SPLIT', argTypes)
    return { argTypes: argTypes.map((type) => withNullable(STRING, type.nullable)), type: withNullable(TEXTS, anyNullable(argTypes)) }
  },
  bind: () => (text: string, delimiter: string) => arrayValue(delimiter === '' ? [...text] : text.split(delimiter), STRING),
}

/** STR_TO_MAP('a=1,b=2'[, entry delimiter, key delimiter]). Java takes the delimiters for patterns; plain texts are the same. */
const STR_TO_MAP: FunctionDefinition = {
  name: 'STR_TO_MAP',
  nulls: 'strict',
  resolve(argTypes) {
    if (argTypes.length !== 1 && argTypes.length !== 3) return wrongCount('STR_TO_MAP', '1 or 3')
    if (!argTypes.every(({ kind }) => kind === 'VARCHAR' || kind === 'NULL')) return cannotApply('STR_TO_MAP', argTypes)
    return {
      argTypes: argTypes.map((type) => withNullable(STRING, type.nullable)),
      type: { kind: 'MAP', key: STRING, value: STRING, nullable: anyNullable(argTypes) },
    }
  },
  bind:
    () =>
    (text: string, entryDelimiter = ',', keyDelimiter = '=') => {
      const entries = text.split(entryDelimiter).map((entry): [string, string | null] => {
        const at = entry.indexOf(keyDelimiter)
        return at < 0 ? [entry, null] : [entry.slice(0, at), entry.slice(at + keyDelimiter.length)]
      })
      return mapValue(entries, STRING, STRING)
    },
}

export const COLLECTIONS: readonly FunctionDefinition[] = [
  ARRAY,
  MAP,
  ROW,
  ITEM,
  FIELD,
  CARDINALITY,
  ELEMENT,
  ofElements('ARRAY_APPEND', 1, sameArray, () => (elements, value) => [...elements, value]),
  ofElements('ARRAY_PREPEND', 1, sameArray, () => (elements, value) => [value, ...elements]),
  ofElements('ARRAY_REMOVE', 1, sameArray, () => (elements, value) => elements.filter((element) => !same(element, value))),
  ofElements(
    'ARRAY_CONTAINS',
    1,
    (_, nullable) => withNullable(BOOLEAN, nullable),
    () => (elements, value) => elements.some((element) => same(element, value)),
  ),
  ofElements(
    'ARRAY_POSITION',
    1,
    () => INT,
    () => (elements, value) => (value === null ? null : elements.findIndex((element) => same(element, value)) + 1),
  ),
  ofElements('ARRAY_DISTINCT', 0, sameArray, () => distinct),
  ofElements('ARRAY_REVERSE', 0, sameArray, () => (elements) => elements.reverse()),
  extreme('ARRAY_MAX', 1),
  extreme('ARRAY_MIN', -1),
  ofArrays('ARRAY_CONCAT', 1, Number.MAX_SAFE_INTEGER, (arrays) => arrays.flat()),
  ofArrays('ARRAY_UNION', 2, 2, (arrays) => distinct(arrays.flat())),
  ofArrays('ARRAY_INTERSECT', 2, 2, ([a = [], b = []]) => distinct(a).filter((value) => b.some((other) => same(value, other)))),
  ofArrays('ARRAY_EXCEPT', 2, 2, ([a = [], b = []]) => distinct(a).filter((value) => !b.some((other) => same(value, other)))),
  ARRAY_SLICE,
  ARRAY_SORT,
  ARRAY_JOIN,
  ofMaps(
    'MAP_KEYS',
    1,
    ({ key }) => array(key),
    ({ key, value }) =>
      (of) =>
        arrayValue(
          mapEntries(of, key, value).map(([k]) => k),
          key,
        ),
  ),
  ofMaps(
    'MAP_VALUES',
    1,
    ({ value }) => array(value),
    ({ key, value }) =>
      (of) =>
        arrayValue(
          mapEntries(of, key, value).map(([, v]) => v),
          value,
        ),
  ),
  ofMaps(
    'MAP_ENTRIES',
    1,
    (type) => array(entryRow(type)),
    (type) => {
      const row = entryRow(type)
      return (of) =>
        arrayValue(
          mapEntries(of, type.key, type.value).map((entry) => rowValue(entry, row.fields)),
          row,
        )
    },
  ),
  ofMaps(
    'MAP_UNION',
    'some',
    (type) => type,
    ({ key, value }) =>
      (...maps) =>
        mapValue(
          maps.flatMap((of) => mapEntries(of, key, value)),
          key,
          value,
        ),
  ),
  MAP_FROM_ARRAYS,
  SPLIT,
  STR_TO_MAP,
]

/** Casts and texts of nested values, part by part: `[1, NULL]`, `{a=1, b=2}`, `(1, a)`. */
import { INT, notNull, type LogicalType, type Value } from '#core/types/logical-type.js'
import {
  arrayElements,
  arrayValue,
  mapEntries,
  mapValue,
  multisetEntries,
  multisetValue,
  rowFields,
  rowValue,
  type NestedType,
} from '../columnar/nested-value.js'

type Present = Exclude<Value, null>
type OfPart<R> = (value: Present) => R

const COUNT = notNull(INT)

/** `partCast` gives the cast of a part. The types are such that canCast holds. */
export function castNested(
  from: LogicalType,
  to: NestedType,
  partCast: (from: LogicalType, to: LogicalType) => OfPart<Value>,
): OfPart<Value> {
  const part = (inner: LogicalType, target: LogicalType): ((value: Value) => Value) => {
    const cast = partCast(inner, target)
    return (value) => (value === null ? null : cast(value))
  }
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') {
    const element = part(from.element, to.element)
    return (value) => arrayValue(arrayElements(value as string, from.element).map(element), to.element)
  }
  if (from.kind === 'MAP' && to.kind === 'MAP') {
    const [key, inner] = [part(from.key, to.key), part(from.value, to.value)]
    return (value) =>
      mapValue(
        mapEntries(value as string, from.key, from.value).map(([k, v]) => [key(k), inner(v)]),
        to.key,
        to.value,
      )
  }
  if (from.kind === 'MULTISET' && to.kind === 'MULTISET') {
    const element = part(from.element, to.element)
    return (value) =>
      multisetValue(
        multisetEntries(value as string, from.element).map(([k, count]) => [element(k), count]),
        to.element,
      )
  }
  if (from.kind !== 'ROW' || to.kind !== 'ROW') throw new Error(`no cast from ${from.kind} to ${to.kind}`)
  const casts = to.fields.map(({ type }, i) => part((from.fields[i] as { type: LogicalType }).type, type))
  return (value) =>
    rowValue(
      rowFields(value as string, from.fields).map((field, i) => (casts[i] as (value: Value) => Value)(field)),
      to.fields,
    )
}

/** How a nested value is written: brackets around its parts, and NULL. */
export interface NestedStyle {
  readonly nullText: string
  readonly row: readonly [open: string, close: string]
}

const CAST_STYLE: NestedStyle = { nullText: 'NULL', row: ['(', ')'] }

/** As CAST AS STRING writes it, or in another style. `partText` gives the text of a part that is not NULL. */
export function formatNested(type: NestedType, partText: (type: LogicalType) => OfPart<string>, style = CAST_STYLE): OfPart<string> {
  const part = (inner: LogicalType): ((value: Value) => string) => {
    const text = partText(inner)
    return (value) => (value === null ? style.nullText : text(value))
  }
  switch (type.kind) {
    case 'ARRAY': {
      const text = part(type.element)
      return (value) =>
        `[${arrayElements(value as string, type.element)
          .map(text)
          .join(', ')}]`
    }
    case 'MAP':
    case 'MULTISET': {
      const [key, inner] = type.kind === 'MAP' ? [type.key, type.value] : [type.element, COUNT]
      const [keyText, text] = [part(key), part(inner)]
      return (value) =>
        `{${mapEntries(value as string, key, inner)
          .map(([k, v]) => `${keyText(k)}=${text(v)}`)
          .join(', ')}}`
    }
    case 'ROW': {
      const texts = type.fields.map((field) => part(field.type))
      const [open, close] = style.row
      return (value) =>
        open +
        rowFields(value as string, type.fields)
          .map((field, i) => (texts[i] as (value: Value) => string)(field))
          .join(', ') +
        close
    }
  }
}

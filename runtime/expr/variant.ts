/**
 * Values of VARIANT: JSON as text without blanks, objects with their keys in order, numbers as Flink's variants print them, so that equal
 * variants are equal texts. Integers stay exact, decimals of up to 38 digits too; other numbers are doubles.
 */
import { NotJson, readJson, writeTree } from './json-tree.js'
import { doubleToString } from './number-text.js'

const MOST_DIGITS = 38

/** Undefined: not JSON, or an object has a key twice that may not (`duplicates`: the last one counts). */
export function parseVariant(json: string, duplicates = false): string | undefined {
  try {
    return writeTree(readJson(json, duplicates), (text) => JSON.stringify(text), numberText)
  } catch (error) {
    if (error instanceof NotJson) return undefined
    throw error
  }
}

function numberText(json: string): string {
  const [, whole = '', fraction = '', exponent] = NUMBER.exec(json) ?? []
  if (exponent === undefined && whole.replace('-', '').length + fraction.length <= MOST_DIGITS) {
    const digits = fraction.replace(/0+$/, '')
    const plain = digits === '' ? whole : `${whole}.${digits}`
    return /^-0(\.0*)?$/.test(plain) ? '0' : plain
  }
  const value = Number(json)
  if (!Number.isFinite(value)) throw new NotJson('a number that is too large', 0)
  return doubleToString(value).replace(/\.0$/, '')
}

const NUMBER = /^(-?\d+)(?:\.(\d+))?([eE][+-]?\d+)?$/

/** Of a variant that is no array: undefined. Beyond its ends: null. `index` from 0. */
export function variantElement(variant: string, index: number): string | null | undefined {
  return variant.startsWith('[') ? (membersOf(variant)[index] ?? null) : undefined
}

/** Of a variant that is no object: undefined. Without that key: null. */
export function variantField(variant: string, key: string): string | null | undefined {
  if (!variant.startsWith('{')) return undefined
  const start = `${JSON.stringify(key)}:`
  return (
    membersOf(variant)
      .find((member) => member.startsWith(start))
      ?.slice(start.length) ?? null
  )
}

/** Elements, or `"key":value`. */
function membersOf(variant: string): string[] {
  const members: string[] = []
  let depth = 0
  let start = 1
  for (let at = 1; at < variant.length; at++) {
    const mark = variant[at]
    if (mark === '"') {
      for (at++; variant[at] !== '"'; at++) if (variant[at] === '\\') at++
    } else if (mark === '[' || mark === '{') depth++
    else if (depth > 0 && (mark === ']' || mark === '}')) depth--
    else if (depth === 0 && (mark === ',' || mark === ']' || mark === '}')) {
      if (at > start) members.push(variant.slice(start, at))
      start = at + 1
    }
  }
  return members
}

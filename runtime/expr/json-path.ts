/**
 * Paths into JSON as Flink takes them (those of Jayway's JsonPath): `$`, `.name`, `['name']`, `[0]`, `[-1]`, `[0,2]`, `[1:3]`, `.*`, `[*]`, `..name`,
 * behind an optional `lax` or `strict`. Without filters and functions.
 */
import { isJsonArray, isJsonObject, type JsonTree } from './json-tree.js'

/** What a path gives: one value, or that there is none. Of one that can match several: an array of them. */
export type Found = { readonly value: JsonTree } | { readonly missing: string }

export interface JsonPath {
  /** Lax: what is not there is empty; strict: it is an error. Without a word a path is strict. */
  readonly lax: boolean
  find(root: JsonTree): Found
}

type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'indexes'; readonly indexes: readonly number[] }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'all' }
  | { readonly kind: 'deep'; readonly step: Step }

const MODE = /^\s*(strict|lax)\s+(.+)$/is
const MOST_STEPS = 200

/** Undefined: the path is not well-formed, or holds what is not understood (filters, functions). */
export function parseJsonPath(text: string): JsonPath | undefined {
  const [, mode, rest = text] = MODE.exec(text) ?? []
  const steps = parseSteps(rest.trim())
  if (steps === undefined) return undefined
  const definite = steps.every(({ kind }) => kind === 'name' || kind === 'index')
  return {
    lax: mode?.toLowerCase() === 'lax',
    find: (root) => (definite ? findOne(root, steps) : findAll(root, steps)),
  }
}

const NAME = /[^\s.[\]()'"*?@,:$]+/y
const QUOTED = /\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]/y
const INDEXES = /\[\s*(-?\d{1,9}(?:\s*,\s*-?\d{1,9})*)\s*\]/y
const SLICE = /\[\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*\]/y
const STAR = /\[\s*\*\s*\]/y

function parseSteps(path: string): Step[] | undefined {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(path) ?? undefined
    if (found !== undefined) at = pattern.lastIndex
    return found
  }
  const bracket = (): Step | undefined => {
    const name = take(QUOTED)
    if (name !== undefined) return { kind: 'name', name: (name[1] ?? name[2] ?? '').replace(/\\(.)/gs, '$1') }
    const indexes = take(INDEXES)?.[1]?.split(',').map(Number)
    if (indexes !== undefined) return indexes.length === 1 ? { kind: 'index', index: indexes[0] as number } : { kind: 'indexes', indexes }
    const slice = take(SLICE)
    const bound = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits))
    if (slice !== undefined) return { kind: 'slice', from: bound(slice[1]), to: bound(slice[2]) }
    return take(STAR) === undefined ? undefined : { kind: 'all' }
  }
  const child = (): Step | undefined => {
    if (path[at] === '[') return bracket()
    if (path[at] === '*') {
      at++
      return { kind: 'all' }
    }
    const name = take(NAME)?.[0]
    return name === undefined ? undefined : { kind: 'name', name }
  }
  if (path[at++] !== '$') return undefined
  const steps: Step[] = []
  while (at < path.length && steps.length <= MOST_STEPS) {
    const deep = path.startsWith('..', at)
    if (deep) at += 2
    else if (path[at] === '.') at++
    else if (path[at] !== '[') return undefined
    const step = child()
    if (step === undefined) return undefined
    steps.push(deep ? { kind: 'deep', step } : step)
  }
  return steps.length > MOST_STEPS ? undefined : steps
}

function findOne(root: JsonTree, steps: readonly Step[]): Found {
  let value = root
  for (const [depth, step] of steps.entries()) {
    const [next] = children(value, step)
    if (next === undefined) return missing(steps, depth)
    value = next.value
  }
  return { value }
}

/** Where everything before the first step that matches several leads nowhere, there is nothing; behind it what is not there is passed over. */
function findAll(root: JsonTree, steps: readonly Step[]): Found {
  let values: readonly JsonTree[] = [root]
  let several = false
  for (const [depth, step] of steps.entries()) {
    values = values.flatMap((value) => children(value, step).map((found) => found.value))
    several ||= step.kind !== 'name' && step.kind !== 'index'
    if (!several && values.length === 0) return missing(steps, depth)
  }
  return { value: values }
}

/** As the path is written in Jayway's messages. */
function missing(steps: readonly Step[], depth: number): Found {
  const shown = steps
    .slice(0, depth + 1)
    .map((step) => (step.kind === 'name' ? `['${step.name}']` : step.kind === 'index' ? `[${step.index}]` : ''))
  return { missing: `No results for path: $${shown.join('')}` }
}

interface Child {
  readonly value: JsonTree
}

function children(of: JsonTree, step: Step): Child[] {
  switch (step.kind) {
    case 'name': {
      const value = isJsonObject(of) ? of.get(step.name) : undefined
      return value === undefined ? [] : [{ value }]
    }
    case 'index':
      return elements(of, [step.index])
    case 'indexes':
      return elements(of, step.indexes)
    case 'slice': {
      const values = isJsonArray(of) ? of.slice(step.from, step.to) : []
      return values.map((value) => ({ value }))
    }
    case 'all': {
      const values = isJsonArray(of) ? of : isJsonObject(of) ? [...of.values()] : []
      return values.map((value) => ({ value }))
    }
    case 'deep': {
      // Itself first, then what lies below, from the outside to the inside.
      const below = children(of, { kind: 'all' }).flatMap(({ value }) => children(value, step))
      return [...children(of, step.step), ...below]
    }
  }
}

function elements(of: JsonTree, indexes: readonly number[]): Child[] {
  if (!isJsonArray(of)) return []
  return indexes.flatMap((index) => {
    const value = of[index < 0 ? of.length + index : index]
    return value === undefined ? [] : [{ value }]
  })
}

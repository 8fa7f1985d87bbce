/**
 * Declared configuration options. An option stands in exactly one place (core/config/options/*); parsing, checks, the CLI's
 * `-D`, REST's `/jobmanager/config` and the reference pages all come from the declaration. Keys, types and defaults are
 * Flink's wherever Flink has the option.
 */
import { formatDuration, formatMemorySize, parseDuration, parseList, parseMap, parseMemorySize } from './units.js'

/** How the text of an option becomes a value. `parse` returns undefined for text that is not of the type. */
export interface OptionType<T> {
  readonly name: string
  parse(text: string): T | undefined
  format(value: T): string
}

const identity = (value: string): string => value

export const string = (): OptionType<string> => ({ name: 'String', parse: identity, format: identity })
export const boolean = (): OptionType<boolean> => ({
  name: 'Boolean',
  parse: (text) => ({ true: true, false: false })[text.trim().toLowerCase()],
  format: String,
})
export const integer = (min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): OptionType<number> => ({
  name: 'Integer',
  parse(text) {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : NaN
    return value >= min && value <= max ? value : undefined
  },
  format: String,
})
export const double = (min = -Infinity, max = Infinity): OptionType<number> => ({
  name: 'Double',
  parse(text) {
    const value = text.trim() === '' ? NaN : Number(text)
    return value >= min && value <= max ? value : undefined
  },
  format: String,
})
/** Value in milliseconds. */
export const duration = (): OptionType<number> => ({ name: 'Duration', parse: parseDuration, format: formatDuration })
/** Value in bytes. */
export const memorySize = (): OptionType<number> => ({ name: 'MemorySize', parse: parseMemorySize, format: formatMemorySize })
export const list = (separator = ';'): OptionType<readonly string[]> => ({
  name: 'List<String>',
  parse: (text) => parseList(text, separator),
  format: (value) => value.join(separator),
})
export const map = (): OptionType<Readonly<Record<string, string>>> => ({
  name: 'Map',
  parse: parseMap,
  format: (value) =>
    Object.entries(value)
      .map(([key, item]) => `${key}:${item}`)
      .join(','),
})
/** Flink's enums: any case, `-` and `_` alike; the value is one of `names` as written there. */
export const oneOf = <const N extends readonly string[]>(...names: N): OptionType<N[number]> => {
  const canonical = (text: string): string => text.trim().toLowerCase().replaceAll('-', '_')
  return {
    name: names.join(' | '),
    parse: (text) => names.find((name) => canonical(name) === canonical(text)),
    format: identity,
  }
}

export interface Option<T, D extends T | undefined = T | undefined> {
  readonly key: string
  readonly type: OptionType<T>
  readonly default: D
  readonly description: string
  /** Older spellings that are still read. */
  readonly deprecatedKeys: readonly string[]
}

interface Declaration {
  readonly description: string
  readonly deprecatedKeys?: readonly string[]
}

const registry = new Map<string, Option<unknown>>()

/** Declares an option with a default (given in the option's text form). */
export function option<T>(key: string, type: OptionType<T>, declaration: Declaration & { readonly default: string }): Option<T, T>
/** Declares an option that is unset by default. */
export function option<T>(key: string, type: OptionType<T>, declaration: Declaration): Option<T, undefined>
export function option<T>(key: string, type: OptionType<T>, declaration: Declaration & { readonly default?: string }): Option<T> {
  if (registry.has(key)) throw new Error(`option ${key} is declared twice`)
  const value = declaration.default === undefined ? undefined : type.parse(declaration.default)
  if (declaration.default !== undefined && value === undefined) throw new Error(`option ${key}: bad default '${declaration.default}'`)
  const declared: Option<T> = {
    key,
    type,
    default: value,
    description: declaration.description,
    deprecatedKeys: declaration.deprecatedKeys ?? [],
  }
  for (const spelling of [key, ...declared.deprecatedKeys]) registry.set(spelling, declared as Option<unknown>)
  return declared
}

/** The option declared under that key or deprecated key. */
export function declaredOption(key: string): Option<unknown> | undefined {
  return registry.get(key)
}

/** All declared options by key, deprecated spellings left out. */
export function declaredOptions(): Option<unknown>[] {
  return [...new Set(registry.values())].sort((a, b) => (a.key < b.key ? -1 : 1))
}

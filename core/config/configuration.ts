/** A set of configuration values in text form, read through declared options. Immutable. */
import { defineError } from '../errors/define-error.js'
import { nearest } from './nearest.js'
import { declaredOption, declaredOptions, type Option } from './option.js'
import './options/all.js'

export const UnknownOption = defineError('CONFIG_UNKNOWN_OPTION', {
  recovery: 'none',
  message: (d: { key: string; source: string; nearest: string | null }) =>
    `Unknown configuration option '${d.key}' (${d.source}).` + (d.nearest === null ? '' : ` Did you mean '${d.nearest}'?`),
})

export const InvalidOptionValue = defineError('CONFIG_INVALID_VALUE', {
  recovery: 'none',
  message: (d: { key: string; value: string; type: string; source: string }) =>
    `Option '${d.key}' (${d.source}) has the value '${d.value}', which is no ${d.type}.`,
})

/**
 * Flink's keys that have no effect here: accepted, kept and shown, and the command says so. They steer the JVM, RocksDB, Pekko, …,
 * or parts that this version does not have (`weft` has one way of failing over).
 */
const INERT_FAMILIES = [
  /^env\.(java\.|pid\.dir$)/,
  /^classloader\./,
  /^state\.backend\.(rocksdb|forst)\./,
  /^(pekko|akka|python|queryable-state|historyserver|slow-task-detector)\./,
  /^metrics\.reporter\./,
  /^taskmanager\.network\./,
  /^(jobmanager|taskmanager)\.memory\.(jvm|task|framework|off-heap|heap|flink|network|segment)/,
  /^jobmanager\.(rpc\.(address|port)|bind-host|scheduler|execution\.failover-strategy)$/,
  /^jobmanager\.adaptive-scheduler\./,
  /^web\.(submit\.enable|history)$/,
  /^jobstore\.(type|cache-size)$/,
  /^pipeline\.object-reuse$/,
  /^table\.(optimizer|resources)\./,
]

/** Keys with free names below a declared prefix: values passed on as they are. */
const OPEN_FAMILIES = [/^containerized\.(master|taskmanager)\.env\.[A-Za-z_][A-Za-z0-9_]*$/]

const SECRET_KEY =
  /password|secret|fs\.azure\.account\.key|apikey|api-key|auth-params|service-key|token|basic-auth|jaas\.config|http-headers/i

/** By its name alone, as Flink decides it. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key)
}

export class Configuration {
  readonly #values: ReadonlyMap<string, string>

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values
  }

  static readonly empty = new Configuration(new Map())

  static of(values: Readonly<Record<string, string>>): Configuration {
    return new Configuration(new Map(Object.entries(values)))
  }

  /** The option's value, its default, or undefined where it has none. @throws CONFIG_INVALID_VALUE */
  get<T, D extends T | undefined>(option: Option<T, D>): T | D {
    const text = this.text(option)
    if (text === undefined) return option.default
    const value = option.type.parse(text)
    if (value === undefined) {
      throw new InvalidOptionValue({
        key: option.key,
        value: this.shown(option.key, text),
        type: option.type.name,
        source: 'configuration',
      })
    }
    return value
  }

  /** True when a value was given, the default does not count. */
  has(option: Option<unknown>): boolean {
    return this.text(option) !== undefined
  }

  /** These values with others on top. */
  with(values: Readonly<Record<string, string>>): Configuration {
    return new Configuration(new Map([...this.#values, ...Object.entries(values)]))
  }

  without(key: string): Configuration {
    const values = new Map(this.#values)
    values.delete(key)
    return new Configuration(values)
  }

  /** Values whose key begins with the prefix, the prefix cut off. */
  withPrefix(prefix: string): Record<string, string> {
    return Object.fromEntries(
      [...this.#values].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
    )
  }

  toRecord(): Record<string, string> {
    return Object.fromEntries(this.#values)
  }

  /** For people: sorted, secrets shown as `******` (Flink's rule: by the key's name). */
  toMaskedEntries(): { key: string; value: string }[] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value: this.shown(key, value) }))
  }

  /**
   * Checks every key and value. `source` says where they came from (`-D`, a file).
   * @throws CONFIG_UNKNOWN_OPTION, CONFIG_INVALID_VALUE
   */
  validate(source: string): void {
    for (const [key, text] of this.#values) {
      const declared = declaredOption(key)
      if (declared !== undefined) {
        if (declared.type.parse(text) === undefined) {
          throw new InvalidOptionValue({ key, value: this.shown(key, text), type: declared.type.name, source })
        }
      } else if (!isInert(key) && !OPEN_FAMILIES.some((family) => family.test(key))) {
        const known = nearest(
          key,
          declaredOptions().map((option) => option.key),
        )
        throw new UnknownOption({ key, source, nearest: known ?? null })
      }
    }
  }

  /** True for an option that is known here. */
  isDeclared(key: string): boolean {
    return declaredOption(key) !== undefined
  }

  /** Keys that were given and have no effect here. */
  inertKeys(): string[] {
    return [...this.#values.keys()].filter((key) => declaredOption(key) === undefined && isInert(key)).sort()
  }

  private text(option: Option<unknown>): string | undefined {
    for (const key of [option.key, ...option.deprecatedKeys]) {
      const text = this.#values.get(key)
      if (text !== undefined) return text
    }
    return undefined
  }

  private shown(key: string, value: string): string {
    return isSecretKey(key) ? '******' : value
  }
}

function isInert(key: string): boolean {
  return INERT_FAMILIES.some((family) => family.test(key))
}

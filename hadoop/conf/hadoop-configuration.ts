/**
 * A set of Hadoop properties with Hadoop's rules: later wins unless an earlier one is final, `${name}`, `${env.NAME}`,
 * `${env.NAME:-default}` and `${env.NAME-default}` are substituted when a property is read, old names lead to new ones.
 * Source: org.apache.hadoop.conf.Configuration.
 */
import { parseDuration } from '#core/config/units.js'
import { HadoopPropertyInvalid } from './errors.js'
import type { SiteProperty } from './site-xml.js'

/** Hadoop's limit (MAX_SUBST). */
const MAX_SUBSTITUTIONS = 20
const MAX_VALUE_LENGTH = 1024 * 1024

/** Old name to new name, of the properties that we read. */
const DEPRECATED: Readonly<Record<string, string>> = {
  'fs.default.name': 'fs.defaultFS',
  'dfs.federation.nameservices': 'dfs.nameservices',
  'dfs.http.address': 'dfs.namenode.http-address',
  'dfs.https.address': 'dfs.namenode.https-address',
  'dfs.block.size': 'dfs.blocksize',
}

/** Keys whose values are secrets: Hadoop's `hadoop.security.sensitive-config-keys`. */
const SENSITIVE =
  /secret$|password$|ssl\.keystore\.pass$|^fs\.s3.*[Ss]ecret.*|^fs\.azure\.account\.key\.|credential$|oauth.*(token|refresh|secret)/

/** Certificates by which HTTPS is trusted, as PEM, one behind the other. Ours: read from the trust store once, by the client. */
export const TRUSTED_CERTIFICATES = 'weft.hadoop.trusted-certificates'

/** What a master or worker needs to reach HDFS and the ResourceManager. Nothing else leaves the client. */
const SHIPPED_NAMES = new Set([
  'fs.defaultFS',
  'dfs.nameservices',
  'dfs.internal.nameservices',
  'dfs.http.policy',
  'dfs.blocksize',
  'dfs.replication',
  'dfs.user.home.dir.prefix',
  'hadoop.ssl.hostname.verifier',
  TRUSTED_CERTIFICATES,
  'hadoop.rpc.protection',
  'hadoop.security.authentication',
  'hadoop.security.auth_to_local',
  'hadoop.security.token.service.use_ip',
  'yarn.http.policy',
  'yarn.web-proxy.address',
])
const SHIPPED_PREFIXES = [
  'dfs.ha.',
  'dfs.client.',
  'dfs.webhdfs.',
  'dfs.namenode.rpc-address',
  'dfs.namenode.http-address',
  'dfs.namenode.https-address',
  'dfs.namenode.kerberos.principal',
  'hadoop.http.authentication.',
  'hadoop.kerberos.',
  'yarn.am.liveness-monitor.',
  'yarn.nm.liveness-monitor.',
  'yarn.webapp.',
  'yarn.resourcemanager.hostname',
  'yarn.resourcemanager.address',
  'yarn.resourcemanager.scheduler.address',
  'yarn.resourcemanager.webapp.',
  'yarn.resourcemanager.ha.',
  'yarn.resourcemanager.monitor.capacity.preemption.max_wait_before_kill',
  'yarn.resourcemanager.principal',
  'yarn.resourcemanager.cluster-id',
]

function isShipped(name: string): boolean {
  return !SENSITIVE.test(name) && (SHIPPED_NAMES.has(name) || SHIPPED_PREFIXES.some((prefix) => name.startsWith(prefix)))
}

export interface SubstitutionScope {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Java's system properties that site files refer to (`user.name`, `user.home`, `java.io.tmpdir`). */
  readonly systemProperties: Readonly<Record<string, string>>
}

const EMPTY_SCOPE: SubstitutionScope = { environment: {}, systemProperties: {} }

interface Entry {
  readonly value: string
  readonly source: string
}

export class HadoopConfiguration {
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #scope: SubstitutionScope

  private constructor(entries: ReadonlyMap<string, Entry>, scope: SubstitutionScope) {
    this.#entries = entries
    this.#scope = scope
  }

  /** Properties as a descriptor carries them: resolved, nothing is substituted from the environment any more. */
  static of(properties: Readonly<Record<string, string>>): HadoopConfiguration {
    return new HadoopConfiguration(
      new Map(Object.entries(properties).map(([name, value]) => [name, { value, source: 'descriptor' }])),
      EMPTY_SCOPE,
    )
  }

  /** Properties of site files in reading order. */
  static fromSiteFiles(properties: Iterable<SiteProperty>, scope: SubstitutionScope): HadoopConfiguration {
    const entries = new Map<string, Entry>()
    const final = new Set<string>()
    for (const property of properties) {
      const name = DEPRECATED[property.name] ?? property.name
      if (final.has(name)) continue
      entries.set(name, { value: property.value, source: property.source })
      if (property.final) final.add(name)
    }
    return new HadoopConfiguration(entries, scope)
  }

  /** Trimmed and substituted; undefined where the property is not set or empty. @throws HADOOP_CONF_INVALID_PROPERTY */
  get(name: string): string | undefined {
    const entry = this.#entries.get(DEPRECATED[name] ?? name)
    if (entry === undefined) return undefined
    const value = this.#substitute(name, entry).trim()
    return value === '' ? undefined : value
  }

  /** Items between commas, trimmed, empty ones left out. */
  getList(name: string): string[] {
    return (this.get(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }

  getBoolean(name: string, fallback: boolean): boolean {
    const value = this.get(name)?.toLowerCase()
    return value === 'true' ? true : value === 'false' ? false : fallback
  }

  /** Milliseconds. Newer versions write `10s` where older ones have a bare number of ms. @throws HADOOP_CONF_INVALID_PROPERTY */
  getMillis(name: string, fallback: number): number {
    const value = this.get(name)
    if (value === undefined) return fallback
    const millis = parseDuration(value)
    if (millis === undefined)
      throw new HadoopPropertyInvalid({ property: name, value, reason: 'no duration', source: this.sourceOf(name) ?? '' })
    return millis
  }

  /** The file that set the property. */
  sourceOf(name: string): string | undefined {
    return this.#entries.get(DEPRECATED[name] ?? name)?.source
  }

  /** Those properties, resolved, that a master or worker needs; never a secret. */
  toShippedRecord(): Record<string, string> {
    const shipped: Record<string, string> = {}
    for (const name of [...this.#entries.keys()].sort()) {
      if (!isShipped(name)) continue
      const value = this.get(name)
      if (value !== undefined) shipped[name] = value
    }
    return shipped
  }

  /** `name` with other values on top. */
  with(properties: Readonly<Record<string, string>>): HadoopConfiguration {
    const entries = new Map(this.#entries)
    for (const [name, value] of Object.entries(properties)) entries.set(DEPRECATED[name] ?? name, { value, source: 'override' })
    return new HadoopConfiguration(entries, this.#scope)
  }

  /** Innermost `${…}` first, one at a time, as Hadoop does; what cannot be resolved stays as it is. */
  #substitute(name: string, entry: Entry): string {
    let value = entry.value
    let from = 0
    for (let count = 0; ;) {
      const match = /\$\{([^{}$\s]+)\}/.exec(value.slice(from))
      if (match === null) return value
      const replacement = this.#lookup(match[1] ?? '')
      const start = from + match.index
      if (replacement === undefined) {
        from = start + match[0].length
        continue
      }
      value = value.slice(0, start) + replacement + value.slice(start + match[0].length)
      // An inner reference may have completed an outer one: look from the start again.
      from = 0
      if (++count > MAX_SUBSTITUTIONS || value.length > MAX_VALUE_LENGTH) {
        throw new HadoopPropertyInvalid({
          property: name,
          value: entry.value,
          reason: `more than ${MAX_SUBSTITUTIONS} substitutions; does it refer to itself?`,
          source: entry.source,
        })
      }
    }
  }

  #lookup(reference: string): string | undefined {
    if (reference.startsWith('env.')) {
      const [, variable = '', operator, fallback] = /^env\.([^:-]*)(?:(:-|-)(.*))?$/.exec(reference) ?? []
      const found = this.#scope.environment[variable]
      if (operator === undefined) return found
      return found === undefined || (operator === ':-' && found === '') ? fallback : found
    }
    return this.#scope.systemProperties[reference] ?? this.#entries.get(DEPRECATED[reference] ?? reference)?.value
  }
}

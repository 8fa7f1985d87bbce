/**
 * Where the daemons of a cluster are, read from its properties. Defaults are those of Hadoop 3's *-default.xml. In HA every
 * list holds one address for each id, in the order of the configuration: nobody knows which one is active before asking.
 */
import { HadoopConfigurationMissing, HadoopPropertyInvalid } from './errors.js'
import type { HadoopConfiguration } from './hadoop-configuration.js'

export interface HostPort {
  readonly host: string
  readonly port: number
}

const RM_PORTS = { address: 8032, 'scheduler.address': 8030, 'webapp.address': 8088, 'webapp.https.address': 8090 } as const
const NAMENODE_PORTS = { 'rpc-address': 8020, 'http-address': 9870, 'https-address': 9871 } as const

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** `host:port`, `host`, `[::1]:port`. Undefined for anything else. */
export function parseHostPort(text: string, defaultPort: number): HostPort | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/i.exec(text.trim())
  if (match === null) return undefined
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  const host = match[1] ?? match[2] ?? ''
  return port >= 1 && port <= 65535 ? { host, port } : undefined
}

/** 0.0.0.0 is what Hadoop's defaults say; a client that reads it has not found the cluster's files. */
function isUnset(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '0:0:0:0:0:0:0:0'
}

function readHostPort(conf: HadoopConfiguration, property: string, defaultPort: number): HostPort | undefined {
  const value = conf.get(property)
  if (value === undefined) return undefined
  const parsed = parseHostPort(value, defaultPort)
  if (parsed === undefined) {
    throw new HadoopPropertyInvalid({ property, value, reason: 'it should be host:port', source: conf.sourceOf(property) ?? '' })
  }
  return parsed
}

export function isResourceManagerHa(conf: HadoopConfiguration): boolean {
  return conf.getBoolean('yarn.resourcemanager.ha.enabled', false)
}

/** Ids of the ResourceManagers; one `undefined` when there is no HA. */
function resourceManagerIds(conf: HadoopConfiguration): (string | undefined)[] {
  if (!isResourceManagerHa(conf)) return [undefined]
  const ids = conf.getList('yarn.resourcemanager.ha.rm-ids')
  if (ids.length === 0)
    throw new HadoopConfigurationMissing({
      reason: 'yarn.resourcemanager.ha.enabled is true and yarn.resourcemanager.ha.rm-ids is not set',
    })
  return ids
}

function resourceManagerAddress(conf: HadoopConfiguration, which: keyof typeof RM_PORTS, id: string | undefined): HostPort {
  const suffix = id === undefined ? '' : `.${id}`
  const property = `yarn.resourcemanager.${which}${suffix}`
  const given = readHostPort(conf, property, RM_PORTS[which])
  const hostname = conf.get(`yarn.resourcemanager.hostname${suffix}`)
  const address =
    given !== undefined && !isUnset(given.host)
      ? given
      : hostname === undefined
        ? undefined
        : { host: hostname, port: given?.port ?? RM_PORTS[which] }
  if (address === undefined || isUnset(address.host)) {
    throw new HadoopConfigurationMissing({
      reason: `The ResourceManager's address is not configured: neither ${property} nor yarn.resourcemanager.hostname${suffix} names a host`,
    })
  }
  return address
}

/** yarn.http.policy; HTTPS_ONLY means that only the https address serves. */
export function isYarnHttps(conf: HadoopConfiguration): boolean {
  return conf.get('yarn.http.policy') === 'HTTPS_ONLY'
}

/** Base URLs of the ResourceManagers' web services, `http://rm:8088`, without a trailing slash. @throws HADOOP_CONF_MISSING */
export function resourceManagerWebUrls(conf: HadoopConfiguration): string[] {
  const https = isYarnHttps(conf)
  return resourceManagerIds(conf).map((id) => {
    const address = resourceManagerAddress(conf, https ? 'webapp.https.address' : 'webapp.address', id)
    return `${https ? 'https' : 'http'}://${formatHostPort(address)}`
  })
}

/** Hosts that YARN's web proxy may run on: its own, and those of the ResourceManagers. @throws HADOOP_CONF_MISSING */
export function webProxyHosts(conf: HadoopConfiguration): string[] {
  const own = readHostPort(conf, 'yarn.web-proxy.address', RM_PORTS['webapp.address'])
  const which = isYarnHttps(conf) ? 'webapp.https.address' : 'webapp.address'
  const managers = resourceManagerIds(conf).map((id) => resourceManagerAddress(conf, which, id).host)
  return [...new Set(own === undefined || isUnset(own.host) ? managers : [own.host, ...managers])]
}

/** Where clients call the ResourceManagers by RPC. @throws HADOOP_CONF_MISSING */
export function resourceManagerAddresses(conf: HadoopConfiguration): HostPort[] {
  return resourceManagerIds(conf).map((id) => resourceManagerAddress(conf, 'address', id))
}

/** Where an application master registers and allocates. @throws HADOOP_CONF_MISSING */
export function resourceManagerSchedulerAddresses(conf: HadoopConfiguration): HostPort[] {
  return resourceManagerIds(conf).map((id) => resourceManagerAddress(conf, 'scheduler.address', id))
}

/** `hdfs://nameservice` or `hdfs://host:port`, without trailing slash; `file:///` where nothing is configured. */
export function defaultFileSystem(conf: HadoopConfiguration): string {
  const value = conf.get('fs.defaultFS') ?? 'file:///'
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) {
    throw new HadoopPropertyInvalid({
      property: 'fs.defaultFS',
      value,
      reason: 'it should be a URI such as hdfs://host:8020',
      source: conf.sourceOf('fs.defaultFS') ?? '',
    })
  }
  return value.startsWith('file:') ? 'file:///' : value.replace(/\/+$/, '')
}

/** dfs.http.policy HTTPS_ONLY. */
export function isHdfsHttps(conf: HadoopConfiguration): boolean {
  return conf.get('dfs.http.policy') === 'HTTPS_ONLY'
}

/** Some of the cluster's web services answer by HTTPS only. */
export function servesHttps(conf: HadoopConfiguration): boolean {
  return isYarnHttps(conf) || isHdfsHttps(conf)
}

/**
 * Base URLs of the NameNodes' web services behind the authority of an `hdfs://` URI: a nameservice, or `host[:port]`.
 * A host that the configuration does not know gets Hadoop's default port. @throws HADOOP_CONF_INVALID_PROPERTY
 */
export function nameNodeWebUrls(conf: HadoopConfiguration, authority: string): string[] {
  const https = isHdfsHttps(conf)
  const which = https ? 'https-address' : 'http-address'
  const url = ({ host, port }: HostPort): string => `${https ? 'https' : 'http'}://${formatHostPort({ host, port })}`
  const services = conf.getList('dfs.nameservices')
  if (services.includes(authority)) {
    return nameServiceNodes(conf, authority).map((suffix) => {
      const rpc = readHostPort(conf, `dfs.namenode.rpc-address${suffix}`, NAMENODE_PORTS['rpc-address'])
      const web = reachable(readHostPort(conf, `dfs.namenode.${which}${suffix}`, NAMENODE_PORTS[which]), rpc?.host, NAMENODE_PORTS[which])
      if (web === undefined)
        throw new HadoopConfigurationMissing({ reason: `Nameservice '${authority}' has no dfs.namenode.${which}${suffix}` })
      return url(web)
    })
  }
  const asked = parseHostPort(authority, NAMENODE_PORTS['rpc-address'])
  if (asked === undefined) {
    throw new HadoopPropertyInvalid({
      property: 'fs.defaultFS',
      value: `hdfs://${authority}`,
      reason: 'its authority is neither a known nameservice nor host:port',
      source: 'path',
    })
  }
  const configured = configuredNameNodes(conf).find(({ rpc }) => rpc.host === asked.host && rpc.port === asked.port)
  const web =
    configured === undefined
      ? undefined
      : reachable(readHostPort(conf, `dfs.namenode.${which}${configured.suffix}`, NAMENODE_PORTS[which]), asked.host, NAMENODE_PORTS[which])
  return [url(web ?? { host: asked.host, port: NAMENODE_PORTS[which] })]
}

/** RPC addresses of the NameNodes behind the authority of an `hdfs://` URI. @throws HADOOP_CONF_MISSING */
export function nameNodeRpcAddresses(conf: HadoopConfiguration, authority: string): HostPort[] {
  if (conf.getList('dfs.nameservices').includes(authority)) {
    return nameServiceNodes(conf, authority).map((suffix) => {
      const rpc = readHostPort(conf, `dfs.namenode.rpc-address${suffix}`, NAMENODE_PORTS['rpc-address'])
      if (rpc === undefined)
        throw new HadoopConfigurationMissing({ reason: `Nameservice '${authority}' has no dfs.namenode.rpc-address${suffix}` })
      return rpc
    })
  }
  const asked = parseHostPort(authority, NAMENODE_PORTS['rpc-address'])
  return asked === undefined ? [] : [asked]
}

/** Property suffixes of the NameNodes of a nameservice. */
function nameServiceNodes(conf: HadoopConfiguration, service: string): string[] {
  const nodes = conf.getList(`dfs.ha.namenodes.${service}`)
  return nodes.length === 0 ? [`.${service}`] : nodes.map((node) => `.${service}.${node}`)
}

function configuredNameNodes(conf: HadoopConfiguration): { suffix: string; rpc: HostPort }[] {
  const suffixes = ['', ...conf.getList('dfs.nameservices').flatMap((service) => nameServiceNodes(conf, service))]
  return suffixes.flatMap((suffix) => {
    const given = readHostPort(conf, `dfs.namenode.rpc-address${suffix}`, NAMENODE_PORTS['rpc-address'])
    const fallback =
      suffix === '' ? parseHostPort(/^hdfs:\/\/([^/]*)/.exec(defaultFileSystem(conf))?.[1] ?? '', NAMENODE_PORTS['rpc-address']) : undefined
    const rpc = given ?? fallback
    return rpc === undefined ? [] : [{ suffix, rpc }]
  })
}

/** A NameNode that listens on all interfaces is reached by the host of its RPC address. */
function reachable(web: HostPort | undefined, rpcHost: string | undefined, defaultPort: number): HostPort | undefined {
  if (web !== undefined && !isUnset(web.host)) return web
  return rpcHost === undefined ? undefined : { host: rpcHost, port: web?.port ?? defaultPort }
}

/** hadoop.rpc.protection: the first of the list is what a client prefers. */
export function rpcProtection(conf: HadoopConfiguration): ('authentication' | 'integrity' | 'privacy')[] {
  const values = conf.getList('hadoop.rpc.protection')
  return (values.length === 0 ? ['authentication'] : values).map((value) => {
    const level = value.toLowerCase()
    if (level === 'authentication' || level === 'integrity' || level === 'privacy') return level
    throw new HadoopPropertyInvalid({
      property: 'hadoop.rpc.protection',
      value,
      reason: 'it should be authentication, integrity or privacy',
      source: conf.sourceOf('hadoop.rpc.protection') ?? '',
    })
  })
}

/** True on a Kerberos cluster. */
export function isSecure(conf: HadoopConfiguration): boolean {
  return conf.get('hadoop.security.authentication')?.toLowerCase() === 'kerberos'
}

/** Silence after which the ResourceManager gives an application master up, ms. */
export function applicationMasterExpiryMillis(conf: HadoopConfiguration): number {
  return conf.getMillis('yarn.am.liveness-monitor.expiry-interval-ms', 600_000)
}

/**
 * Silence after which another attempt of an application master may be started while the silent one still runs, ms: its own expiry, or that
 * of its node.
 */
export function applicationMasterLeaseMillis(conf: HadoopConfiguration): number {
  return Math.min(applicationMasterExpiryMillis(conf), conf.getMillis('yarn.nm.liveness-monitor.expiry-interval-ms', 600_000))
}

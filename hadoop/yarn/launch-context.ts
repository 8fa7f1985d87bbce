/** What a NodeManager needs to start a container: ContainerLaunchContext, from plain data. */
import type { LocalResource } from '#core/cluster/application-descriptor.js'
import type { InferInput } from '../proto/message.js'
import type { ContainerLaunchContext, Url } from '../proto/yarn-records.js'
import { NO_CREDENTIALS, withoutToken, writeCredentials, type Credentials } from '../security/credentials.js'
import { TokenKind } from '../security/tokens.js'
import { UnusableLaunchText, environmentValue, launchCommand, type LaunchCommand } from './shell-text.js'

export interface LaunchContext {
  readonly resources: readonly LocalResource[]
  /** Values as the process shall see them. */
  readonly environment: Readonly<Record<string, string>>
  /** Values that the node's shell expands, unescaped: `{{PWD}}/runtime`. Set before `environment`. */
  readonly expandedEnvironment?: Readonly<Record<string, string>>
  readonly command: LaunchCommand
  /** The AMRM token and the ResourceManager’s delegation token are left out whatever is given here: a worker needs neither. */
  readonly credentials?: Credentials
  readonly viewAcl?: string
  readonly modifyAcl?: string
}

/** @throws YARN_UNUSABLE_LAUNCH_TEXT */
export function containerLaunchContext(launch: LaunchContext): InferInput<typeof ContainerLaunchContext> {
  const acls = []
  if (launch.viewAcl !== undefined) acls.push({ accessType: 'VIEW_APP' as const, acl: launch.viewAcl })
  if (launch.modifyAcl !== undefined) acls.push({ accessType: 'MODIFY_APP' as const, acl: launch.modifyAcl })
  return {
    localResources: launch.resources.map((resource) => ({
      key: resource.link,
      value: {
        resource: yarnUrl(resource.uri),
        size: BigInt(resource.size),
        timestamp: BigInt(resource.timestamp),
        type: resource.type,
        visibility: resource.visibility,
      },
    })),
    environment: launchEnvironment(launch),
    command: [launchCommand(launch.command)],
    tokens: writeCredentials(withoutToken(withoutToken(launch.credentials ?? NO_CREDENTIALS, TokenKind.amRm), TokenKind.rmDelegation)),
    applicationAcls: acls,
  }
}

/** Environment entries as they go into a launch context, by RPC or REST. @throws YARN_UNUSABLE_LAUNCH_TEXT */
export function launchEnvironment(launch: Pick<LaunchContext, 'environment' | 'expandedEnvironment'>): { key: string; value: string }[] {
  const entries = Object.entries(launch.expandedEnvironment ?? {}).map(([key, value]) => ({ key, value }))
  for (const [key, value] of Object.entries(launch.environment)) entries.push({ key, value: environmentValue(key, value) })
  return entries
}

/**
 * URLProto of a URI. The path is raw there, not percent-encoded; a missing port is -1, which an HA nameservice needs.
 *
 * @param uri `hdfs://host:8020/a/b`, `hdfs://nameservice/a`, `file:///a`, `hdfs:///a` (default file system)
 * @throws YARN_UNUSABLE_LAUNCH_TEXT
 */
export function yarnUrl(uri: string): InferInput<typeof Url> {
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/(?:([^/@]*)@)?(\[[^\]]*\]|[^/:]*)(?::(\d+))?)?(\/.*)$/s.exec(uri)
  if (parts === null) throw new UnusableLaunchText({ what: `file '${uri}'`, problem: 'it is not an absolute URI' })
  const [, scheme, userInfo, host, port, file] = parts
  return { scheme, host: host === '' ? undefined : host, port: port === undefined ? -1 : Number(port), file, userInfo }
}

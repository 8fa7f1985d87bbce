/**
 * The body of POST /ws/v1/cluster/apps. The ResourceManager ignores keys that it does not know, misspelt ones too, so their
 * names stand here once; what must not be lost silently (tags, type, queue) is read back after submission.
 */
import type { LocalResource } from '#core/cluster/application-descriptor.js'

export interface SubmissionContext {
  readonly applicationId: string
  readonly name: string
  /** At most 20 characters. */
  readonly type: string
  readonly queue: string
  readonly priority: number | undefined
  readonly tags: readonly string[]
  readonly maxAttempts: number
  /** Milliseconds; undefined: failed attempts count for ever. */
  readonly attemptFailuresValidityInterval: number | undefined
  /**
   * Milliseconds from the submission until YARN ends the application; undefined: never. REST knows no such key: it is set once the
   * application is accepted (ResourceManagerClient.setLifetime).
   */
  readonly lifetime: number | undefined
  readonly keepContainers: boolean
  readonly nodeLabel: string | undefined
  /** Of the application master. */
  readonly resource: { readonly memoryMb: number; readonly vcores: number }
  readonly localResources: readonly LocalResource[]
  readonly environment: Readonly<Record<string, string>>
  readonly command: string
  /** Alias to secret bytes; they arrive in the container's token file. */
  readonly secrets: Readonly<Record<string, Uint8Array>>
  /** Alias to token string (base64url, as REST and WebHDFS write tokens). */
  readonly tokens: Readonly<Record<string, string>>
  readonly acls: { readonly view?: string | undefined; readonly modify?: string | undefined }
  readonly rolledLogs: { readonly include?: string | undefined; readonly exclude?: string | undefined }
}

interface Entries {
  entry: { key: string; value: unknown }[]
}

export function submissionBody(context: SubmissionContext): Record<string, unknown> {
  const acls = {
    ...(context.acls.view === undefined ? {} : { VIEW_APP: context.acls.view }),
    ...(context.acls.modify === undefined ? {} : { MODIFY_APP: context.acls.modify }),
  }
  const { include, exclude } = context.rolledLogs
  return {
    'application-id': context.applicationId,
    'application-name': context.name,
    'application-type': context.type,
    queue: context.queue,
    ...(context.priority === undefined ? {} : { priority: context.priority }),
    'unmanaged-AM': false,
    'max-app-attempts': context.maxAttempts,
    'keep-containers-across-application-attempts': context.keepContainers,
    ...(context.attemptFailuresValidityInterval === undefined
      ? {}
      : { 'attempt-failures-validity-interval': context.attemptFailuresValidityInterval }),
    ...(context.nodeLabel === undefined
      ? {}
      : { 'app-node-label-expression': context.nodeLabel, 'am-container-node-label-expression': context.nodeLabel }),
    resource: { memory: context.resource.memoryMb, vCores: context.resource.vcores },
    // A plain array would be ignored.
    ...(context.tags.length === 0 ? {} : { 'application-tags': { tag: [...context.tags] } }),
    ...(include === undefined && exclude === undefined
      ? {}
      : {
          'log-aggregation-context': {
            ...(include === undefined ? {} : { 'rolled-log-include-pattern': include }),
            ...(exclude === undefined ? {} : { 'rolled-log-exclude-pattern': exclude }),
          },
        }),
    'am-container-spec': {
      'local-resources': entries(Object.fromEntries(context.localResources.map((resource) => [resource.link, resourceBody(resource)]))),
      environment: entries(context.environment),
      commands: { command: context.command },
      credentials: {
        tokens: entries(context.tokens),
        secrets: entries(
          Object.fromEntries(Object.entries(context.secrets).map(([alias, bytes]) => [alias, Buffer.from(bytes).toString('base64url')])),
        ),
      },
      'application-acls': entries(acls),
    },
  }
}

function resourceBody(resource: LocalResource): Record<string, unknown> {
  return {
    resource: encodedUri(resource.uri),
    type: resource.type,
    visibility: resource.visibility,
    size: resource.size,
    timestamp: resource.timestamp,
  }
}

function entries(values: Readonly<Record<string, unknown>>): Entries {
  return { entry: Object.entries(values).map(([key, value]) => ({ key, value })) }
}

/** REST takes a resource as a java.net.URI, which is percent-encoded (one that is not becomes a NullPointerException there). */
function encodedUri(uri: string): string {
  const [, origin = '', path = uri] = /^([a-z][a-z0-9+.-]*:\/\/[^/]*)(\/.*)$/is.exec(uri) ?? []
  return origin + path.split('/').map(encodeURIComponent).join('/')
}

/**
 * Submission by RPC (ApplicationClientProtocol), for clusters that have switched it off in REST (yarn.webapp.enable-rest-app-submissions). All else
 * goes by REST. Authenticates as the cluster wants it: by name, by Kerberos, or by the ResourceManager's delegation token.
 */
import type { Environment } from '#core/time/environment.js'
import { resourceManagerAddresses } from '../../conf/addresses.js'
import type { HadoopConfiguration } from '../../conf/hadoop-configuration.js'
import type { Authentication } from '../../ipc/authentication.js'
import { RpcClient } from '../../ipc/rpc-client.js'
import { ApplicationClientProtocol, type ApplicationSubmissionContext } from '../../proto/application-client-protocol.js'
import { MalformedMessage } from '../../proto/malformed-message.js'
import type { InferInput } from '../../proto/message.js'
import type { SubmissionContext } from '../../rest/submission.js'
import type { ClusterLogin } from '../../security/cluster-login.js'
import { findToken, writeCredentials } from '../../security/credentials.js'
import { tokenMethod } from '../../security/digest-md5.js'
import { TokenFileUnusable } from '../../security/errors.js'
import { kerberosMethod, ServerPrincipal } from '../../security/gssapi/sasl-gssapi.js'
import { parseRpcProtection, type SaslMethod } from '../../security/sasl-mechanism.js'
import { decodeToken, TokenKind } from '../../security/tokens.js'
import { formatApplicationId, parseApplicationId } from '../identifiers.js'
import { yarnUrl } from '../launch-context.js'

/** A person waits; the ResourceManager of a pair that is standby refuses at once. */
const CALL_TIMEOUT_MS = 30_000
const ROUNDS = 3

export interface ApplicationClient {
  /** @throws HADOOP_RPC_*, KERBEROS_* */
  newApplication(): Promise<{ applicationId: string; maximum: { memory: number; vCores: number } }>
  /** @throws HADOOP_REMOTE_EXCEPTION when the ResourceManager refuses; it may also refuse later */
  submit(context: SubmissionContext): Promise<void>
  close(): void
}

export function applicationClient(conf: HadoopConfiguration, login: ClusterLogin, environment: Environment): ApplicationClient {
  const client = new RpcClient({
    protocol: ApplicationClientProtocol,
    addresses: resourceManagerAddresses(conf),
    authentication: () => resourceManagerAuthentication(conf, login, environment),
    environment,
    callTimeoutMs: CALL_TIMEOUT_MS,
    rounds: ROUNDS,
  })
  return {
    async newApplication() {
      const { applicationId, maximumCapability } = await client.calls.getNewApplication({})
      if (applicationId === undefined)
        throw new MalformedMessage({ message: 'GetNewApplicationResponseProto', problem: 'it names no application' })
      return {
        applicationId: formatApplicationId(applicationId),
        maximum: { memory: Number(maximumCapability?.memory ?? 0n), vCores: maximumCapability?.virtualCores ?? 0 },
      }
    },
    async submit(context) {
      await client.calls.submitApplication({ applicationSubmissionContext: submissionMessage(context) })
    },
    close: () => client.close(),
  }
}

/** @throws HADOOP_TOKEN_FILE_UNUSABLE when all there is are tokens, and none is the ResourceManager's */
export function resourceManagerAuthentication(conf: HadoopConfiguration, login: ClusterLogin, environment: Environment): Authentication {
  const protection = parseRpcProtection(conf.get('hadoop.rpc.protection'))
  switch (login.kind) {
    case 'simple':
      return { user: login.user, realUser: login.realUser, methods: [] }
    case 'kerberos':
      return { methods: [kerberosLoginMethod(conf, login, ServerPrincipal.resourceManager(conf))] }
    case 'tokens': {
      const token = findToken(login.credentials!(), TokenKind.rmDelegation)
      if (token === undefined)
        throw new TokenFileUnusable({
          path: process.env['HADOOP_TOKEN_FILE_LOCATION'] ?? '',
          reason: 'it holds no RM_DELEGATION_TOKEN, which the ResourceManager wants',
        })
      return { methods: [tokenMethod(() => token, { random: environment.random, protection })] }
    }
  }
}

/** Kerberos, as whoever the login acts for. */
export function kerberosLoginMethod(
  conf: HadoopConfiguration,
  login: ClusterLogin,
  serverPrincipal: ReturnType<typeof ServerPrincipal.resourceManager>,
): SaslMethod {
  return kerberosMethod({
    login: login.kerberos!,
    protection: parseRpcProtection(conf.get('hadoop.rpc.protection')),
    serverPrincipal,
    ...(login.realUser === undefined ? {} : { effectiveUser: login.user }),
  })
}

/** As REST's body (rest/submission.ts), in YARN's own form. Pure. */
export function submissionMessage(context: SubmissionContext): InferInput<typeof ApplicationSubmissionContext> {
  const { acls, rolledLogs } = context
  const tokens = new Map(Object.entries(context.tokens).map(([alias, text]) => [alias, decodeToken(text)]))
  const secrets = new Map(Object.entries(context.secrets).map(([alias, bytes]) => [alias, Buffer.from(bytes)]))
  return {
    applicationId: parseApplicationId(context.applicationId),
    applicationName: context.name,
    queue: context.queue,
    ...(context.priority === undefined ? {} : { priority: { priority: context.priority } }),
    amContainerSpec: {
      localResources: context.localResources.map((resource) => ({
        key: resource.link,
        value: {
          resource: yarnUrl(resource.uri),
          size: BigInt(resource.size),
          timestamp: BigInt(resource.timestamp),
          type: resource.type,
          visibility: resource.visibility,
        },
      })),
      tokens: writeCredentials({ tokens, secrets }),
      environment: Object.entries(context.environment).map(([key, value]) => ({ key, value })),
      command: [context.command],
      applicationAcls: [
        ...(acls.view === undefined ? [] : [{ accessType: 'VIEW_APP' as const, acl: acls.view }]),
        ...(acls.modify === undefined ? [] : [{ accessType: 'MODIFY_APP' as const, acl: acls.modify }]),
      ],
    },
    maxAppAttempts: context.maxAttempts,
    resource: { memory: BigInt(context.resource.memoryMb), virtualCores: context.resource.vcores },
    applicationType: context.type,
    keepContainersAcrossApplicationAttempts: context.keepContainers,
    applicationTags: [...context.tags],
    ...(context.lifetime === undefined
      ? {}
      : {
          applicationTimeouts: [
            { applicationTimeoutType: 'APP_TIMEOUT_LIFETIME' as const, timeout: BigInt(Math.max(1, Math.ceil(context.lifetime / 1000))) },
          ],
        }),
    ...(context.attemptFailuresValidityInterval === undefined
      ? {}
      : { attemptFailuresValidityInterval: BigInt(context.attemptFailuresValidityInterval) }),
    ...(rolledLogs.include === undefined && rolledLogs.exclude === undefined
      ? {}
      : { logAggregationContext: { rolledLogsIncludePattern: rolledLogs.include, rolledLogsExcludePattern: rolledLogs.exclude } }),
    ...(context.nodeLabel === undefined
      ? {}
      : {
          nodeLabelExpression: context.nodeLabel,
          // REST's label of the master's container is this request's.
          amContainerResourceRequest: [
            {
              priority: { priority: 0 },
              resourceName: '*',
              capability: { memory: BigInt(context.resource.memoryMb), virtualCores: context.resource.vcores },
              numContainers: 1,
              nodeLabelExpression: context.nodeLabel,
            },
          ],
        }),
  }
}

/**
 * The application master's launch context: command, environment, files. Pure. What the NodeManager makes of it is a bash script, so
 * texts are escaped for that (hadoop/yarn/shell-text.ts). Secrets go into the credentials, never into command or environment.
 */
import { KEYTAB_ALIAS, SECRET_ALIAS, RUNTIME_LINK, type LocalResource } from '#core/cluster/application-descriptor.js'
import { masterHeapOptions } from '#core/cluster/memory-budget.js'
import type { Configuration } from '#core/config/configuration.js'
import { SECRET_VALUES_ALIAS, secretValues } from '#core/config/secret-values.js'
import { MASTER_ENV_PREFIX } from '#core/config/options/containerized.js'
import { JOBMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import {
  YARN_APPLICATION_ATTEMPTS,
  YARN_APPLICATION_LIFETIME,
  YARN_APPLICATION_NAME,
  YARN_APPLICATION_NODE_LABEL,
  YARN_APPLICATION_PRIORITY,
  YARN_APPLICATION_TYPE,
  YARN_ATTEMPT_FAILURES_VALIDITY,
  YARN_MODIFY_ACLS,
  YARN_ROLLED_LOGS_EXCLUDE,
  YARN_ROLLED_LOGS_INCLUDE,
  YARN_TAGS,
  YARN_VIEW_ACLS,
} from '#core/config/options/yarn.js'
import type { SubmissionContext } from '#hadoop/rest/submission.js'
import { environmentValue, launchCommand } from '#hadoop/yarn/shell-text.js'
import type { Preflight } from './preflight.js'

/** One simple command: bash is replaced by it, signals reach it, and nothing in it is left to expand. */
export function masterCommand(processBytes: number): string {
  return launchCommand({
    argv: [`./${RUNTIME_LINK}/node`, ...masterHeapOptions(processBytes), `./${RUNTIME_LINK}/am.mjs`],
  })
}

export interface LaunchInput {
  readonly applicationId: string
  readonly jobName: string
  readonly configuration: Configuration
  readonly preflight: Preflight
  readonly localResources: readonly LocalResource[]
  /** 32 random bytes. */
  readonly secret: Uint8Array
  /** The user's, for the master to obtain new tokens with. */
  readonly keytab?: Uint8Array | undefined
  /** Delegation tokens by alias; none on a cluster without Kerberos. */
  readonly tokens?: Readonly<Record<string, string>>
}

export function submissionContext(input: LaunchInput): SubmissionContext {
  const { configuration, preflight } = input
  const priority = configuration.get(YARN_APPLICATION_PRIORITY)
  const validity = configuration.get(YARN_ATTEMPT_FAILURES_VALIDITY)
  const values = secretValues(configuration.toRecord())
  const environment = Object.entries(configuration.withPrefix(MASTER_ENV_PREFIX)).map(
    ([name, value]) => [name, environmentValue(name, value)] as const,
  )
  return {
    applicationId: input.applicationId,
    name: configuration.get(YARN_APPLICATION_NAME) ?? input.jobName,
    type: configuration.get(YARN_APPLICATION_TYPE),
    queue: preflight.queue,
    priority: priority < 0 ? undefined : priority,
    tags: configuration.get(YARN_TAGS),
    maxAttempts: configuration.get(YARN_APPLICATION_ATTEMPTS),
    attemptFailuresValidityInterval: validity < 0 ? undefined : validity,
    lifetime: configuration.get(YARN_APPLICATION_LIFETIME),
    keepContainers: true,
    nodeLabel: configuration.get(YARN_APPLICATION_NODE_LABEL),
    resource: { memoryMb: preflight.master.memoryMb, vcores: preflight.master.vcores },
    localResources: input.localResources,
    environment: Object.fromEntries(environment),
    command: masterCommand(configuration.get(JOBMANAGER_PROCESS_SIZE)),
    secrets: {
      [SECRET_ALIAS]: input.secret,
      ...(values === undefined ? {} : { [SECRET_VALUES_ALIAS]: values }),
      ...(input.keytab === undefined ? {} : { [KEYTAB_ALIAS]: input.keytab }),
    },
    tokens: input.tokens ?? {},
    acls: { view: configuration.get(YARN_VIEW_ACLS), modify: configuration.get(YARN_MODIFY_ACLS) },
    rolledLogs: { include: configuration.get(YARN_ROLLED_LOGS_INCLUDE), exclude: configuration.get(YARN_ROLLED_LOGS_EXCLUDE) },
  }
}

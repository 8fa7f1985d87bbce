/**
 * The application master's launch context: command, environment, files. Pure. What the NodeManager makes of it is a bash script,
 * so texts are written for that: see `shellValue`. Secrets go into the credentials, never into command or environment.
 */
import { SECRET_ALIAS, RUNTIME_LINK, type LocalResource } from '#core/cluster/application-descriptor.js'
import { masterHeapMb } from '#core/cluster/memory-budget.js'
import type { Configuration } from '#core/config/configuration.js'
import { MASTER_ENV_PREFIX } from '#core/config/options/containerized.js'
import { JOBMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import {
  YARN_APPLICATION_ATTEMPTS,
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
import type { Preflight } from './preflight.js'

/**
 * A value that arrives literally. The NodeManager writes `export NAME="value"` without escaping anything, after it has replaced
 * `{{`, `}}`, `<LOG_DIR>` and `<CPS>`: so what bash would interpret is escaped, and those words are broken up by an empty
 * string in quotes (`}""}`), which bash joins again. A newline would end the line: it stands as it is, inside the quotes.
 */
export function shellValue(value: string): string {
  return value
    .replace(/[\\"$`]/g, '\\$&')
    .replace(/\{(?=\{)|\}(?=\})/g, '$&""')
    .replace(/<(?=(?:LOG_DIR|CPS|ADD_OPENS)>)/g, '$&""')
}

/** One simple command: bash is replaced by it, signals reach it, and nothing in it is left to expand. */
export function masterCommand(processBytes: number): string {
  return (
    `exec ./${RUNTIME_LINK}/node --max-old-space-size=${masterHeapMb(processBytes)} ./${RUNTIME_LINK}/am.mjs ` + '1><LOG_DIR>/stdout 2><LOG_DIR>/stderr'
  )
}

export interface LaunchInput {
  readonly applicationId: string
  readonly jobName: string
  readonly configuration: Configuration
  readonly preflight: Preflight
  readonly localResources: readonly LocalResource[]
  /** 32 random bytes. */
  readonly secret: Uint8Array
}

export function submissionContext(input: LaunchInput): SubmissionContext {
  const { configuration, preflight } = input
  const priority = configuration.get(YARN_APPLICATION_PRIORITY)
  const validity = configuration.get(YARN_ATTEMPT_FAILURES_VALIDITY)
  const environment = Object.entries(configuration.withPrefix(MASTER_ENV_PREFIX)).map(([name, value]) => [name, shellValue(value)] as const)
  return {
    applicationId: input.applicationId,
    name: configuration.get(YARN_APPLICATION_NAME) ?? input.jobName,
    type: configuration.get(YARN_APPLICATION_TYPE),
    queue: preflight.queue,
    priority: priority < 0 ? undefined : priority,
    tags: configuration.get(YARN_TAGS),
    maxAttempts: configuration.get(YARN_APPLICATION_ATTEMPTS),
    attemptFailuresValidityInterval: validity < 0 ? undefined : validity,
    keepContainers: true,
    nodeLabel: configuration.get(YARN_APPLICATION_NODE_LABEL),
    resource: { memoryMb: preflight.master.memoryMb, vcores: preflight.master.vcores },
    localResources: input.localResources,
    environment: Object.fromEntries(environment),
    command: masterCommand(configuration.get(JOBMANAGER_PROCESS_SIZE)),
    secrets: { [SECRET_ALIAS]: input.secret },
    tokens: {},
    acls: { view: configuration.get(YARN_VIEW_ACLS), modify: configuration.get(YARN_MODIFY_ACLS) },
    rolledLogs: { include: configuration.get(YARN_ROLLED_LOGS_INCLUDE), exclude: configuration.get(YARN_ROLLED_LOGS_EXCLUDE) },
  }
}

/** Where a job goes, from the switches that can name a session. Nothing else decides it: no file remembers the last session. */
import { defineError } from '#core/errors/define-error.js'
import { commandConfiguration, dynamicProperties } from './settings.js'
import { TARGET } from '#core/config/options/execution.js'
import { YARN_APPLICATION_ID } from '#core/config/options/yarn.js'
import { SessionAddressMissing, SessionNotNamed, TargetMismatch } from '../session/errors.js'
import { addressOptions } from '../session/address.js'

export const UnknownTarget = defineError('CLI_UNKNOWN_TARGET', {
  recovery: 'none',
  message: (d: { target: string }) => `Unknown target '${d.target}'. Targets are local, yarn-application, yarn-session and remote.`,
})

const TARGETS = ['local', 'yarn-application', 'yarn-session', 'remote'] as const
export type Target = (typeof TARGETS)[number]

export function isTarget(text: string): text is Target {
  return (TARGETS as readonly string[]).includes(text)
}

interface SessionSwitches {
  readonly target?: string
  readonly jobmanager?: string
  readonly yarnapplicationId?: string
  readonly properties: readonly string[]
}

/** As options. `-m` and `-yid` say what the target is, unless it is given. @throws SESSION_ADDRESS_INVALID */
export function sessionSwitches({ jobmanager, yarnapplicationId }: SessionSwitches): Record<string, string> {
  return {
    ...(jobmanager === undefined ? {} : { [TARGET.key]: 'remote', ...addressOptions(jobmanager) }),
    ...(yarnapplicationId === undefined ? {} : { [TARGET.key]: 'yarn-session', [YARN_APPLICATION_ID.key]: yarnapplicationId }),
  }
}

/** A session that is named and not used is a mistake. @throws SESSION_TARGET_MISMATCH */
export function checkSessionSwitches({ jobmanager, yarnapplicationId, properties }: SessionSwitches, target: Target): void {
  const named = YARN_APPLICATION_ID.key in dynamicProperties(properties)
  if (target !== 'yarn-session' && (named || yarnapplicationId !== undefined))
    throw new TargetMismatch({ given: named ? `-D${YARN_APPLICATION_ID.key}` : '-yid', target, wanted: 'yarn-session' })
  if (target !== 'remote' && jobmanager !== undefined) throw new TargetMismatch({ given: '-m', target, wanted: 'remote' })
}

interface MasterSwitches {
  readonly target: string | undefined
  readonly jobManager: string | undefined
  readonly applicationId: string | undefined
  readonly properties: readonly string[]
  readonly installation: string
}

/**
 * Of verbs about jobs that run: does the command name a master? A target says what kind, and then one is needed.
 * @throws CLI_UNKNOWN_TARGET, SESSION_NOT_NAMED, SESSION_ADDRESS_MISSING, SESSION_TARGET_MISMATCH
 */
export function namesOneMaster({ target, jobManager, applicationId, properties, installation }: MasterSwitches): boolean {
  const onYarn = applicationId !== undefined || commandConfiguration(properties, {}, installation).has(YARN_APPLICATION_ID)
  if (target !== undefined && !isTarget(target)) throw new UnknownTarget({ target })
  if (target === 'remote' && jobManager === undefined) throw new SessionAddressMissing({})
  if (target?.startsWith('yarn-') === true) {
    if (jobManager !== undefined) throw new TargetMismatch({ given: '-m', target, wanted: 'remote' })
    if (!onYarn) throw new SessionNotNamed({})
  }
  return jobManager !== undefined || onYarn
}

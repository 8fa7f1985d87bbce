/** What a failed call to the ResourceManager means for the session. */
import { CannotAuthenticate, ServerNotTrusted, ServerUnreachable } from '../../ipc/errors.js'
import {
  AccessDenied,
  ApplicationAttemptNotFound,
  ApplicationNotFound,
  AuthenticationRefused,
  InvalidApplicationMasterRequest,
  InvalidContainerRelease,
  InvalidResourceBlacklist,
  InvalidResourceRequest,
  InvalidToken,
  NotRegistered,
  isRemoteException,
} from '../../ipc/remote-exception.js'
import { isTransient } from '../../ipc/retry.js'

export type FailureKind =
  /** Network, standby, or an exception without a meaning of its own: repeat the same request. */
  | 'transient'
  /** The RM restarted or failed over: register again, say everything again. */
  | 'not-registered'
  | 'attempt-over'
  /** Registered twice, or a wrong response id. */
  | 'invalid-request'
  | 'asks-rejected'
  | 'release-rejected'
  | 'blacklist-rejected'
  /** The AMRM token is not accepted, or the server is not to be trusted. */
  | 'refused'

export interface CallFailure {
  readonly kind: FailureKind
  readonly reason: string
  /** Java class, or the code of our own error. */
  readonly className: string
  /** Connections are refused where the ResourceManager should be: it does not run. */
  readonly nobodyListens?: boolean
}

export function callFailure(error: unknown): CallFailure {
  const message = error instanceof Error ? error.message : String(error)
  if (isRemoteException(error)) return { kind: kindOf(error), reason: error.details.reason || message, className: error.details.className }
  const nobodyListens = ServerUnreachable.is(error) && /refused/i.test(error.details.reason)
  return {
    kind: kindOf(error),
    reason: message,
    className: (error as { code?: string }).code ?? 'Error',
    ...(nobodyListens ? { nobodyListens } : {}),
  }
}

function kindOf(error: unknown): FailureKind {
  if (isTransient(error)) return 'transient'
  if (NotRegistered.is(error)) return 'not-registered'
  if (ApplicationAttemptNotFound.is(error) || ApplicationNotFound.is(error)) return 'attempt-over'
  if (InvalidApplicationMasterRequest.is(error)) return 'invalid-request'
  if (InvalidResourceRequest.is(error)) return 'asks-rejected'
  if (InvalidContainerRelease.is(error)) return 'release-rejected'
  if (InvalidResourceBlacklist.is(error)) return 'blacklist-rejected'
  if (
    InvalidToken.is(error) ||
    AccessDenied.is(error) ||
    AuthenticationRefused.is(error) ||
    CannotAuthenticate.is(error) ||
    ServerNotTrusted.is(error)
  )
    return 'refused'
  return 'transient'
}

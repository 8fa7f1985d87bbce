/** Java exceptions of HDFS to the errors of core/fs. The one place where their class names are told apart. */
import { WeftError } from '#core/errors/define-error.js'
import {
  FileSystemFailed,
  FileSystemUnavailable,
  PathAlreadyExists,
  PathNotFound,
  PermissionDenied,
  QuotaExceeded,
} from '#core/fs/errors.js'
import { isRemoteException, simpleName } from '../ipc/remote-exception.js'
import { HadoopAuthenticationFailed, HadoopUnreachable } from '../rest/errors.js'
import { isLoginFailure } from '../security/errors.js'
import type { TransientFailure } from './retry-policy.js'

/** Class name (without package) of the Java exception behind the error. */
export function javaClassOf(error: unknown): string | undefined {
  return isRemoteException(error) ? simpleName(error.details.className) : undefined
}

/** What kind of passing trouble the error is; undefined when trying again cannot help. */
export function transientFailure(error: unknown): TransientFailure | undefined {
  if (HadoopUnreachable.is(error)) return 'unreachable'
  switch (javaClassOf(error)) {
    case 'StandbyException':
    case 'ObserverRetryOnActiveException':
      return 'standby'
    case 'RetriableException':
    case 'SafeModeException':
    case 'ServerTooBusyException':
      return 'busy'
    default:
      return undefined
  }
}

/**
 * Whether a file that was being written is still the writer's own after `failure` (undefined: there was none). Not where somebody else
 * has made, replaced or removed it, where it was never made, and not where no answer came: what is there then may be anybody's.
 */
export function leavesOwnFile(failure: unknown): boolean {
  if (failure === undefined) return true
  switch (javaClassOf(failure)) {
    case undefined:
    case 'FileAlreadyExistsException':
    case 'AlreadyBeingCreatedException':
    case 'RecoveryInProgressException':
    case 'LeaseExpiredException':
    case 'FileNotFoundException':
    case 'ParentNotDirectoryException':
    case 'AccessControlException':
      return false
    default:
      return true
  }
}

/** The error of core/fs for a failed operation on `path`, with the original as its cause. */
export function toFileSystemError(error: unknown, path: string, operation: string): Error {
  const cause = { cause: error }
  if (HadoopUnreachable.is(error)) return new FileSystemUnavailable({ path, reason: error.message }, cause)
  if (HadoopAuthenticationFailed.is(error)) return new PermissionDenied({ path, reason: error.message }, cause)
  if (!isRemoteException(error)) {
    if (error instanceof WeftError && (error.code.startsWith('FS_') || isLoginFailure(error))) return error
    if (error instanceof WeftError) return new FileSystemFailed({ path, operation, reason: error.message }, cause)
    return error instanceof Error ? error : new Error(String(error))
  }
  const reason = error.details.reason
  switch (simpleName(error.details.className)) {
    case 'FileNotFoundException':
      if (/is not a file/i.test(reason)) return new FileSystemFailed({ path, operation, reason: 'it is a directory' }, cause)
      return new PathNotFound({ path }, cause)
    case 'FileAlreadyExistsException':
    case 'PathExistsException':
      return new PathAlreadyExists({ path }, cause)
    case 'AccessControlException':
    case 'SecurityException':
    case 'AuthorizationException':
      // HDFS repeats the words that the error's own message begins with.
      return new PermissionDenied({ path, reason: reason.replace(/^Permission denied: /, '') }, cause)
    case 'DSQuotaExceededException':
    case 'NSQuotaExceededException':
    case 'QuotaExceededException':
    case 'QuotaByStorageTypeExceededException':
      return new QuotaExceeded({ path, reason }, cause)
    case 'StandbyException':
    case 'RetriableException':
    case 'SafeModeException':
    case 'ServerTooBusyException':
      return new FileSystemUnavailable({ path, reason }, cause)
    default:
      return new FileSystemFailed({ path, operation, reason: `${reason} (${error.details.className})` }, cause)
  }
}

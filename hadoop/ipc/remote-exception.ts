/**
 * The one place where a Java exception from Hadoop becomes an error of ours. The Java class name is kept in `details.className`,
 * so that an exception without a kind of its own can still be told apart. RPC and REST (RemoteException JSON) both come here.
 */
import { defineError, WeftError, type ErrorKind, type Recovery } from '#core/errors/define-error.js'

export type RemoteExceptionDetails = {
  /** Java class, as sent: `org.apache.hadoop.security.token.SecretManager$InvalidToken`. */
  className: string
  /** First line of the message: for people. */
  reason: string
  /** The rest, Java stack included: for the debug log. */
  trace: string
  server: string
  call: string
}

function kind(
  code: string,
  recovery: Recovery,
  prefix: (details: RemoteExceptionDetails) => string = general,
): ErrorKind<RemoteExceptionDetails> {
  return defineError(code, { recovery, message: (c: RemoteExceptionDetails) => `${prefix(c)}: ${c.reason || simpleName(c.className)}` })
}
function general(c: RemoteExceptionDetails): string {
  return `${c.server} answered ${c.call} with ${simpleName(c.className)}`
}

/** Any exception without a kind of its own. */
export const RemoteException = kind('HADOOP_RPC_REMOTE_EXCEPTION', 'none')

export const StandbyServer = kind('HADOOP_RPC_STANDBY', 'retry-elsewhere', (c) => `${c.server} is not the active one`)
export const ServerAsksRetry = kind('HADOOP_RPC_RETRIABLE', 'retry-here', (c) => `${c.server} asks to try ${c.call} again later`)
export const AccessDenied = kind('HADOOP_RPC_ACCESS_DENIED', 'none', (c) => `${c.server} denied ${c.call}`)
export const InvalidToken = kind('HADOOP_RPC_INVALID_TOKEN', 'none', (c) => `${c.server} does not accept the token for ${c.call}`)
export const AuthenticationRefused = kind('HADOOP_RPC_AUTHENTICATION_REFUSED', 'none', (c) => `${c.server} refused the authentication`)
export const NoSuchMethod = kind('HADOOP_RPC_NO_SUCH_METHOD', 'none', (c) => `${c.server} does not know the call ${c.call}`)
export const UnsupportedRpcVersion = kind('HADOOP_RPC_VERSION', 'none', (c) => `${c.server} speaks another version of Hadoop RPC`)
export const FileNotFoundRemote = kind('HADOOP_RPC_FILE_NOT_FOUND', 'none')
export const FileAlreadyExistsRemote = kind('HADOOP_RPC_FILE_ALREADY_EXISTS', 'none')
export const SafeMode = kind('HADOOP_RPC_SAFE_MODE', 'retry-here', (c) => `${c.server} is in safe mode`)
export const QuotaExceeded = kind('HADOOP_RPC_QUOTA_EXCEEDED', 'none', (c) => `${c.server} refused ${c.call}, a quota is used up`)

export const NotRegistered = kind('YARN_AM_NOT_REGISTERED', 'retry-here')
export const ApplicationAttemptNotFound = kind('YARN_APPLICATION_ATTEMPT_NOT_FOUND', 'fail-process')
export const ApplicationNotFound = kind('YARN_APPLICATION_NOT_FOUND', 'none')
export const InvalidApplicationMasterRequest = kind('YARN_INVALID_AM_REQUEST', 'fail-process')
export const InvalidResourceRequest = kind('YARN_INVALID_RESOURCE_REQUEST', 'none', (c) => `${c.server} refused the requested resources`)
export const InvalidResourceBlacklist = kind('YARN_INVALID_BLACKLIST', 'none')
export const InvalidContainerRelease = kind('YARN_INVALID_CONTAINER_RELEASE', 'none')
export const NodeManagerNotReady = kind('YARN_NM_NOT_YET_READY', 'retry-here', (c) => `${c.server} is not ready yet`)
export const InvalidContainer = kind('YARN_INVALID_CONTAINER', 'none')

const KINDS: Readonly<Record<string, ErrorKind<RemoteExceptionDetails>>> = {
  'org.apache.hadoop.ipc.StandbyException': StandbyServer,
  'org.apache.hadoop.ipc.ObserverRetryOnActiveException': StandbyServer,
  'org.apache.hadoop.ipc.RetriableException': ServerAsksRetry,
  'org.apache.hadoop.ipc.RpcNoSuchMethodException': NoSuchMethod,
  'org.apache.hadoop.ipc.RpcNoSuchProtocolException': NoSuchMethod,
  'org.apache.hadoop.ipc.RPC$VersionMismatch': UnsupportedRpcVersion,
  'org.apache.hadoop.ipc.Server$VersionMismatch': UnsupportedRpcVersion,
  'org.apache.hadoop.security.AccessControlException': AccessDenied,
  'org.apache.hadoop.security.authorize.AuthorizationException': AccessDenied,
  'org.apache.hadoop.fs.permission.AccessControlException': AccessDenied,
  'java.security.AccessControlException': AccessDenied,
  'org.apache.hadoop.security.token.SecretManager$InvalidToken': InvalidToken,
  'javax.security.sasl.SaslException': AuthenticationRefused,
  'java.io.FileNotFoundException': FileNotFoundRemote,
  'org.apache.hadoop.fs.FileAlreadyExistsException': FileAlreadyExistsRemote,
  'org.apache.hadoop.hdfs.server.namenode.SafeModeException': SafeMode,
  'org.apache.hadoop.hdfs.protocol.DSQuotaExceededException': QuotaExceeded,
  'org.apache.hadoop.hdfs.protocol.NSQuotaExceededException': QuotaExceeded,
  'org.apache.hadoop.hdfs.protocol.QuotaByStorageTypeExceededException': QuotaExceeded,
  'org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException': NotRegistered,
  'org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException': ApplicationAttemptNotFound,
  'org.apache.hadoop.yarn.exceptions.ApplicationNotFoundException': ApplicationNotFound,
  'org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException': InvalidApplicationMasterRequest,
  'org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException': InvalidResourceRequest,
  'org.apache.hadoop.yarn.exceptions.InvalidLabelResourceRequestException': InvalidResourceRequest,
  'org.apache.hadoop.yarn.exceptions.SchedulerInvalidResoureRequestException': InvalidResourceRequest,
  'org.apache.hadoop.yarn.exceptions.ResourceNotFoundException': InvalidResourceRequest,
  'org.apache.hadoop.yarn.exceptions.InvalidResourceBlacklistRequestException': InvalidResourceBlacklist,
  'org.apache.hadoop.yarn.exceptions.InvalidContainerReleaseException': InvalidContainerRelease,
  'org.apache.hadoop.yarn.exceptions.NMNotYetReadyException': NodeManagerNotReady,
  'org.apache.hadoop.yarn.exceptions.InvalidContainerException': InvalidContainer,
}

const MAX_REASON = 4_000
const MAX_TRACE = 64_000

/**
 * @param message the Java message; a stack may follow on further lines
 * @param call what was asked, for the text: `allocate`, `GETFILESTATUS /a/b`
 */
export function remoteException(from: {
  className: string
  message: string
  server: string
  call: string
}): WeftError & { readonly details: RemoteExceptionDetails } {
  const { reason, trace } = splitMessage(from.message, from.className)
  const details = { className: from.className, reason, trace, server: from.server, call: from.call }
  return new (KINDS[from.className] ?? RemoteException)(details)
}

/** True for every error made by `remoteException`: the server answered, and this is its verdict. */
export function isRemoteException(error: unknown): error is WeftError & { readonly details: RemoteExceptionDetails } {
  return error instanceof Error && typeof (error as { details?: { className?: unknown } }).details?.className === 'string'
}

/** Whether `outer` is the error of a file system that `error`, a Java exception, was translated to: it says the same in better words. */
export function isToldBy(error: unknown, outer: unknown): boolean {
  return isRemoteException(error) && outer instanceof WeftError && outer.code.startsWith('FS_')
}

export function simpleName(className: string): string {
  return className.slice(Math.max(className.lastIndexOf('.'), className.lastIndexOf('$')) + 1)
}

/** Java's text is `[class: ]message\n\tat …`; the message itself may have several lines. */
function splitMessage(message: string, className: string): { reason: string; trace: string } {
  const stack = message.search(/\n\s*at [\w.$/<>]+\(/)
  const head = (stack < 0 ? message : message.slice(0, stack)).trim()
  const withoutClass = head.startsWith(`${className}: `) ? head.slice(className.length + 2) : head
  const newline = withoutClass.indexOf('\n')
  const first = newline < 0 ? withoutClass : withoutClass.slice(0, newline)
  const rest = newline < 0 ? '' : withoutClass.slice(newline + 1)
  const trace = [rest, stack < 0 ? '' : message.slice(stack + 1)].filter((part) => part !== '').join('\n')
  return { reason: first.trim().slice(0, MAX_REASON), trace: trace.slice(0, MAX_TRACE) }
}

/** What can go wrong between us and a Hadoop server, other than an exception that the server itself reports (remote-exception.ts). */
import { defineError } from '#core/errors/define-error.js'

/** No connection could be made. */
export const ServerUnreachable = defineError('HADOOP_RPC_UNREACHABLE', {
  recovery: 'retry-elsewhere',
  message: (c: { server: string; reason: string }) => `cannot connect to ${c.server}: ${c.reason}`,
})

/** The connection broke; whether the call was executed is not known. */
export const ConnectionLost = defineError('HADOOP_RPC_CONNECTION_LOST', {
  recovery: 'retry-elsewhere',
  message: (c: { server: string; reason: string }) => `lost the connection to ${c.server}: ${c.reason}`,
})

/** No answer in time; whether the call was executed is not known. */
export const CallTimedOut = defineError('HADOOP_RPC_CALL_TIMED_OUT', {
  recovery: 'retry-elsewhere',
  message: (c: { server: string; call: string; timeoutMs: number }) => `${c.server} did not answer ${c.call} within ${c.timeoutMs} ms`,
})

/** What answers there is not a Hadoop RPC server of version 9, or it broke the protocol. */
export const ProtocolViolation = defineError('HADOOP_RPC_PROTOCOL_VIOLATION', {
  recovery: 'none',
  message: (c: { server: string; problem: string }) => `${c.server} does not speak Hadoop RPC version 9 as expected: ${c.problem}`,
})

/** No way to authenticate that both sides have. */
export const CannotAuthenticate = defineError('HADOOP_RPC_CANNOT_AUTHENTICATE', {
  recovery: 'none',
  message: (c: { server: string; offered: readonly string[]; problem: string }) =>
    `cannot authenticate to ${c.server} via [${c.offered.join(', ')}]: ${c.problem}`,
})

/** The server did not prove that it knows the token's password, or a protected message was tampered with. */
export const ServerNotTrusted = defineError('HADOOP_RPC_SERVER_NOT_TRUSTED', {
  recovery: 'none',
  message: (c: { server: string; problem: string }) => `${c.server} cannot be trusted: ${c.problem}`,
})

/** The client was closed while the call was under way. */
export const ClientClosed = defineError('HADOOP_RPC_CLIENT_CLOSED', {
  recovery: 'none',
  message: (c: { server: string }) => `the connection to ${c.server} was closed by this side`,
})

/** The RPC layer's own messages: RpcHeader.proto, ProtobufRpcEngine2.proto, IpcConnectionContext.proto (package hadoop.common). */
import {
  type Infer,
  bytes,
  enumeration,
  int64,
  message,
  optional,
  repeated,
  required,
  sint32,
  string,
  uint32,
  uint64,
  withDefault,
} from './message.js'

export const RpcKind = enumeration('hadoop.common.RpcKindProto', { BUILTIN: 0, WRITABLE: 1, PROTOCOL_BUFFER: 2 })
export const RpcOperation = enumeration('hadoop.common.RpcRequestHeaderProto.OperationProto', {
  FINAL_PACKET: 0,
  CONTINUATION_PACKET: 1,
  CLOSE_CONNECTION: 2,
})

export const CallerContext = message('hadoop.common.RPCCallerContextProto', { context: required(1, string), signature: optional(2, bytes) })

export const RpcRequestHeader = message('hadoop.common.RpcRequestHeaderProto', {
  rpcKind: optional(1, RpcKind),
  rpcOp: optional(2, RpcOperation),
  callId: required(3, sint32),
  clientId: required(4, bytes),
  retryCount: withDefault(5, sint32, -1),
  callerContext: optional(7, CallerContext),
  stateId: optional(8, int64),
})

export const RequestHeader = message('hadoop.common.RequestHeaderProto', {
  methodName: required(1, string),
  declaringClassProtocolName: required(2, string),
  clientProtocolVersion: required(3, uint64),
})

export const UserInformation = message('hadoop.common.UserInformationProto', {
  effectiveUser: optional(1, string),
  realUser: optional(2, string),
})

export const IpcConnectionContext = message('hadoop.common.IpcConnectionContextProto', {
  userInfo: optional(2, UserInformation),
  protocol: optional(3, string),
})

export const RpcStatus = enumeration('hadoop.common.RpcResponseHeaderProto.RpcStatusProto', { SUCCESS: 0, ERROR: 1, FATAL: 2 })
export const RpcErrorDetail = enumeration('hadoop.common.RpcResponseHeaderProto.RpcErrorCodeProto', {
  ERROR_APPLICATION: 1,
  ERROR_NO_SUCH_METHOD: 2,
  ERROR_NO_SUCH_PROTOCOL: 3,
  ERROR_RPC_SERVER: 4,
  ERROR_SERIALIZING_RESPONSE: 5,
  ERROR_RPC_VERSION_MISMATCH: 6,
  FATAL_UNKNOWN: 10,
  FATAL_UNSUPPORTED_SERIALIZATION: 11,
  FATAL_INVALID_RPC_HEADER: 12,
  FATAL_DESERIALIZING_REQUEST: 13,
  FATAL_VERSION_MISMATCH: 14,
  FATAL_UNAUTHORIZED: 15,
})

export const RpcResponseHeader = message('hadoop.common.RpcResponseHeaderProto', {
  /** Unsigned here, signed in the request: -33 arrives as 4294967263. Read it as `callId | 0`. */
  callId: required(1, uint32),
  status: required(2, RpcStatus),
  serverIpcVersionNum: optional(3, uint32),
  exceptionClassName: optional(4, string),
  errorMsg: optional(5, string),
  errorDetail: optional(6, RpcErrorDetail),
  clientId: optional(7, bytes),
  retryCount: withDefault(8, sint32, -1),
  stateId: optional(9, int64),
})
export type RpcResponseHeader = Infer<typeof RpcResponseHeader>

export const SaslState = enumeration('hadoop.common.RpcSaslProto.SaslState', {
  SUCCESS: 0,
  NEGOTIATE: 1,
  INITIATE: 2,
  CHALLENGE: 3,
  RESPONSE: 4,
  WRAP: 5,
})
export const SaslAuth = message('hadoop.common.RpcSaslProto.SaslAuth', {
  method: required(1, string),
  mechanism: required(2, string),
  protocol: optional(3, string),
  serverId: optional(4, string),
  challenge: optional(5, bytes),
})
export type SaslAuth = Infer<typeof SaslAuth>
export const RpcSasl = message('hadoop.common.RpcSaslProto', {
  version: optional(1, uint32),
  state: required(2, SaslState),
  token: optional(3, bytes),
  auths: repeated(4, SaslAuth),
})
export type RpcSasl = Infer<typeof RpcSasl>

/** Call ids that are not calls. */
export const CALL_ID = { authorizationFailed: -1, invalid: -2, connectionContext: -3, ping: -4, sasl: -33 } as const
export const NO_RETRY = -1

/** Tokens, their identifiers and the credentials file of format 1: Security.proto, yarn_security_token.proto. */
import { type Infer, bytes, int32, int64, message, optional, repeated, required, string, withDefault } from './message.js'
import {
  ApplicationAttemptId,
  ContainerId,
  ContainerType,
  ExecutionType,
  LogAggregationContext,
  NodeId,
  Priority,
  Resource,
} from './yarn-records.js'
import { Token } from './token.js'

export const AmRmTokenIdentifier = message('hadoop.yarn.AMRMTokenIdentifierProto', {
  appAttemptId: optional(1, ApplicationAttemptId),
  keyId: withDefault(2, int32, -1),
})
export type AmRmTokenIdentifier = Infer<typeof AmRmTokenIdentifier>

export const NmTokenIdentifier = message('hadoop.yarn.NMTokenIdentifierProto', {
  appAttemptId: optional(1, ApplicationAttemptId),
  nodeId: optional(2, NodeId),
  appSubmitter: optional(3, string),
  keyId: withDefault(4, int32, -1),
})
export type NmTokenIdentifier = Infer<typeof NmTokenIdentifier>

export const ContainerTokenIdentifier = message('hadoop.yarn.ContainerTokenIdentifierProto', {
  containerId: optional(1, ContainerId),
  nmHostAddr: optional(2, string),
  appSubmitter: optional(3, string),
  resource: optional(4, Resource),
  expiryTimeStamp: optional(5, int64),
  masterKeyId: withDefault(6, int32, -1),
  rmIdentifier: optional(7, int64),
  priority: optional(8, Priority),
  creationTime: optional(9, int64),
  logAggregationContext: optional(10, LogAggregationContext),
  nodeLabelExpression: optional(11, string),
  containerType: optional(12, ContainerType),
  executionType: withDefault(13, ExecutionType, 'GUARANTEED'),
  version: withDefault(14, int32, 0),
  allocationRequestId: withDefault(15, int64, -1n),
  allocationTags: repeated(16, string),
})
export type ContainerTokenIdentifier = Infer<typeof ContainerTokenIdentifier>

export const YarnDelegationTokenIdentifier = message('hadoop.yarn.YARNDelegationTokenIdentifierProto', {
  owner: optional(1, string),
  renewer: optional(2, string),
  realUser: optional(3, string),
  issueDate: optional(4, int64),
  maxDate: optional(5, int64),
  sequenceNumber: optional(6, int32),
  masterKeyId: withDefault(7, int32, -1),
})
export type YarnDelegationTokenIdentifier = Infer<typeof YarnDelegationTokenIdentifier>

export const CredentialsEntry = message('hadoop.common.CredentialsKVProto', {
  alias: required(1, string),
  token: optional(2, Token),
  secret: optional(3, bytes),
})
export const CredentialsFile = message('hadoop.common.CredentialsProto', {
  tokens: repeated(1, CredentialsEntry),
  secrets: repeated(2, CredentialsEntry),
})

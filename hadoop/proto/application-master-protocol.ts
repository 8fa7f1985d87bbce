/** ApplicationMaster to ResourceManager (scheduler port, 8030): yarn_service_protos.proto. */
import { call, protocol } from '../ipc/protocol.js'
import {
  type Infer,
  type InferInput,
  bool,
  bytes,
  enumeration,
  float,
  int32,
  message,
  optional,
  repeated,
  string,
  withDefault,
} from './message.js'
import { Token } from './token.js'
import {
  ApplicationAclMap,
  Container,
  ContainerId,
  ContainerStatus,
  FinalApplicationStatus,
  NmToken,
  NodeReport,
  PlacementConstraint,
  PreemptionMessage,
  Priority,
  RejectedSchedulingRequest,
  Resource,
  ResourceBlacklistRequest,
  ResourceProfiles,
  ResourceRequest,
  ResourceTypeInfo,
  SchedulerResourceTypes,
  SchedulingRequest,
  UpdateContainerError,
  UpdateContainerRequest,
  UpdatedContainer,
} from './yarn-records.js'

export const PlacementConstraintMapEntry = message('hadoop.yarn.PlacementConstraintMapEntryProto', {
  allocationTags: repeated(1, string),
  placementConstraint: optional(2, PlacementConstraint),
})

export const RegisterApplicationMasterRequest = message('hadoop.yarn.RegisterApplicationMasterRequestProto', {
  host: optional(1, string),
  rpcPort: optional(2, int32),
  trackingUrl: optional(3, string),
  placementConstraints: repeated(4, PlacementConstraintMapEntry),
})
export type RegisterApplicationMasterRequest = InferInput<typeof RegisterApplicationMasterRequest>

export const RegisterApplicationMasterResponse = message('hadoop.yarn.RegisterApplicationMasterResponseProto', {
  maximumCapability: optional(1, Resource),
  clientToAmTokenMasterKey: optional(2, bytes),
  applicationAcls: repeated(3, ApplicationAclMap),
  containersFromPreviousAttempts: repeated(4, Container),
  queue: optional(5, string),
  nmTokensFromPreviousAttempts: repeated(6, NmToken),
  schedulerResourceTypes: repeated(7, SchedulerResourceTypes),
  resourceProfiles: optional(8, ResourceProfiles),
  resourceTypes: repeated(9, ResourceTypeInfo),
})
export type RegisterApplicationMasterResponse = Infer<typeof RegisterApplicationMasterResponse>

export const FinishApplicationMasterRequest = message('hadoop.yarn.FinishApplicationMasterRequestProto', {
  diagnostics: optional(1, string),
  trackingUrl: optional(2, string),
  finalApplicationStatus: optional(3, FinalApplicationStatus),
})
export type FinishApplicationMasterRequest = InferInput<typeof FinishApplicationMasterRequest>
export const FinishApplicationMasterResponse = message('hadoop.yarn.FinishApplicationMasterResponseProto', {
  isUnregistered: withDefault(1, bool, false),
})
export type FinishApplicationMasterResponse = Infer<typeof FinishApplicationMasterResponse>

export const AmCommand = enumeration('hadoop.yarn.AMCommandProto', { AM_RESYNC: 1, AM_SHUTDOWN: 2 })
export const CollectorInfo = message('hadoop.yarn.CollectorInfoProto', {
  collectorAddr: optional(1, string),
  collectorToken: optional(2, Token),
})
export const EnhancedHeadroom = message('hadoop.yarn.EnhancedHeadroomProto', {
  totalPendingCount: optional(1, int32),
  totalActiveCores: optional(2, int32),
})

export const AllocateRequest = message('hadoop.yarn.AllocateRequestProto', {
  ask: repeated(1, ResourceRequest),
  release: repeated(2, ContainerId),
  blacklistRequest: optional(3, ResourceBlacklistRequest),
  responseId: optional(4, int32),
  /** 0..1, shown in YARN's UI. */
  progress: optional(5, float),
  updateRequests: repeated(7, UpdateContainerRequest),
  schedulingRequests: repeated(10, SchedulingRequest),
  trackingUrl: optional(11, string),
})
export type AllocateRequest = InferInput<typeof AllocateRequest>

export const AllocateResponse = message('hadoop.yarn.AllocateResponseProto', {
  amCommand: optional(1, AmCommand),
  responseId: withDefault(2, int32, 0),
  allocatedContainers: repeated(3, Container),
  completedContainerStatuses: repeated(4, ContainerStatus),
  limit: optional(5, Resource),
  updatedNodes: repeated(6, NodeReport),
  numClusterNodes: optional(7, int32),
  preempt: optional(8, PreemptionMessage),
  nmTokens: repeated(9, NmToken),
  amRmToken: optional(12, Token),
  applicationPriority: optional(13, Priority),
  collectorInfo: optional(14, CollectorInfo),
  updateErrors: repeated(15, UpdateContainerError),
  updatedContainers: repeated(16, UpdatedContainer),
  containersFromPreviousAttempts: repeated(17, Container),
  rejectedSchedulingRequests: repeated(18, RejectedSchedulingRequest),
  enhancedHeadroom: optional(19, EnhancedHeadroom),
})
export type AllocateResponse = Infer<typeof AllocateResponse>

/** None is repeated by the RPC layer: the session (am-rm-session.ts) knows what a repetition must look like. */
export const ApplicationMasterProtocol = protocol('org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB', 1, {
  registerApplicationMaster: call(RegisterApplicationMasterRequest, RegisterApplicationMasterResponse, { retry: 'at-most-once' }),
  allocate: call(AllocateRequest, AllocateResponse, { retry: 'at-most-once' }),
  finishApplicationMaster: call(FinishApplicationMasterRequest, FinishApplicationMasterResponse, { retry: 'at-most-once' }),
})

/** Values that YARN's protocols share: yarn_protos.proto (package hadoop.yarn). Field numbers as in Hadoop 3.4.3 and 3.5.0. */
import {
  type Infer,
  type Message,
  bool,
  bytes,
  enumeration,
  float,
  int32,
  int64,
  lazy,
  message,
  optional,
  repeated,
  required,
  string,
  uint32,
  withDefault,
} from './message.js'
import { Token } from './token.js'

// ---------------------------------------------------------------------------------------------------------------- identifiers
export const ApplicationId = message('hadoop.yarn.ApplicationIdProto', {
  id: withDefault(1, int32, 0),
  clusterTimestamp: withDefault(2, int64, 0n),
})
export type ApplicationId = Infer<typeof ApplicationId>

export const ApplicationAttemptId = message('hadoop.yarn.ApplicationAttemptIdProto', {
  applicationId: required(1, ApplicationId),
  attemptId: withDefault(2, int32, 0),
})
export type ApplicationAttemptId = Infer<typeof ApplicationAttemptId>

/** `id`: low 40 bits the container's number, the rest the ResourceManager's epoch. */
export const ContainerId = message('hadoop.yarn.ContainerIdProto', {
  appAttemptId: required(2, ApplicationAttemptId),
  id: withDefault(3, int64, 0n),
})
export type ContainerId = Infer<typeof ContainerId>

export const NodeId = message('hadoop.yarn.NodeIdProto', { host: withDefault(1, string, ''), port: withDefault(2, int32, 0) })
export type NodeId = Infer<typeof NodeId>
export const Priority = message('hadoop.yarn.PriorityProto', { priority: withDefault(1, int32, 0) })

// ------------------------------------------------------------------------------------------------------------------ resources
export const ResourceTypes = enumeration('hadoop.yarn.ResourceTypesProto', { COUNTABLE: 0 })
export const StringStringMap = message('hadoop.yarn.StringStringMapProto', {
  key: withDefault(1, string, ''),
  value: withDefault(2, string, ''),
})
export const ResourceInformation = message('hadoop.yarn.ResourceInformationProto', {
  key: required(1, string),
  value: withDefault(2, int64, 0n),
  units: optional(3, string),
  type: optional(4, ResourceTypes),
  tags: repeated(5, string),
  attributes: repeated(6, StringStringMap),
})
/** `memory` in MiB. The map repeats both under `memory-mb` and `vcores` in answers. */
export const Resource = message('hadoop.yarn.ResourceProto', {
  memory: withDefault(1, int64, 0n),
  virtualCores: withDefault(2, int32, 0),
  resourceValueMap: repeated(3, ResourceInformation),
})
export type Resource = Infer<typeof Resource>
export const ResourceTypeInfo = message('hadoop.yarn.ResourceTypeInfoProto', {
  name: required(1, string),
  units: optional(2, string),
  type: optional(3, ResourceTypes),
})
export const ResourceProfileEntry = message('hadoop.yarn.ResourceProfileEntry', {
  name: required(1, string),
  resources: required(2, Resource),
})
export const ResourceProfiles = message('hadoop.yarn.ResourceProfilesProto', { resourceProfilesMap: repeated(1, ResourceProfileEntry) })
export const SchedulerResourceTypes = enumeration('hadoop.yarn.SchedulerResourceTypes', { MEMORY: 0, CPU: 1 })
export const ResourceUtilization = message('hadoop.yarn.ResourceUtilizationProto', {
  pmem: optional(1, int32),
  vmem: optional(2, int32),
  cpu: optional(3, float),
})

export const ExecutionType = enumeration('hadoop.yarn.ExecutionTypeProto', { GUARANTEED: 1, OPPORTUNISTIC: 2 })
export const ExecutionTypeRequest = message('hadoop.yarn.ExecutionTypeRequestProto', {
  executionType: withDefault(1, ExecutionType, 'GUARANTEED'),
  enforceExecutionType: withDefault(2, bool, false),
})
export const ContainerType = enumeration('hadoop.yarn.ContainerTypeProto', { APPLICATION_MASTER: 1, TASK: 2 })

/** One row of the ask table: `numContainers` is the total still outstanding for (priority, allocationRequestId, resourceName). */
export const ResourceRequest = message('hadoop.yarn.ResourceRequestProto', {
  priority: optional(1, Priority),
  resourceName: optional(2, string),
  capability: optional(3, Resource),
  numContainers: withDefault(4, int32, 0),
  relaxLocality: withDefault(5, bool, true),
  nodeLabelExpression: optional(6, string),
  executionTypeRequest: optional(7, ExecutionTypeRequest),
  allocationRequestId: withDefault(8, int64, -1n),
})
export type ResourceRequest = Infer<typeof ResourceRequest>

export const ResourceBlacklistRequest = message('hadoop.yarn.ResourceBlacklistRequestProto', {
  blacklistAdditions: repeated(1, string),
  blacklistRemovals: repeated(2, string),
})

// ------------------------------------------------------------------------------------------------------------------- containers
export const Container = message('hadoop.yarn.ContainerProto', {
  id: optional(1, ContainerId),
  nodeId: optional(2, NodeId),
  nodeHttpAddress: optional(3, string),
  resource: optional(4, Resource),
  priority: optional(5, Priority),
  containerToken: optional(6, Token),
  executionType: withDefault(7, ExecutionType, 'GUARANTEED'),
  allocationRequestId: withDefault(8, int64, -1n),
  version: withDefault(9, int32, 0),
  allocationTags: repeated(10, string),
  exposedPorts: optional(11, string),
})
export type Container = Infer<typeof Container>

export const ContainerState = enumeration('hadoop.yarn.ContainerStateProto', { NEW: 1, RUNNING: 2, COMPLETE: 3 })
export const ContainerSubState = enumeration('hadoop.yarn.ContainerSubStateProto', {
  SCHEDULED: 1,
  RUNNING: 2,
  PAUSED: 3,
  COMPLETING: 4,
  DONE: 5,
})
export const ContainerStatus = message('hadoop.yarn.ContainerStatusProto', {
  containerId: optional(1, ContainerId),
  state: optional(2, ContainerState),
  diagnostics: withDefault(3, string, 'N/A'),
  exitStatus: withDefault(4, int32, -1000),
  capability: optional(5, Resource),
  executionType: withDefault(6, ExecutionType, 'GUARANTEED'),
  containerAttributes: repeated(7, StringStringMap),
  containerSubState: optional(8, ContainerSubState),
})
export type ContainerStatus = Infer<typeof ContainerStatus>

// ------------------------------------------------------------------------------------------------------------------------ nodes
export const NodeState = enumeration('hadoop.yarn.NodeStateProto', {
  NEW: 1,
  RUNNING: 2,
  UNHEALTHY: 3,
  DECOMMISSIONED: 4,
  LOST: 5,
  REBOOTED: 6,
  DECOMMISSIONING: 7,
  SHUTDOWN: 8,
})
export const NodeUpdateType = enumeration('hadoop.yarn.NodeUpdateTypeProto', { NODE_USABLE: 0, NODE_UNUSABLE: 1, NODE_DECOMMISSIONING: 2 })
export const NodeReport = message('hadoop.yarn.NodeReportProto', {
  nodeId: optional(1, NodeId),
  httpAddress: optional(2, string),
  rackName: optional(3, string),
  used: optional(4, Resource),
  capability: optional(5, Resource),
  numContainers: optional(6, int32),
  nodeState: optional(7, NodeState),
  healthReport: optional(8, string),
  lastHealthReportTime: optional(9, int64),
  nodeLabels: repeated(10, string),
  containersUtilization: optional(11, ResourceUtilization),
  nodeUtilization: optional(12, ResourceUtilization),
  decommissioningTimeout: optional(13, uint32),
  nodeUpdateType: optional(14, NodeUpdateType),
})
export type NodeReport = Infer<typeof NodeReport>

export const NmToken = message('hadoop.yarn.NMTokenProto', { nodeId: optional(1, NodeId), token: optional(2, Token) })
export type NmToken = Infer<typeof NmToken>

// ---------------------------------------------------------------------------------------------------------------- launch context
export const Url = message('hadoop.yarn.URLProto', {
  scheme: optional(1, string),
  host: optional(2, string),
  port: optional(3, int32),
  file: optional(4, string),
  userInfo: optional(5, string),
})
export const LocalResourceType = enumeration('hadoop.yarn.LocalResourceTypeProto', { ARCHIVE: 1, FILE: 2, PATTERN: 3 })
export const LocalResourceVisibility = enumeration('hadoop.yarn.LocalResourceVisibilityProto', { PUBLIC: 1, PRIVATE: 2, APPLICATION: 3 })
export const LocalResource = message('hadoop.yarn.LocalResourceProto', {
  resource: optional(1, Url),
  size: optional(2, int64),
  /** Must equal the file's modification time (ms) at localization. */
  timestamp: optional(3, int64),
  type: optional(4, LocalResourceType),
  visibility: optional(5, LocalResourceVisibility),
  pattern: optional(6, string),
  shouldBeUploadedToSharedCache: optional(7, bool),
})
export const StringLocalResourceMap = message('hadoop.yarn.StringLocalResourceMapProto', {
  key: withDefault(1, string, ''),
  value: optional(2, LocalResource),
})
export const StringBytesMap = message('hadoop.yarn.StringBytesMapProto', { key: withDefault(1, string, ''), value: optional(2, bytes) })
export const ApplicationAccessType = enumeration('hadoop.yarn.ApplicationAccessTypeProto', { VIEW_APP: 1, MODIFY_APP: 2 })
export const ApplicationAclMap = message('hadoop.yarn.ApplicationACLMapProto', {
  accessType: withDefault(1, ApplicationAccessType, 'VIEW_APP'),
  acl: withDefault(2, string, ' '),
})
export const ContainerRetryPolicy = enumeration('hadoop.yarn.ContainerRetryPolicyProto', {
  NEVER_RETRY: 0,
  RETRY_ON_ALL_ERRORS: 1,
  RETRY_ON_SPECIFIC_ERROR_CODES: 2,
})
export const ContainerRetryContext = message('hadoop.yarn.ContainerRetryContextProto', {
  retryPolicy: withDefault(1, ContainerRetryPolicy, 'NEVER_RETRY'),
  errorCodes: repeated(2, int32),
  maxRetries: withDefault(3, int32, 0),
  retryInterval: withDefault(4, int32, 0),
  failuresValidityInterval: withDefault(5, int64, -1n),
})
export const ContainerLaunchContext = message('hadoop.yarn.ContainerLaunchContextProto', {
  localResources: repeated(1, StringLocalResourceMap),
  tokens: optional(2, bytes),
  serviceData: repeated(3, StringBytesMap),
  environment: repeated(4, StringStringMap),
  command: repeated(5, string),
  applicationAcls: repeated(6, ApplicationAclMap),
  containerRetryContext: optional(7, ContainerRetryContext),
  tokensConf: optional(8, bytes),
})
export type ContainerLaunchContext = Infer<typeof ContainerLaunchContext>

export const LogAggregationContext = message('hadoop.yarn.LogAggregationContextProto', {
  includePattern: optional(1, string),
  excludePattern: optional(2, string),
  rolledLogsIncludePattern: optional(3, string),
  rolledLogsExcludePattern: optional(4, string),
  logAggregationPolicyClassName: optional(5, string),
  logAggregationPolicyParameters: optional(6, string),
})

// --------------------------------------------------------------------------------------------------------- preemption, updates
export const PreemptionContainer = message('hadoop.yarn.PreemptionContainerProto', { id: optional(1, ContainerId) })
export const PreemptionResourceRequest = message('hadoop.yarn.PreemptionResourceRequestProto', { resource: optional(1, ResourceRequest) })
export const StrictPreemptionContract = message('hadoop.yarn.StrictPreemptionContractProto', {
  container: repeated(1, PreemptionContainer),
})
export const PreemptionContract = message('hadoop.yarn.PreemptionContractProto', {
  resource: repeated(1, PreemptionResourceRequest),
  container: repeated(2, PreemptionContainer),
})
export const PreemptionMessage = message('hadoop.yarn.PreemptionMessageProto', {
  strictContract: optional(1, StrictPreemptionContract),
  contract: optional(2, PreemptionContract),
})
export type PreemptionMessage = Infer<typeof PreemptionMessage>

export const ContainerUpdateType = enumeration('hadoop.yarn.ContainerUpdateTypeProto', {
  INCREASE_RESOURCE: 0,
  DECREASE_RESOURCE: 1,
  PROMOTE_EXECUTION_TYPE: 2,
  DEMOTE_EXECUTION_TYPE: 3,
})
export const UpdateContainerRequest = message('hadoop.yarn.UpdateContainerRequestProto', {
  containerVersion: required(1, int32),
  containerId: required(2, ContainerId),
  updateType: required(3, ContainerUpdateType),
  capability: optional(4, Resource),
  executionType: optional(5, ExecutionType),
})
export const UpdateContainerError = message('hadoop.yarn.UpdateContainerErrorProto', {
  reason: optional(1, string),
  updateRequest: optional(2, UpdateContainerRequest),
  currentContainerVersion: optional(3, int32),
})
export const UpdatedContainer = message('hadoop.yarn.UpdatedContainerProto', {
  updateType: required(1, ContainerUpdateType),
  container: required(2, Container),
})

// -------------------------------------------------------------------------------------------------------- scheduling requests
export interface PlacementConstraint {
  simpleConstraint?: Infer<typeof SimplePlacementConstraint>
  compositeConstraint?: CompositePlacementConstraint
}
interface CompositePlacementConstraint {
  compositeType: 'AND' | 'OR' | 'DELAYED_OR'
  childConstraints: PlacementConstraint[]
  timedChildConstraints: TimedPlacementConstraint[]
}
interface TimedPlacementConstraint {
  placementConstraint: PlacementConstraint
  schedulingDelay: bigint
  delayUnit: 'MILLISECONDS' | 'OPPORTUNITIES'
}
export const PlacementConstraintTarget = message('hadoop.yarn.PlacementConstraintTargetProto', {
  targetType: required(1, enumeration('hadoop.yarn.TargetType', { NODE_ATTRIBUTE: 1, ALLOCATION_TAG: 2, SELF: 3 })),
  targetKey: optional(2, string),
  targetValues: repeated(3, string),
})
export const SimplePlacementConstraint = message('hadoop.yarn.SimplePlacementConstraintProto', {
  scope: required(1, string),
  targetExpressions: repeated(2, PlacementConstraintTarget),
  minCardinality: optional(3, int32),
  maxCardinality: optional(4, int32),
  attributeOpCode: optional(5, enumeration('hadoop.yarn.NodeAttributeOpCodeProto', { NO_OP: 1, EQ: 2, NE: 3 })),
})
export const PlacementConstraint: Message<PlacementConstraint> = message('hadoop.yarn.PlacementConstraintProto', {
  simpleConstraint: optional(1, SimplePlacementConstraint),
  compositeConstraint: optional(
    2,
    lazy(() => CompositePlacementConstraint),
  ),
})
const TimedPlacementConstraint: Message<TimedPlacementConstraint> = message('hadoop.yarn.TimedPlacementConstraintProto', {
  placementConstraint: required(1, PlacementConstraint),
  schedulingDelay: required(2, int64),
  delayUnit: withDefault(3, enumeration('hadoop.yarn.DelayUnit', { MILLISECONDS: 1, OPPORTUNITIES: 2 }), 'MILLISECONDS'),
})
const CompositePlacementConstraint: Message<CompositePlacementConstraint> = message('hadoop.yarn.CompositePlacementConstraintProto', {
  compositeType: required(1, enumeration('hadoop.yarn.CompositeType', { AND: 1, OR: 2, DELAYED_OR: 3 })),
  childConstraints: repeated(2, PlacementConstraint),
  timedChildConstraints: repeated(3, TimedPlacementConstraint),
})
export const ResourceSizing = message('hadoop.yarn.ResourceSizingProto', {
  numAllocations: optional(1, int32),
  resources: optional(2, Resource),
})
export const SchedulingRequest = message('hadoop.yarn.SchedulingRequestProto', {
  allocationRequestId: withDefault(1, int64, 0n),
  priority: optional(2, Priority),
  executionType: optional(3, ExecutionTypeRequest),
  allocationTags: repeated(4, string),
  resourceSizing: optional(5, ResourceSizing),
  placementConstraint: optional(6, PlacementConstraint),
})
export const RejectionReason = enumeration('hadoop.yarn.RejectionReasonProto', {
  COULD_NOT_PLACE_ON_NODE: 1,
  COULD_NOT_SCHEDULE_ON_NODE: 2,
})
export const RejectedSchedulingRequest = message('hadoop.yarn.RejectedSchedulingRequestProto', {
  reason: required(1, RejectionReason),
  request: required(2, SchedulingRequest),
})

// ---------------------------------------------------------------------------------------------------------------------- failures
/** A Java exception as data; `cause` chains. */
export interface SerializedException {
  message?: string
  trace?: string
  className?: string
  cause?: SerializedException
}
export const SerializedException: Message<SerializedException> = message('hadoop.yarn.SerializedExceptionProto', {
  message: optional(1, string),
  trace: optional(2, string),
  className: optional(3, string),
  cause: optional(
    4,
    lazy((): Message<SerializedException> => SerializedException),
  ),
})

export const FinalApplicationStatus = enumeration('hadoop.yarn.FinalApplicationStatusProto', {
  APP_UNDEFINED: 0,
  APP_SUCCEEDED: 1,
  APP_FAILED: 2,
  APP_KILLED: 3,
  APP_ENDED: 4,
})

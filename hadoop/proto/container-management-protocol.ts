/** ApplicationMaster to NodeManager: yarn_service_protos.proto. A call may succeed and still have failed every container: read `failedRequests`. */
import { call, protocol } from '../ipc/protocol.js'
import { type Infer, bool, enumeration, message, optional, repeated, required, withDefault } from './message.js'
import { Token } from './token.js'
import {
  ContainerId,
  ContainerLaunchContext,
  ContainerStatus,
  SerializedException,
  StringBytesMap,
  StringLocalResourceMap,
} from './yarn-records.js'

export const ContainerExceptionMap = message('hadoop.yarn.ContainerExceptionMapProto', {
  containerId: optional(1, ContainerId),
  exception: optional(2, SerializedException),
})
export type ContainerExceptionMap = Infer<typeof ContainerExceptionMap>

export const StartContainerRequest = message('hadoop.yarn.StartContainerRequestProto', {
  containerLaunchContext: optional(1, ContainerLaunchContext),
  containerToken: optional(2, Token),
})
export const StartContainersRequest = message('hadoop.yarn.StartContainersRequestProto', {
  startContainerRequest: repeated(1, StartContainerRequest),
})
export const StartContainersResponse = message('hadoop.yarn.StartContainersResponseProto', {
  servicesMetaData: repeated(1, StringBytesMap),
  succeededRequests: repeated(2, ContainerId),
  failedRequests: repeated(3, ContainerExceptionMap),
})
export const StopContainersRequest = message('hadoop.yarn.StopContainersRequestProto', { containerId: repeated(1, ContainerId) })
export const StopContainersResponse = message('hadoop.yarn.StopContainersResponseProto', {
  succeededRequests: repeated(1, ContainerId),
  failedRequests: repeated(2, ContainerExceptionMap),
})
export const GetContainerStatusesRequest = message('hadoop.yarn.GetContainerStatusesRequestProto', {
  containerId: repeated(1, ContainerId),
})
export const GetContainerStatusesResponse = message('hadoop.yarn.GetContainerStatusesResponseProto', {
  status: repeated(1, ContainerStatus),
  failedRequests: repeated(2, ContainerExceptionMap),
})
export const ContainerUpdateRequest = message('hadoop.yarn.ContainerUpdateRequestProto', { updateContainerToken: repeated(1, Token) })
export const ContainerUpdateResponse = message('hadoop.yarn.ContainerUpdateResponseProto', {
  succeededRequests: repeated(1, ContainerId),
  failedRequests: repeated(2, ContainerExceptionMap),
})
/** OUTPUT_THREAD_DUMP = SIGQUIT, GRACEFUL_SHUTDOWN = SIGTERM, FORCEFUL_SHUTDOWN = SIGKILL. */
export const SignalContainerCommand = enumeration('hadoop.yarn.SignalContainerCommandProto', {
  OUTPUT_THREAD_DUMP: 1,
  GRACEFUL_SHUTDOWN: 2,
  FORCEFUL_SHUTDOWN: 3,
})
export const SignalContainerRequest = message('hadoop.yarn.SignalContainerRequestProto', {
  containerId: required(1, ContainerId),
  command: required(2, SignalContainerCommand),
})
export const ResourceLocalizationRequest = message('hadoop.yarn.ResourceLocalizationRequestProto', {
  containerId: optional(1, ContainerId),
  localResources: repeated(2, StringLocalResourceMap),
})
export const ReInitializeContainerRequest = message('hadoop.yarn.ReInitializeContainerRequestProto', {
  containerId: optional(1, ContainerId),
  containerLaunchContext: optional(2, ContainerLaunchContext),
  autoCommit: withDefault(3, bool, true),
})
const Empty = message('hadoop.yarn.Empty', {})

/** `localize` adds files to a running container; restart, rollback and commit take the container id itself. */
export const ContainerManagementProtocol = protocol('org.apache.hadoop.yarn.api.ContainerManagementProtocolPB', 1, {
  startContainers: call(StartContainersRequest, StartContainersResponse, { retry: 'idempotent' }),
  stopContainers: call(StopContainersRequest, StopContainersResponse, { retry: 'idempotent' }),
  getContainerStatuses: call(GetContainerStatusesRequest, GetContainerStatusesResponse, { retry: 'idempotent' }),
  updateContainer: call(ContainerUpdateRequest, ContainerUpdateResponse, { retry: 'idempotent' }),
  signalToContainer: call(SignalContainerRequest, Empty, { retry: 'at-most-once' }),
  localize: call(ResourceLocalizationRequest, Empty, { retry: 'at-most-once' }),
  reInitializeContainer: call(ReInitializeContainerRequest, Empty, { retry: 'at-most-once' }),
  restartContainer: call(ContainerId, Empty, { retry: 'at-most-once' }),
  rollbackLastReInitialization: call(ContainerId, Empty, { retry: 'at-most-once' }),
  commitLastReInitialization: call(ContainerId, Empty, { retry: 'at-most-once' }),
})

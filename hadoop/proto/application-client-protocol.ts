/** What a client asks the ResourceManager by RPC, as far as REST cannot be used for it: yarn_service_protos.proto. */
import { call, protocol } from '../ipc/protocol.js'
import { type Infer, bool, enumeration, int32, int64, message, optional, repeated, string, withDefault } from './message.js'
import { ApplicationId, ContainerLaunchContext, LogAggregationContext, Priority, Resource, ResourceRequest } from './yarn-records.js'

export const ApplicationTimeoutType = enumeration('hadoop.yarn.ApplicationTimeoutTypeProto', { APP_TIMEOUT_LIFETIME: 1 })
export const ApplicationTimeoutMap = message('hadoop.yarn.ApplicationTimeoutMapProto', {
  applicationTimeoutType: optional(1, ApplicationTimeoutType),
  /** Seconds. */
  timeout: optional(2, int64),
})
export const ApplicationSubmissionContext = message('hadoop.yarn.ApplicationSubmissionContextProto', {
  applicationId: optional(1, ApplicationId),
  applicationName: withDefault(2, string, 'N/A'),
  queue: withDefault(3, string, 'default'),
  priority: optional(4, Priority),
  amContainerSpec: optional(5, ContainerLaunchContext),
  cancelTokensWhenComplete: withDefault(6, bool, true),
  unmanagedAm: withDefault(7, bool, false),
  maxAppAttempts: withDefault(8, int32, 0),
  resource: optional(9, Resource),
  applicationType: withDefault(10, string, 'YARN'),
  keepContainersAcrossApplicationAttempts: withDefault(11, bool, false),
  applicationTags: repeated(12, string),
  attemptFailuresValidityInterval: withDefault(13, int64, -1n),
  logAggregationContext: optional(14, LogAggregationContext),
  nodeLabelExpression: optional(16, string),
  amContainerResourceRequest: repeated(17, ResourceRequest),
  applicationTimeouts: repeated(18, ApplicationTimeoutMap),
})
export type ApplicationSubmissionContext = Infer<typeof ApplicationSubmissionContext>

export const GetNewApplicationRequest = message('hadoop.yarn.GetNewApplicationRequestProto', {})
export const GetNewApplicationResponse = message('hadoop.yarn.GetNewApplicationResponseProto', {
  applicationId: optional(1, ApplicationId),
  maximumCapability: optional(2, Resource),
})
export const SubmitApplicationRequest = message('hadoop.yarn.SubmitApplicationRequestProto', {
  applicationSubmissionContext: optional(1, ApplicationSubmissionContext),
})
export const SubmitApplicationResponse = message('hadoop.yarn.SubmitApplicationResponseProto', {})

export const ApplicationClientProtocol = protocol('org.apache.hadoop.yarn.api.ApplicationClientProtocolPB', 1, {
  getNewApplication: call(GetNewApplicationRequest, GetNewApplicationResponse, { retry: 'idempotent' }),
  // The same id by the same user twice is one application.
  submitApplication: call(SubmitApplicationRequest, SubmitApplicationResponse, { retry: 'idempotent' }),
})

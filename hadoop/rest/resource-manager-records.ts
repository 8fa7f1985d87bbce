/** What the ResourceManager's REST API answers, as far as it is read. Source: Hadoop 3.4 ResourceManager REST APIs. */
import * as z from '#core/zod.js'

/** Java's JSON writers give a list of one as the element itself, an empty one as null or nothing. */
export function oneOrMany<T extends z.ZodType>(element: T) {
  return z.preprocess(
    (value) => (value === undefined || value === null || value === '' ? [] : Array.isArray(value) ? value : [value]),
    z.array(element),
  )
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')
const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)

export const ResourceSchema = z.object({ memory: z.number(), vCores: z.number() })
/** Memory in MiB. */
export type ClusterResource = z.infer<typeof ResourceSchema>

export const ClusterInfoAnswer = z.object({
  clusterInfo: z.object({
    id: z.number(),
    startedOn: z.number(),
    state: z.string(),
    haState: text,
    resourceManagerVersion: text,
    hadoopVersion: text,
  }),
})
export type ClusterInfo = z.infer<typeof ClusterInfoAnswer>['clusterInfo']

export const ClusterMetricsAnswer = z.object({
  clusterMetrics: z.object({
    appsRunning: count,
    appsPending: count,
    containersAllocated: count,
    containersPending: count,
    availableMB: count,
    allocatedMB: count,
    totalMB: count,
    availableVirtualCores: count,
    allocatedVirtualCores: count,
    totalVirtualCores: count,
    activeNodes: count,
    totalNodes: count,
  }),
})
export type ClusterMetrics = z.infer<typeof ClusterMetricsAnswer>['clusterMetrics']

export const NewApplicationAnswer = z.object({
  'application-id': z.string().regex(/^application_\d+_\d+$/),
  'maximum-resource-capability': ResourceSchema,
})

export const APPLICATION_STATES = ['NEW', 'NEW_SAVING', 'SUBMITTED', 'ACCEPTED', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED'] as const
/** States that REST shows besides: FINAL_SAVING, FINISHING, KILLING. */
export type ApplicationState = (typeof APPLICATION_STATES)[number] | (string & {})

export const ApplicationTimeoutSchema = z.object({
  /** LIFETIME is the only one there is. */
  type: z.string(),
  /** `2026-11-23T20:16:11.000+0000`, or UNLIMITED. */
  expiryTime: text,
  /** -1: unlimited; 0: over. */
  remainingTimeInSeconds: count,
})

export const ApplicationReportSchema = z.object({
  id: z.string(),
  user: text,
  name: text,
  queue: text,
  state: z.string() as unknown as z.ZodType<ApplicationState>,
  /** UNDEFINED until the end; then SUCCEEDED, FAILED, KILLED, ENDED. */
  finalStatus: text,
  /** 0 to 100. */
  progress: count,
  trackingUI: text,
  /** Empty, `null` or an http URL of the web proxy. */
  trackingUrl: text,
  diagnostics: text,
  applicationType: text,
  /** Separated by comma. */
  applicationTags: text,
  priority: count,
  startedTime: count,
  launchTime: count,
  finishedTime: count,
  /** `http://nm:8042/node/containerlogs/<container>/<user>` of the current attempt. */
  amContainerLogs: text,
  amHostHttpAddress: text,
  allocatedMB: z.number().nullish(),
  allocatedVCores: z.number().nullish(),
  runningContainers: z.number().nullish(),
  timeouts: z.object({ timeout: oneOrMany(ApplicationTimeoutSchema) }).nullish(),
})
export type ApplicationReport = z.infer<typeof ApplicationReportSchema>

/** When YARN will end it; undefined: never. Wall clock of the ResourceManager, ms. */
export function endOfLifetime({ timeouts }: ApplicationReport): number | undefined {
  const lifetime = timeouts?.timeout.find(({ type }) => type === 'LIFETIME')?.expiryTime
  // Java writes the zone without a colon, which Date does not promise to read.
  const end = Date.parse((lifetime ?? '').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
  return Number.isNaN(end) ? undefined : end
}

export const ApplicationAnswer = z.object({ app: ApplicationReportSchema })
export const ApplicationsAnswer = z.object({ apps: z.object({ app: oneOrMany(ApplicationReportSchema) }).nullish() })
export const StateAnswer = z.object({ state: z.string() })

export const AttemptSchema = z.object({
  id: z.number(),
  startTime: count,
  finishedTime: count,
  containerId: text,
  nodeHttpAddress: text,
  nodeId: text,
  logsLink: text,
  appAttemptId: text,
  diagnosticsInfo: text,
  appAttemptState: text,
})
export type ApplicationAttempt = z.infer<typeof AttemptSchema>
export const AttemptsAnswer = z.object({ appAttempts: z.object({ appAttempt: oneOrMany(AttemptSchema) }).nullish() })

/** The containers' page writes its numbers as text. */
const countInText = z
  .union([z.number(), z.string().regex(/^-?\d+$/)])
  .nullish()
  .transform((value) => (value === undefined || value === null ? undefined : Number(value)))

export const ContainerSchema = z.object({
  containerId: z.string(),
  allocatedMB: countInText.transform((value) => value ?? 0),
  allocatedVCores: countInText.transform((value) => value ?? 0),
  assignedNodeId: text,
  nodeHttpAddress: text,
  containerState: text,
  containerExitStatus: countInText,
  logUrl: text,
  startedTime: countInText.transform((value) => value ?? 0),
  finishedTime: countInText.transform((value) => value ?? 0),
  priority: text.or(z.number().transform(String)),
})
export type ContainerReport = z.infer<typeof ContainerSchema>
export const ContainersAnswer = z.object({
  containers: z.object({ container: oneOrMany(ContainerSchema) }).nullish(),
  container: oneOrMany(ContainerSchema).optional(),
})

export const NodeSchema = z.object({
  id: z.string(),
  state: z.string(),
  nodeHostName: text,
  nodeHTTPAddress: text,
  numContainers: count,
  usedMemoryMB: count,
  availMemoryMB: count,
  usedVirtualCores: count,
  availableVirtualCores: count,
})
export type NodeReport = z.infer<typeof NodeSchema>
export const NodesAnswer = z.object({ nodes: z.object({ node: oneOrMany(NodeSchema) }).nullish() })

/** Since Hadoop 3.1 (YARN-7813); `allowed` false comes with a reason. */
export const QueueAccessAnswer = z.object({ allowed: z.boolean(), user: text, diagnostics: text })
export type QueueAccess = z.infer<typeof QueueAccessAnswer>

/** POST /delegation-token; more stands in it. */
export const TokenAnswer = z.object({ token: z.string().max(64 * 1024) })

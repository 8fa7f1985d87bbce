/** Between YARN's records and the session's plain data. */
import type { Container, ContainerStatus, NodeReport, ResourceRequest } from '../../proto/yarn-records.js'
import type { InferInput } from '../../proto/message.js'
import { explainExit } from '../exit-status.js'
import { formatContainerId, nodeAddress } from '../identifiers.js'
import type { AllocatedContainer, Ask, CompletedContainer, FinalStatus, NodeUpdate } from './events.js'

const DEFAULT_RACK = '/default-rack'
export const ANY_HOST = '*'

/** Undefined for a record without the fields that every server sets. */
export function allocatedContainer(container: Container): AllocatedContainer | undefined {
  const { id, nodeId, containerToken, resource, priority } = container
  if (id === undefined || nodeId === undefined || containerToken === undefined) return undefined
  return {
    id: formatContainerId(id),
    node: nodeAddress(nodeId),
    nodeHttpAddress: container.nodeHttpAddress ?? '',
    priority: priority?.priority ?? 0,
    memoryMb: Number(resource?.memory ?? 0n),
    vcores: resource?.virtualCores ?? 0,
    token: containerToken,
  }
}

export function completedContainer(id: string, priority: number, status: ContainerStatus): CompletedContainer {
  const diagnostics = status.diagnostics === 'N/A' ? '' : status.diagnostics.trim()
  return { id, priority, exitStatus: status.exitStatus, exit: explainExit(status.exitStatus, diagnostics), diagnostics }
}

export function nodeUpdate(report: NodeReport): NodeUpdate | undefined {
  if (report.nodeId === undefined) return undefined
  const timeout = report.decommissioningTimeout
  return {
    node: nodeAddress(report.nodeId),
    state: report.nodeState ?? 'UNKNOWN',
    healthReport: report.healthReport ?? '',
    ...(timeout === undefined ? {} : { decommissioningTimeoutMs: timeout * 1000 }),
  }
}

/** Hosts and racks that a row names besides `*`. */
export function placesOf(ask: Ask): string[] {
  const hosts = ask.hosts ?? []
  return hosts.length === 0 ? [] : [...hosts, ...(ask.racks ?? [DEFAULT_RACK])]
}

/**
 * All requests of one row. `*` counts every container and must be there; a wanted host needs its rack's row too.
 * @param former places named earlier: they get 0 when they are no longer wanted
 */
export function resourceRequests(ask: Ask, outstanding: number, former: ReadonlySet<string>): InferInput<typeof ResourceRequest>[] {
  const places = placesOf(ask)
  const row = (resourceName: string, numContainers: number): InferInput<typeof ResourceRequest> => ({
    priority: { priority: ask.priority },
    resourceName,
    capability: { memory: BigInt(ask.memoryMb), virtualCores: ask.vcores },
    numContainers,
    relaxLocality: true,
    // Only the row of any host may carry a label.
    nodeLabelExpression: resourceName === ANY_HOST && ask.nodeLabel !== undefined && ask.nodeLabel !== '' ? ask.nodeLabel : undefined,
  })
  const gone = [...former].filter((place) => !places.includes(place))
  return [...gone.map((place) => row(place, 0)), ...places.map((place) => row(place, outstanding)), row(ANY_HOST, outstanding)]
}

export const FINAL_STATUS = {
  SUCCEEDED: 'APP_SUCCEEDED',
  FAILED: 'APP_FAILED',
  KILLED: 'APP_KILLED',
  UNDEFINED: 'APP_UNDEFINED',
} as const satisfies Record<FinalStatus, string>

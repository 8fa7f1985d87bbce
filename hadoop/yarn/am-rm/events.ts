/**
 * What goes in and out of the AM-RM session: plain data, fit for structured cloning between threads. Containers and nodes are
 * named by their texts (identifiers.ts).
 */
import type { Token } from '../../proto/token.js'
import type { ExitExplanation } from '../exit-status.js'
import type { NodeAddress } from '../identifiers.js'

export interface Ask {
  /** Key of the row: one priority, one shape. Lower is served first. */
  readonly priority: number
  readonly memoryMb: number
  readonly vcores: number
  /** Containers still wanted at this priority in total, not in addition. 0 takes the row back. */
  readonly count: number
  readonly nodeLabel?: string | undefined
  /** Wanted hosts, relaxed to any other. */
  readonly hosts?: readonly string[] | undefined
  /** Racks of these hosts; `/default-rack` if absent, which is right where no topology is configured. */
  readonly racks?: readonly string[] | undefined
}

export interface AllocatedContainer {
  readonly id: string
  readonly node: NodeAddress
  /** `host:port` of the NodeManager's web pages. */
  readonly nodeHttpAddress: string
  readonly priority: number
  /** As granted: at least what was asked. `vcores` is 1 when the scheduler does not count them. */
  readonly memoryMb: number
  readonly vcores: number
  /** Handed to the NodeManager unchanged, within 10 minutes (stock configuration). */
  readonly token: Token
}

/** A larger size for a container that runs. */
export interface Resize {
  readonly id: string
  readonly memoryMb: number
  readonly vcores: number
}

export interface CompletedContainer {
  readonly id: string
  readonly priority: number
  readonly exitStatus: number
  readonly exit: ExitExplanation
  readonly diagnostics: string
}

export interface NodeToken {
  readonly node: NodeAddress
  readonly token: Token
}

export interface NodeUpdate {
  readonly node: NodeAddress
  /** YARN's NodeState: RUNNING, LOST, UNHEALTHY, DECOMMISSIONING, … */
  readonly state: string
  readonly healthReport: string
  /** Of a DECOMMISSIONING node: time left in ms. */
  readonly decommissioningTimeoutMs?: number
}

/** `count` containers of this size. */
export interface PreemptedResources {
  readonly memoryMb: number
  readonly vcores: number
  readonly count: number
}

export interface Counters {
  /** Containers wanted, summed over all rises of the asks; lowering an ask takes its part back. */
  readonly asked: number
  /** Containers handed on by `allocated` events. */
  readonly granted: number
  /** Given by the RM beyond the asks, and released at once. */
  readonly surplus: number
  /** Released by us, surplus not counted. */
  readonly released: number
  /** Completed containers that had been granted or recovered. */
  readonly completed: number
  readonly heartbeats: number
  readonly resyncs: number
}

export interface Registration {
  /** Host and port of the master's own endpoint, as YARN shows them; port -1: none. */
  readonly host: string
  readonly rpcPort: number
  /** `http://host:port/path`, where YARN's web proxy finds the master; empty: none. */
  readonly trackingUrl: string
}

export interface Finish {
  readonly status: FinalStatus
  readonly diagnostics: string
  /** Where the proxy redirects to afterwards; empty: YARN's own page of the application. */
  readonly trackingUrl: string
}

export type FinalStatus = 'SUCCEEDED' | 'FAILED' | 'KILLED' | 'UNDEFINED'

export type AmRmEvent =
  /** Answer to `register`; also after each resync with `resynchronized` (then `previousContainers` lists only unknown ones). */
  | {
      readonly type: 'registered'
      readonly resynchronized: boolean
      readonly queue: string
      /** Largest container that can be asked for; 0: not known, since the answer to the registration was lost. */
      readonly maximum: { readonly memoryMb: number; readonly vcores: number }
      /** False: the scheduler looks at memory only and grants 1 vcore always. */
      readonly vcoresCounted: boolean
      /** Containers of earlier attempts that still run: take them over or release them. */
      readonly previousContainers: readonly AllocatedContainer[]
    }
  /** `sequence` grows by one per container granted; give the last one seen to `setAsks`. */
  | { readonly type: 'allocated'; readonly sequence: number; readonly containers: readonly AllocatedContainer[] }
  /** Containers of earlier attempts reported late, after a restart of the RM. */
  | { readonly type: 'recovered'; readonly containers: readonly AllocatedContainer[] }
  /** Each container at most once; only containers that were granted or recovered. */
  | { readonly type: 'completed'; readonly containers: readonly CompletedContainer[] }
  /** New or replaced tokens, before the `allocated` event that needs them. */
  | { readonly type: 'nmTokens'; readonly tokens: readonly NodeToken[] }
  | { readonly type: 'nodesUpdated'; readonly nodes: readonly NodeUpdate[] }
  /**
   * `strict`: will be killed soon. `negotiable`: any set of containers with the same `resources` will do. Comes again with every round of
   * the scheduler's until it has them.
   */
  | {
      readonly type: 'preemption'
      readonly strict: readonly string[]
      readonly negotiable: readonly string[]
      readonly resources: readonly PreemptedResources[]
    }
  /** An administrator or the user changed the application's priority in its queue. */
  | { readonly type: 'priority'; readonly priority: number }
  /** After a heartbeat whose answer changed these: room left for the application and size of the cluster. */
  | { readonly type: 'headroom'; readonly memoryMb: number; readonly vcores: number; readonly clusterNodes: number }
  /** The RM refused these asks for good (too large, unknown label); they are taken out of the table. */
  | { readonly type: 'asksRejected'; readonly asks: readonly Ask[]; readonly reason: string; readonly className: string }
  /** Granted; each container's NodeManager is to be told with its new token (NmClient.update), else YARN takes it back. */
  | { readonly type: 'resized'; readonly containers: readonly AllocatedContainer[] }
  /** YARN will not enlarge the container. */
  | { readonly type: 'resizeRefused'; readonly id: string; readonly reason: string }
  /** The newest AMRM token: for a process that restarts inside its container. */
  | { readonly type: 'amRmToken'; readonly token: Token }
  /** No ResourceManager answers; the session goes on trying. */
  | { readonly type: 'rmUnreachable'; readonly reason: string }
  | { readonly type: 'rmReachable' }
  /** Terminal: no answer for so long that the RM has given the attempt up. Stop everything and exit non-zero. */
  | { readonly type: 'rmLost'; readonly reason: string }
  /** Terminal: the RM says that this attempt is over. Stop everything, do not unregister, exit non-zero. */
  | { readonly type: 'attemptOver'; readonly reason: string; readonly className: string }
  /** Terminal: unregistered; the process should exit soon. */
  | { readonly type: 'finished'; readonly counters: Counters }

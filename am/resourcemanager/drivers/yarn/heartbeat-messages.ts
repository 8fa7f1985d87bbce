/** What the master's main thread and its heartbeat thread say to each other. Plain data (structured clone). */
import type { HostPort } from '#hadoop/conf/addresses.js'
import type { Token } from '#hadoop/security/tokens.js'
import type { QualityOfProtection } from '#hadoop/security/sasl-mechanism.js'
import type { AmRmEvent, Ask, Finish, Registration, Resize } from '#hadoop/yarn/am-rm/events.js'

/** workerData of the thread. */
export interface HeartbeatThreadData {
  readonly addresses: readonly HostPort[]
  readonly token: Token
  readonly protection: readonly QualityOfProtection[] | undefined
  readonly intervalMs: number
  readonly requestIntervalMs: number
  readonly expiryMs: number
  readonly leaseMs: number
}

export type ToHeartbeatThread =
  | { readonly type: 'register'; readonly registration: Registration }
  | { readonly type: 'setAsks'; readonly asks: readonly Ask[]; readonly seen: number }
  | { readonly type: 'release'; readonly containerIds: readonly string[] }
  | { readonly type: 'resize'; readonly wish: Resize }
  | { readonly type: 'setBlacklist'; readonly hosts: readonly string[] }
  | { readonly type: 'setProgress'; readonly progress: number }
  | { readonly type: 'finish'; readonly finish: Finish }

export type FromHeartbeatThread = AmRmEvent

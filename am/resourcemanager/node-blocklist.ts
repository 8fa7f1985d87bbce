/**
 * Nodes on which workers fail to start, again and again, get none for a while (YARN: the application's blacklist). Pure; times are
 * arguments (monotonic ms).
 */
import type { Millis } from '#core/time/environment.js'

export interface BlocklistPolicy {
  /** Failures within `duration`, no success between, that block a node; 0: none ever is. */
  readonly maxFailures: number
  readonly duration: Millis
}

interface NodeRecord {
  /** Times of the failures that count. */
  readonly failures: readonly Millis[]
  readonly blockedUntil: Millis | undefined
}

export type NodeBlocklist = ReadonlyMap<string, NodeRecord>

export const NO_NODES: NodeBlocklist = new Map()

export function onNodeFailure(list: NodeBlocklist, host: string, now: Millis, { maxFailures, duration }: BlocklistPolicy): NodeBlocklist {
  if (maxFailures === 0) return list
  const known = list.get(host)
  const failures = [...(known?.failures ?? []).filter((at) => now - at < duration), now].slice(-maxFailures)
  const blockedUntil = failures.length >= maxFailures ? now + duration : known?.blockedUntil
  return new Map(list).set(host, { failures, blockedUntil })
}

/** A worker came up there. A block that runs stays: the one may have been the exception. */
export function onNodeSuccess(list: NodeBlocklist, host: string): NodeBlocklist {
  const known = list.get(host)
  return known === undefined || known.failures.length === 0 ? list : new Map(list).set(host, { ...known, failures: [] })
}

/** Its NodeManager is new, or well again: what was before counts no more. */
export function onNodeUsable(list: NodeBlocklist, host: string): NodeBlocklist {
  if (!list.has(host)) return list
  const rest = new Map(list)
  rest.delete(host)
  return rest
}

/** Without what is over. The same list when nothing is. */
export function onTime(list: NodeBlocklist, now: Millis, { duration }: BlocklistPolicy): NodeBlocklist {
  const kept = [...list].flatMap(([host, { failures, blockedUntil }]): [string, NodeRecord][] => {
    const recent = failures.filter((at) => now - at < duration)
    const until = blockedUntil !== undefined && blockedUntil > now ? blockedUntil : undefined
    return until === undefined && recent.length === 0 ? [] : [[host, { failures: recent, blockedUntil: until }]]
  })
  const same = kept.length === list.size && kept.every(([host, { blockedUntil }]) => list.get(host)?.blockedUntil === blockedUntil)
  return same ? list : new Map(kept)
}

/** The latest first: who can block only some takes those. */
export function blockedNodes(list: NodeBlocklist, now: Millis): string[] {
  return [...list]
    .flatMap(([host, { blockedUntil }]) => (blockedUntil !== undefined && blockedUntil > now ? [{ host, blockedUntil }] : []))
    .sort((a, b) => b.blockedUntil - a.blockedUntil || (a.host < b.host ? -1 : 1))
    .map(({ host }) => host)
}

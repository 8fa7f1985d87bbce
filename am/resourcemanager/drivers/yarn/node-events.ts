/** What YARN says about nodes and containers it wants back, as the driver tells it on. Pure. */
import type { ExitExplanation } from '#hadoop/yarn/exit-status.js'
import type { AmRmEvent, NodeUpdate } from '#hadoop/yarn/am-rm/events.js'
import type { Millis } from '#core/time/environment.js'
import type { WorkerEnd } from '../driver.js'

/** A DECOMMISSIONING node that names no time: the ResourceManager's own default is an hour, an administrator's may be anything. */
const UNNAMED_DECOMMISSION_GRACE_MS: Millis = 60_000
/** Some name years. */
const MAX_GRACE_MS: Millis = 3_600_000

export type NodeVerdict =
  /** Nothing for the containers there to do. */
  | { readonly kind: 'usable' }
  | { readonly kind: 'leaving'; readonly grace: Millis; readonly reason: string }
  | { readonly kind: 'gone'; readonly reason: string }

export function nodeVerdict({ node, state, healthReport, decommissioningTimeoutMs }: NodeUpdate): NodeVerdict {
  const report = healthReport === '' ? '' : ` (${healthReport})`
  switch (state) {
    case 'DECOMMISSIONING':
      return {
        kind: 'leaving',
        grace: Math.min(MAX_GRACE_MS, decommissioningTimeoutMs ?? UNNAMED_DECOMMISSION_GRACE_MS),
        reason: `its node ${node.host} is being decommissioned`,
      }
    case 'LOST':
    case 'UNHEALTHY':
    case 'DECOMMISSIONED':
    case 'SHUTDOWN':
    case 'REBOOTED':
      return { kind: 'gone', reason: `its node ${node.host} is ${state}${report}` }
    default:
      return { kind: 'usable' }
  }
}

/** Containers that YARN wants besides those it names: as many as cover the resources it asks for. */
export function unnamedContainers({ strict, negotiable, resources }: Extract<AmRmEvent, { type: 'preemption' }>, memoryMb: number): number {
  if (strict.length + negotiable.length > 0) return 0
  const wantedMb = resources.reduce((sum, each) => sum + each.memoryMb * each.count, 0)
  return Math.ceil(wantedMb / memoryMb)
}

/** Whose doing the end of a container was that nobody here gave back. */
export function endOf(exitStatus: number, exit: ExitExplanation): WorkerEnd {
  if (exit.blame === 'node') return exitStatus === ABORTED ? 'taken-back' : 'node'
  return exit.blame === 'nobody' && exitStatus < 0 ? 'taken-back' : 'failed'
}

/** A lost node says nothing about what it will be when it is back. */
const ABORTED = -100

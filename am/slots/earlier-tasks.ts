/**
 * Tasks that went on while no master was there, as the workers that register again tell of them, and their slots, which are kept until their
 * job has said which of them it goes on with.
 */
import type { ResourceId } from '#core/ids/ids.js'
import type { ReportedTask } from '#core/rpc/gateways/task-executor.js'

export interface EarlierTask extends ReportedTask {
  readonly resourceId: ResourceId
}

export interface EarlierTasksOfJob {
  readonly tasks: readonly EarlierTask[]
  /** No worker that may tell of more is still awaited. */
  readonly settled: boolean
}

/** The beginning of each attempt. */
import { slotsNeeded } from '../executiongraph/execution-graph.js'
import type { Step } from '#core/machine/step.js'
import { enterJobState } from './job-run.js'
import type { JobRun, Moment, SchedulerEffect, SchedulerSettings, SchedulerState } from './state.js'

/** Asks for what the job needs and gets its coordinators ready, both at once. */
export function waitForResources(job: JobRun, moment: Moment, settings: SchedulerSettings): Step<SchedulerState, SchedulerEffect> {
  const entered = enterJobState(job, 'CREATED', moment.now)
  return {
    state: { name: 'WaitingForResources', job: entered.state, coordinators: 'starting' },
    effects: [
      ...entered.effects,
      { type: 'startCoordinators', attempt: job.graph.attempt },
      { type: 'declareSlots', count: slotsNeeded(job.graph.jobGraph) },
      { type: 'startTimer', timer: 'resource-wait', delay: settings.resourceWaitTimeout },
    ],
  }
}

/** The beginning of the job. */
import { slotsNeeded } from '../executiongraph/execution-graph.js'
import type { Step } from '#core/machine/step.js'
import { enterJobState } from './job-run.js'
import type { JobRun, Moment, SchedulerEffect, SchedulerSettings, SchedulerState } from './state.js'

/** Asks for what the job needs and gets its coordinators ready, both at once. */
export function waitForResources(job: JobRun, moment: Moment, settings: SchedulerSettings): Step<SchedulerState, SchedulerEffect> {
  const entered = enterJobState(job, 'CREATED', moment.now)
  const start = job.starts + 1
  return {
    state: { name: 'WaitingForResources', job: { ...entered.state, starts: start }, coordinators: { name: 'starting', start } },
    effects: [
      ...entered.effects,
      { type: 'startCoordinators', start, restarted: 'all' },
      { type: 'declareSlots', count: slotsNeeded(job.graph.jobGraph) },
      { type: 'startTimer', timer: 'resource-wait', delay: settings.resourceWaitTimeout },
    ],
  }
}

/**
 * Leaving workers that the cluster wants back: their slots go back by name, what runs there starts again elsewhere, at once and without
 * counting as a failure.
 */
import { go, then, type Step } from '#core/machine/step.js'
import { advance, fail } from './failover.js'
import { jobFailure } from './job-run.js'
import { leaveWorkers } from './losses.js'
import { declareSlots } from './rescaling.js'
import type { Moment, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

/** A job that commits or ends stays where it is: it is gone soon. */
export function vacate(
  state: StateOf<'WaitingForResources'> | StateOf<'Executing'> | StateOf<'Restarting'>,
  { resourceIds, error }: Extract<SchedulerEvent, { type: 'vacate' }>,
  moment: Moment,
  settings: SchedulerSettings,
): Step<SchedulerState, SchedulerEffect> {
  if ((state.name === 'Executing' && state.committing) || settings.restartStrategy.kind === 'none') return go(state)
  const { job, regions, giveBack } = leaveWorkers(state.job, resourceIds)
  if (giveBack.length === 0) return go(state)
  const during = state.name === 'Restarting' ? state.restart : undefined
  const others = new Set([...regions].filter((region) => during?.regions.has(region) !== true))
  return then(go<SchedulerState, SchedulerEffect>({ ...state, job }, declareSlots(job, giveBack)), () => {
    if (others.size > 0) return fail(job, jobFailure(error, moment.now), { what: others, during }, moment, settings)
    return state.name === 'Restarting' ? advance({ ...state, job }, moment, settings) : go({ ...state, job })
  })
}

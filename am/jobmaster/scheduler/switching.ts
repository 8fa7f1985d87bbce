/** The switch of a rescale: the checkpoint is there, what is affected restarts from it. */
import { defineError } from '#core/errors/define-error.js'
import { go, then, type Step } from '#core/machine/step.js'
import { allRegions } from '../executiongraph/pipelined-regions.js'
import { regionsOfVertices } from '../executiongraph/rescaled-graph.js'
import { canHold } from '../slotpool/slot-assignment.js'
import { subtasksOf } from './deploying.js'
import { advance } from './failover.js'
import { cancelTasks, enterJobState } from './job-run.js'
import { enterPhase, type PendingRescale } from './rescale.js'
import { affectedVertices, giveUpRescale, inState, seekSlots, slotsWanted } from './rescaling.js'
import type { JobRun, Moment, Restart, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>

/** Why checkpoints under way are given up; who asked for one waits for the next. */
export const JobRescaled = defineError('JOB_RESCALED', {
  recovery: 'none',
  message: (d: { reason: string }) => `The job is being rescaled: ${d.reason}`,
})

/** The checkpoint is there, or could not be had. */
export function onRescalePrepared(
  state: StateOf<'Executing'>,
  { round, problem }: Extract<SchedulerEvent, { type: 'rescalePrepared' }>,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  const { job } = state
  const { rescale } = job
  if (rescale?.phase !== 'checkpoint' || rescale.round !== round || state.committing) return go(state)
  if (problem !== undefined) return inState(state, giveUpRescale(job, problem, moment, settings))
  // Meanwhile a worker may have gone.
  if (!canHold(job.slots, slotsWanted(job, rescale))) return inState(state, seekSlots(job, moment, settings))
  return beginSwitch(job, rescale, moment, settings)
}

function beginSwitch(job: JobRun, rescale: PendingRescale, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  const regions = regionsOfVertices(job.graph, affectedVertices(job, rescale.parallelism))
  const everything = regions.size === allRegions(job.graph.regions).size
  const restart: Restart = {
    regions,
    global: false,
    pausing: false,
    coordinators: { name: 'idle' },
    coordinatorsPause: false,
    lackingSlots: false,
  }
  const suspended = go<JobRun, SchedulerEffect>(
    { ...job, rescale: enterPhase(rescale, 'cancel', moment.now) },
    {
      type: 'suspendCheckpoints',
      reason: new JobRescaled({ reason: rescale.request.reason }),
      restarted: everything ? 'all' : subtasksOf(job.graph, regions),
      again: true,
    },
  )
  const ending = then(
    then(suspended, (next) => enterJobState(next, 'RESTARTING', moment.now)),
    (next) => cancelTasks(next, moment.now, regions),
  )
  return then(ending, (next) => advance({ name: 'Restarting', job: next, failure: undefined, restart }, moment, settings))
}

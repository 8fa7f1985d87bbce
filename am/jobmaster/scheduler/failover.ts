/**
 * What a failure leads to: the restart strategy is asked, then the failed regions start again (Restarting) or the job ends (Failing).
 * All regions that fail while others restart join them.
 */
import { allRegions } from '../executiongraph/pipelined-regions.js'
import { allTerminal } from '../executiongraph/execution-graph.js'
import { go, then, type Step } from '#core/machine/step.js'
import type { ResourceId } from '#core/ids/ids.js'
import type { Millis } from '#core/time/environment.js'
import { WorkerTakenBack } from '../../slots/worker-lost.js'
import { beginFailing } from './closing.js'
import { deployRegions, subtasksOf } from './deploying.js'
import { cancelTasks, enterJobState, isFinal, recordFailure } from './job-run.js'
import { pauseRescale, rescaled } from './rescaling.js'
import { onFailure } from './restart-strategy.js'
import type { JobFailure, JobRun, Moment, Restart, SchedulerEffect, SchedulerSettings, SchedulerState, StateOf } from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>

export interface Failed {
  /** 'job': all regions, and coordinators, too, begin from the checkpoint. */
  readonly what: ReadonlySet<number> | 'job'
  /** A restart that is under way. */
  readonly during?: Restart | undefined
  /** It is the coordinators that could not start: they are not asked again before the pause is over. */
  readonly byCoordinators?: boolean
  /** No restart, whatever the strategy says. */
  readonly final?: boolean
  /** A lost worker whose end may still be explained. */
  readonly unexplained?: ResourceId | undefined
}

export function fail(job: JobRun, cause: JobFailure, failed: Failed, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  const recorded = recordFailure(job, cause, settings)
  const mayRestart = failed.final !== true && !isFinal(cause.error)
  // What fails during a pause belongs to the restart that is coming.
  if (mayRestart && failed.during?.pausing === true && failed.byCoordinators !== true) {
    return beginRestart(recorded, cause, failed, undefined, moment, settings)
  }
  // What the cluster takes back is nobody's failure.
  if (mayRestart && WorkerTakenBack.is(cause.error) && settings.restartStrategy.kind !== 'none') {
    return beginRestart(recorded, cause, failed, 'none', moment, settings)
  }
  const { history, decision } = onFailure(settings.restartStrategy, recorded.restarts, moment.now, moment.uniform)
  const counted: JobRun = { ...recorded, restarts: history }
  if (mayRestart && decision.restart) return beginRestart(counted, cause, failed, decision.delay, moment, settings)
  const exhausted = mayRestart && !decision.restart && settings.restartStrategy.kind !== 'none'
  const failure: JobFailure = exhausted ? { ...cause, notRestarted: decision.why } : cause
  return beginFailing(counted, failure, moment, settings, failed.unexplained)
}

/** `delay`: of a new pause; undefined: the one that runs stays. */
function beginRestart(
  job: JobRun,
  failure: JobFailure,
  { what, during, byCoordinators = false }: Failed,
  delay: Millis | 'none' | undefined,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  const all = allRegions(job.graph.regions)
  const regions = what === 'job' ? all : new Set([...(during?.regions ?? []), ...what])
  const everything = regions.size === all.size
  const restart: Restart = {
    regions,
    global: what === 'job' || during?.global === true,
    pausing: delay !== 'none',
    coordinators: { name: 'idle' },
    coordinatorsPause: byCoordinators || during?.coordinatorsPause === true,
    lackingSlots: false,
  }
  const effects: SchedulerEffect[] = [
    { type: 'suspendCheckpoints', reason: failure.error, restarted: everything ? 'all' : subtasksOf(job.graph, regions) },
    { type: 'cancelTimer', timer: 'resource-wait' },
  ]
  if (typeof delay === 'number') effects.push({ type: 'startTimer', timer: 'restart', delay })
  const paused = then(go<JobRun, SchedulerEffect>(job, ...effects), (next) => pauseRescale(next, moment.now))
  const ending = then(
    then(paused, (next) => enterJobState(next, 'RESTARTING', moment.now, failure)),
    (next) => cancelTasks(next, moment.now, regions),
  )
  return then(ending, (next) => advance({ name: 'Restarting', job: next, failure, restart }, moment, settings))
}

/** Goes on as far as it can: nothing is awaited that has already come. */
export function advance(state: StateOf<'Restarting'>, moment: Moment, settings: SchedulerSettings): SchedulerStep {
  switch (state.restart.coordinators.name) {
    case 'idle': {
      if (!allTerminal(state.job.graph, state.restart.regions) || (state.restart.coordinatorsPause && state.restart.pausing))
        return go(state)
      const { job, restart } = rescaled(state.job, state.restart, moment)
      const start = job.starts + 1
      return go<SchedulerState, SchedulerEffect>(
        { ...state, job: { ...job, starts: start }, restart: { ...restart, coordinators: { name: 'starting', start } } },
        { type: 'startCoordinators', start, restarted: restart.global ? 'all' : subtasksOf(job.graph, restart.regions) },
      )
    }
    case 'starting':
      return go(state)
    case 'started': {
      const { job, restart } = state
      if (restart.pausing) return go(state)
      const deployed = deployRegions(job, restart.regions, state.restart.coordinators.restored, moment, settings)
      if (deployed !== undefined) return deployed
      if (restart.lackingSlots) return go(state)
      // A cluster that took the slots away gives some again when it has room: that may take as long as the other queue's work.
      if (state.failure !== undefined && WorkerTakenBack.is(state.failure.error)) return go(state)
      return go<SchedulerState, SchedulerEffect>(
        { ...state, restart: { ...restart, lackingSlots: true } },
        { type: 'startTimer', timer: 'resource-wait', delay: settings.resourceWaitTimeout },
      )
    }
  }
}

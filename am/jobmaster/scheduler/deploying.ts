/** From slots and restored state to running tasks. Pure. */
import { deploymentDescriptor } from '../deployment/deployment-descriptor.js'
import type { RestartedSubtask, RestoredJob } from '../checkpoint/checkpoint-host.js'
import { executions, inState, isIn, mapExecutions, withNewAttempts, type ExecutionGraph } from '../executiongraph/execution-graph.js'
import { go, then, type Step } from '#core/machine/step.js'
import { assignSlots } from '../slotpool/slot-assignment.js'
import { enterJobState } from './job-run.js'
import { declareSlots, resumeRescale } from './rescaling.js'
import type { JobRun, Moment, SchedulerEffect, SchedulerSettings, SchedulerState } from './state.js'

/**
 * Deploys the subtasks of `regions`, whose tasks have all ended or never ran; the others run. Undefined: slots are missing.
 * `restored`: what they begin with.
 */
export function deployRegions(
  job: JobRun,
  regions: ReadonlySet<number>,
  restored: RestoredJob | undefined,
  moment: Moment,
  settings: SchedulerSettings,
): Step<SchedulerState, SchedulerEffect> | undefined {
  const slots = assignSlots(job.graph, job.slots, regions)
  if (slots === undefined) return undefined
  const began = job.graph.vertices.some(({ vertex, executions: all }) =>
    all.some((execution) => execution.state !== 'CREATED' && isIn(job.graph, regions, execution, vertex)),
  )
  const attempts = began ? withNewAttempts(job.graph, regions, moment.now) : job.graph
  const graph = mapExecutions(attempts, (execution, vertex) =>
    isIn(attempts, regions, execution, vertex)
      ? {
          ...inState(inState(execution, 'SCHEDULED', moment.now), 'DEPLOYING', moment.now),
          slot: slots.get(execution.subtaskIndex),
        }
      : execution,
  )
  const deploys = graph.vertices.flatMap(({ vertex, executions: all }) =>
    all.flatMap((execution): SchedulerEffect[] => {
      if (execution.slot === undefined || !isIn(graph, regions, execution, vertex)) return []
      const restore = restored?.tasks.get(vertex.id)?.[execution.subtaskIndex]
      return [{ type: 'deploy', slot: execution.slot, descriptor: deploymentDescriptor(graph, vertex, execution, restore) }]
    }),
  )
  const running = enterJobState({ ...job, graph }, 'RUNNING', moment.now)
  const deployed = go<JobRun, SchedulerEffect>(
    running.state,
    { type: 'cancelTimer', timer: 'resource-wait' },
    ...running.effects,
    ...deploys,
  )
  const settled = then(
    then(deployed, (next) => returnSurplus(next)),
    (next) => resumeRescale(next, moment, settings),
  )
  return { state: { name: 'Executing', job: settled.state, committing: false }, effects: settled.effects }
}

/** Slots in which nothing runs now and that no rescale waits for. */
export function returnSurplus(job: JobRun): Step<JobRun, SchedulerEffect> {
  const used = new Set([...executions(job.graph)].map(({ slot }) => slot?.allocationId))
  const surplus = job.slots.filter(({ allocationId }) => !used.has(allocationId))
  if (surplus.length === 0 || job.rescale?.phase === 'waiting') return go(job)
  const slots = job.slots.filter(({ allocationId }) => used.has(allocationId))
  return go<JobRun, SchedulerEffect>({ ...job, slots }, declareSlots(job, surplus.map(({ allocationId }) => allocationId))) // prettier-ignore
}

/** The subtasks of these regions. */
export function subtasksOf(graph: ExecutionGraph, regions: ReadonlySet<number>): RestartedSubtask[] {
  return graph.vertices.flatMap(({ vertex, executions: all }) =>
    all.flatMap((execution) =>
      isIn(graph, regions, execution, vertex) ? [{ vertexId: vertex.id, subtaskIndex: execution.subtaskIndex }] : [],
    ),
  )
}

/** Whether a running job may be rescaled as somebody asks. Pure. */
import { defineError } from '#core/errors/define-error.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { VertexId } from '#core/ids/ids.js'
import { parallelismLimits } from './executiongraph/parallelism-limits.js'
import type { ParallelismBounds, ResourceRequirements } from './scheduler/rescale.js'
import { isSwitching } from './scheduler/rescaling.js'
import type { JobRun } from './scheduler/state.js'

/** The job as it is cannot be rescaled. */
export const RescaleRefused = defineError('JOB_RESCALE_REFUSED', {
  recovery: 'none',
  message: (d: { job: string; reason: string }) => `Job ${d.job} cannot be rescaled: ${d.reason}`,
})
/** What is asked for is not possible. */
export const RequirementsInvalid = defineError('JOB_REQUIREMENTS_INVALID', {
  recovery: 'none',
  message: (d: { problems: readonly string[] }) => d.problems.join('\n'),
})

/**
 * `asked`: by vertex, for every vertex of the job. @throws JOB_REQUIREMENTS_INVALID, naming every problem
 */
export function checkRequirements(jobGraph: JobGraph, asked: ReadonlyMap<string, ParallelismBounds>): ResourceRequirements {
  const limits = parallelismLimits(jobGraph)
  const problems: string[] = []
  for (const id of asked.keys()) if (!limits.has(id as VertexId)) problems.push(`The job has no vertex ${id.slice(0, 100)}.`)
  const requirements = new Map<VertexId, ParallelismBounds>()
  for (const { vertex, max, fixed, group } of limits.values()) {
    const bounds = asked.get(vertex.id)
    const name = `'${vertex.name}' (${vertex.id})`
    if (bounds === undefined) {
      problems.push(`The request is incomplete, missing job vertex ${name}.`)
      continue
    }
    requirements.set(vertex.id, bounds)
    const { lower, upper } = bounds
    if (lower > upper) problems.push(`The lower bound of ${name} is ${lower}, more than its upper bound ${upper}.`)
    if (fixed !== undefined && (lower !== max || upper !== max)) problems.push(`${name} stays at parallelism ${max}: ${fixed}.`)
    else if (upper > max) problems.push(`The upper bound ${upper} of ${name} exceeds its max parallelism ${max}.`)
    const first = asked.get(group[0] ?? vertex.id)
    if (first !== undefined && (first.lower !== lower || first.upper !== upper))
      problems.push(`${name} gets its rows straight from another vertex and has its parallelism: ask for the same for ${group.join(', ')}.`)
  }
  if (problems.length > 0) throw new RequirementsInvalid({ problems })
  return requirements
}

export interface Rescalability {
  readonly run: JobRun
  /** The rows of a SELECT are on their way to somebody. */
  readonly collects: boolean
  readonly takesCheckpoints: boolean
}

/** Why not, in words; undefined: it may be rescaled. */
export function whyNotRescalable({ run, collects, takesCheckpoints }: Rescalability): string | undefined {
  const { jobGraph } = run.graph
  if (isTerminalJobState(run.jobState) || run.jobState === 'FAILING' || run.jobState === 'CANCELLING') return `it is ${run.jobState}`
  if (jobGraph.jobType === 'BATCH') return 'batch jobs take no checkpoints to go on from'
  if (collects && !takesCheckpoints)
    return 'it shows the rows of a SELECT and takes no checkpoints, so that rows would be shown twice. Set execution.checkpointing.interval.'
  if (isSwitching(run.rescale)) return `rescale ${run.rescale?.record.uuid} is under way. Ask again when it is done.`
  return undefined
}

/** Endpoints of metrics: which there are, and with `get=a,b` their values; those of a vertex also taken together over its subtasks. */
import type { ExecutionJobVertex } from '../jobmaster/executiongraph/execution-graph.js'
import { findJob } from './find-job.js'
import type { MasterView } from './master-view.js'
import { hexId, type Parameters } from './parameters.js'
import { badParameter, notFound } from './rest-error.js'
import type { RestRequest, Route } from './route.js'
import {
  aggregatedItems,
  AGGREGATIONS,
  jobMetrics,
  metricItems,
  subtaskMetrics,
  vertexMetrics,
  type Aggregation,
} from './views/metrics-view.js'

export const METRIC_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/jobs/:jobid/metrics',
    right: 'VIEW',
    handle: (master, request) => metricItems(jobMetrics(findJob(master, request), master.environment.clock.now()), wanted(request.query)),
  },
  {
    method: 'GET',
    path: '/jobs/:jobid/vertices/:vertexid/metrics',
    right: 'VIEW',
    handle: (master, request) => metricItems(vertexMetrics(findVertex(master, request)), wanted(request.query)),
  },
  { method: 'GET', path: '/jobs/:jobid/vertices/:vertexid/subtasks/metrics', right: 'VIEW', handle: aggregated },
  { method: 'GET', path: '/jobs/:jobid/vertices/:vertexid/subtasks/:subtaskindex/metrics', right: 'VIEW', handle: ofSubtask },
]

/** The vertex that the path names. @throws REST_REFUSED 400, 404 */
export function findVertex(master: MasterView, request: Pick<RestRequest, 'path'>): ExecutionJobVertex {
  const job = findJob(master, request)
  const id = hexId(request.path, 'vertexid')
  const found = job.run.graph.vertices.find((entry) => entry.vertex.id === id)
  if (found === undefined) throw notFound(`Job ${job.jobId} has no vertex ${id}`)
  return found
}

function aggregated(master: MasterView, request: RestRequest) {
  const { executions } = findVertex(master, request)
  const { query } = request
  const chosen = subtasks(query, executions.length)
  const all = executions.filter(({ subtaskIndex }) => chosen === undefined || chosen.has(subtaskIndex)).map(subtaskMetrics)
  return aggregatedItems(all, wanted(query), aggregations(query))
}

function ofSubtask(master: MasterView, request: RestRequest) {
  const { vertex, executions } = findVertex(master, request)
  const index = request.path['subtaskindex'] ?? ''
  if (!/^\d{1,5}$/.test(index)) throw badParameter('path', 'subtaskindex', index.slice(0, 300))
  const execution = executions[Number(index)]
  if (execution === undefined) throw notFound(`Vertex ${vertex.id} has no subtask ${index}: its parallelism is ${executions.length}`)
  return metricItems(subtaskMetrics(execution), wanted(request.query))
}

function listed(query: Parameters, name: string): string[] | undefined {
  const value = query[name]
  return value === undefined || value === '' ? undefined : value.split(',')
}

function wanted(query: Parameters): string[] | undefined {
  return listed(query, 'get')
}

/** All of them unless said. */
function aggregations(query: Parameters): readonly Aggregation[] {
  const named = listed(query, 'agg')
  if (named === undefined) return AGGREGATIONS
  return named.map((name) => {
    const found = AGGREGATIONS.find((each) => each === name.toLowerCase())
    if (found === undefined) throw badParameter('query', 'agg', name.slice(0, 300))
    return found
  })
}

/** `0,2-4`; undefined: all. Numbers that no subtask has mean nothing. */
function subtasks(query: Parameters, parallelism: number): Set<number> | undefined {
  const ranges = listed(query, 'subtasks')
  if (ranges === undefined) return undefined
  const chosen = new Set<number>()
  for (const range of ranges) {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? []
    if (from === undefined || Number(from) > Number(to)) throw badParameter('query', 'subtasks', range.slice(0, 300))
    for (let index = Number(from); index <= Math.min(Number(to), parallelism - 1); index++) chosen.add(index)
  }
  return chosen
}

/** Endpoints about checkpoints and savepoints: what there is, and what is triggered and asked for later. */
import {
  CheckpointTriggerRequestSchema,
  SavepointDisposalRequestSchema,
  SavepointTriggerRequestSchema,
  StopWithSavepointRequestSchema,
} from '#core/rest/checkpoint-responses.js'
import type { CheckpointsView } from '../jobmaster/checkpoint/checkpoint-host.js'
import type { CheckpointRecord } from '../jobmaster/checkpoint/statistics.js'
import { findJob } from './find-job.js'
import type { MasterView } from './master-view.js'
import { hexId, requestBody } from './parameters.js'
import { badParameter, notFound } from './rest-error.js'
import type { RestRequest, Route } from './route.js'
import { checkpointConfiguration, checkpointDetails, checkpointsBody, findRecord, subtaskCheckpoints } from './views/checkpoint-view.js'

export const CHECKPOINT_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/jobs/:jobid/checkpoints', right: 'VIEW', handle: (master, request) => checkpointsBody(viewOf(master, request)) },
  {
    method: 'GET',
    path: '/jobs/:jobid/checkpoints/config',
    right: 'VIEW',
    handle: (master, request) => checkpointConfiguration(viewOf(master, request)),
  },
  { method: 'GET', path: '/jobs/:jobid/checkpoints/details/:checkpointid', right: 'VIEW', handle: details },
  { method: 'GET', path: '/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid', right: 'VIEW', handle: subtasks },
  ...triggered('/jobs/:jobid/savepoints', 202, triggerSavepoint),
  ...triggered('/jobs/:jobid/stop', 202, stopWithSavepoint),
  {
    method: 'GET',
    path: '/jobs/:jobid/savepoints/:triggerid',
    right: 'VIEW',
    handle: (master, request) => operation(master, request, 'savepoint'),
  },
  ...triggered('/jobs/:jobid/checkpoints', 202, triggerCheckpoint),
  {
    method: 'GET',
    path: '/jobs/:jobid/checkpoints/:triggerid',
    right: 'VIEW',
    handle: (master, request) => operation(master, request, 'checkpoint'),
  },
  ...triggered('/savepoint-disposal', 200, disposeSavepoint),
  { method: 'GET', path: '/savepoint-disposal/:triggerid', right: 'VIEW', handle: disposal },
]

/** Flink's POST, and the PUT that YARN's proxy lets through. */
function triggered(path: string, status: number, handle: Route['handle']): Route[] {
  return (['POST', 'PUT'] as const).map((method) => ({ method, path, right: 'MODIFY', status, handle }))
}

/** @throws REST_REFUSED 400, 404 */
function viewOf(master: MasterView, request: RestRequest): CheckpointsView {
  const job = findJob(master, request)
  const view = job.checkpoints?.view
  const taken = view !== undefined && (view.statistics.completed + view.statistics.failed > 0 || view.inProgress.length > 0)
  if (view === undefined || (view.settings.interval === undefined && !taken))
    throw notFound(`Checkpointing has not been enabled for job ${job.jobId} (execution.checkpointing.interval is not set).`)
  return view
}

function record(view: CheckpointsView, request: RestRequest): CheckpointRecord {
  const text = request.path['checkpointid'] ?? ''
  if (!/^\d{1,15}$/.test(text)) throw badParameter('path', 'checkpointid', text.slice(0, 300))
  const found = findRecord(view, Number(text))
  if (found === undefined) throw notFound(`Could not find checkpointing statistics for checkpoint ${text}.`)
  return found
}

function details(master: MasterView, request: RestRequest) {
  const view = viewOf(master, request)
  return checkpointDetails(record(view, request), view)
}

function subtasks(master: MasterView, request: RestRequest) {
  const vertexId = hexId(request.path, 'vertexid')
  const found = subtaskCheckpoints(record(viewOf(master, request), request), vertexId)
  if (found === undefined) throw notFound(`There is no checkpoint statistics for task ${vertexId}.`)
  return found
}

/** As in Flink an unknown job is told of when the outcome is asked for. */
function triggerSavepoint(master: MasterView, request: RestRequest) {
  const jobId = hexId(request.path, 'jobid')
  const body = requestBody(request, SavepointTriggerRequestSchema, 'SavepointTriggerRequestBody')
  return master.operations.trigger(`savepoint/${jobId}`, body.triggerId, async () => {
    const directory = body['target-directory'] ?? undefined
    return { location: await checkpointsOf(master, request).triggerSavepoint({ directory, cancel: body['cancel-job'] ?? false }) }
  })
}

function stopWithSavepoint(master: MasterView, request: RestRequest) {
  const jobId = hexId(request.path, 'jobid')
  const body = requestBody(request, StopWithSavepointRequestSchema, 'StopWithSavepointRequestBody')
  return master.operations.trigger(`savepoint/${jobId}`, body.triggerId, async () => {
    const directory = body.targetDirectory ?? undefined
    const stop = body.drain === true ? 'drain' : 'suspend'
    return { location: await checkpointsOf(master, request).triggerSavepoint({ directory, stop }) }
  })
}

function triggerCheckpoint(master: MasterView, request: RestRequest) {
  const jobId = hexId(request.path, 'jobid')
  const body = requestBody(request, CheckpointTriggerRequestSchema, 'CheckpointTriggerRequestBody')
  return master.operations.trigger(`checkpoint/${jobId}`, body.triggerId, async () => ({
    checkpointId: await checkpointsOf(master, request).triggerCheckpoint(body.checkpointType ?? 'CONFIGURED'),
  }))
}

function disposeSavepoint(master: MasterView, request: RestRequest) {
  const body = requestBody(request, SavepointDisposalRequestSchema, 'SavepointDisposalRequest')
  return master.operations.trigger('savepoint-disposal', undefined, async () => {
    await master.disposeSavepoint(body['savepoint-path'])
    return {}
  })
}

/** @throws REST_REFUSED 404 */
function checkpointsOf(master: MasterView, request: RestRequest) {
  const job = findJob(master, request)
  if (job.checkpoints === undefined) throw notFound(`Job ${job.jobId} has ended`)
  return job.checkpoints
}

function operation(master: MasterView, request: RestRequest, kind: 'savepoint' | 'checkpoint') {
  const [jobId, triggerId] = [hexId(request.path, 'jobid'), hexId(request.path, 'triggerid')]
  const status = master.operations.status(`${kind}/${jobId}`, triggerId)
  if (status === undefined) throw notFound(`There is no ${kind} operation with triggerId=${triggerId} for job ${jobId}.`)
  return status
}

function disposal(master: MasterView, request: RestRequest) {
  const triggerId = hexId(request.path, 'triggerid')
  const status = master.operations.status('savepoint-disposal', triggerId)
  if (status === undefined) throw notFound(`There is no savepoint disposal operation with triggerId=${triggerId}.`)
  return status
}

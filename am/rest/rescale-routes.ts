/** Endpoints about the parallelism of a running job: what it may be, and what came of changing it. */
import { RESOURCE_WAIT_TIMEOUT, TASKMANAGER_IDLE_TIMEOUT } from '#core/config/options/cluster.js'
import { WEB_RESCALE_HISTORY } from '#core/config/options/rest.js'
import { ResourceRequirementsSchema, type RescaleAccepted, type RescalesConfig } from '#core/rest/rescale-responses.js'
import { checkRequirements, RequirementsInvalid, RescaleRefused } from '../jobmaster/requirements.js'
import { findJob } from './find-job.js'
import type { MasterView } from './master-view.js'
import { requestBody, text } from './parameters.js'
import { notFound, RestRefused } from './rest-error.js'
import type { RestRequest, Route } from './route.js'
import { autoscalerBody } from './views/autoscaler-view.js'
import { findRescale, requirementsBody, rescaleHistory, rescalesOverview, rescalesSummary } from './views/rescale-view.js'

export const RESCALE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/jobs/:jobid/resource-requirements',
    right: 'VIEW',
    handle: (master, request) => requirementsBody(findJob(master, request).run),
  },
  { method: 'PUT', path: '/jobs/:jobid/resource-requirements', right: 'MODIFY', handle: putRequirements },
  {
    method: 'GET',
    path: '/jobs/:jobid/rescales/overview',
    right: 'VIEW',
    handle: (master, request) => rescalesOverview(...runOf(master, request)),
  },
  {
    method: 'GET',
    path: '/jobs/:jobid/rescales/history',
    right: 'VIEW',
    handle: (master, request) => rescaleHistory(...runOf(master, request)),
  },
  {
    method: 'GET',
    path: '/jobs/:jobid/rescales/summary',
    right: 'VIEW',
    handle: (master, request) => rescalesSummary(...runOf(master, request)),
  },
  { method: 'GET', path: '/jobs/:jobid/rescales/config', right: 'VIEW', handle: config },
  {
    method: 'GET',
    path: '/jobs/:jobid/rescales/autoscaler',
    right: 'VIEW',
    handle: (master, request) => autoscalerBody(findJob(master, request).autoscaler),
  },
  { method: 'GET', path: '/jobs/:jobid/rescales/details/:rescaleuuid', right: 'VIEW', handle: details },
]

function runOf(master: MasterView, request: RestRequest) {
  return [findJob(master, request).run, master.environment.clock.now()] as const
}

function putRequirements(master: MasterView, request: RestRequest): RescaleAccepted {
  const job = findJob(master, request)
  const body = requestBody(request, ResourceRequirementsSchema, 'JobResourceRequirementsBody')
  const asked = new Map(
    Object.entries(body).map(([id, { parallelism }]) => [id, { lower: parallelism.lowerBound, upper: parallelism.upperBound }]),
  )
  try {
    return { rescaleUuid: job.rescale(checkRequirements(job.jobGraph, asked), 'asked for over REST') }
  } catch (error) {
    if (RequirementsInvalid.is(error)) throw new RestRefused({ status: 400, message: error.message })
    if (RescaleRefused.is(error)) throw new RestRefused({ status: 409, message: error.message })
    throw error
  }
}

function details(master: MasterView, request: RestRequest) {
  const uuid = text(request.path, 'rescaleuuid')
  const found = findRescale(findJob(master, request).run, uuid, master.environment.clock.now())
  if (found === undefined) throw notFound(`There is no rescale ${uuid} of this job (any more).`)
  return found
}

function config(master: MasterView, request: RestRequest): RescalesConfig {
  const configuration = master.configuration.with(findJob(master, request).jobGraph.configuration)
  return {
    rescaleHistoryMax: configuration.get(WEB_RESCALE_HISTORY),
    schedulerExecutionMode: null,
    submissionResourceWaitTimeoutInMillis: configuration.get(RESOURCE_WAIT_TIMEOUT),
    slotIdleTimeoutInMillis: configuration.get(TASKMANAGER_IDLE_TIMEOUT),
  }
}

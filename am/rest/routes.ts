/**
 * Every endpoint of the master: method, path, handler. All answer with JSON, bare and below /v1. YARN's proxy lets GET and PUT
 * through, so what Flink does by PATCH or POST has a PUT besides. No GET changes anything (Flink's yarn-cancel does) but `collect`: rows that it has
 * fetched nobody else gets.
 */
import { MANAGED_MEMORY_FRACTION } from '#core/config/options/memory.js'
import { WEB_CANCEL, WEB_REFRESH_INTERVAL } from '#core/config/options/rest.js'
import { isTerminalJobState } from '#core/graph/states.js'
import type { ApplicationDetails, DashboardConfiguration, JobsOverview, TaskManagers } from '#core/rest/responses.js'
import { InvalidToken } from '../jobmaster/coordinators/collect-coordinator.js'
import { describeRestartStrategy } from '../jobmaster/scheduler/restart-strategy.js'
import { CHECKPOINT_ROUTES } from './checkpoint-routes.js'
import { RESCALE_ROUTES } from './rescale-routes.js'
import { findJob } from './find-job.js'
import type { MasterView } from './master-view.js'
import { findVertex, METRIC_ROUTES } from './metric-routes.js'
import { count, hexId, text } from './parameters.js'
import { badParameter, notFound, RestRefused } from './rest-error.js'
import type { RestRequest, Route } from './route.js'
import { SESSION_ROUTES } from './session-routes.js'
import { TOKEN_ROUTES } from './token-routes.js'
import { WEFT_REVISION, WEFT_VERSION } from './version.js'
import { clusterOverview, taskManagerDetails, taskManagerSummary } from './views/cluster-view.js'
import { jobDetails, jobExceptions, jobSummary, planNodes } from './views/job-view.js'
import { vertexDetails } from './views/vertex-view.js'

export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/config', right: 'VIEW', handle: dashboardConfiguration },
  {
    method: 'GET',
    path: '/overview',
    right: 'VIEW',
    handle: (master) => clusterOverview(master.resourceManager.workers(), master.dispatcher.jobs()),
  },
  {
    method: 'GET',
    path: '/jobs',
    right: 'VIEW',
    handle: (master) => ({ jobs: master.dispatcher.jobs().map((job) => ({ id: job.jobId, status: job.state })) }),
  },
  { method: 'GET', path: '/jobs/overview', right: 'VIEW', handle: (master): JobsOverview => ({ jobs: summaries(master) }) },
  {
    method: 'GET',
    path: '/jobs/:jobid',
    right: 'VIEW',
    handle: (master, request) => jobDetails(findJob(master, request), master.application.id, now(master)),
  },
  { method: 'GET', path: '/jobs/:jobid/status', right: 'VIEW', handle: (master, request) => ({ status: findJob(master, request).state }) },
  { method: 'GET', path: '/jobs/:jobid/config', right: 'VIEW', handle: jobConfiguration },
  { method: 'GET', path: '/jobs/:jobid/plan', right: 'VIEW', handle: jobPlan },
  {
    method: 'GET',
    path: '/jobs/:jobid/exceptions',
    right: 'VIEW',
    handle: (master, request) => jobExceptions(findJob(master, request), count(request.query, 'maxExceptions', 20)),
  },
  {
    method: 'GET',
    path: '/jobs/:jobid/vertices/:vertexid',
    right: 'VIEW',
    handle: (master, request) => vertexDetails(findVertex(master, request), now(master)),
  },
  { method: 'GET', path: '/jobs/:jobid/collect', right: 'MODIFY', handle: collect },
  ...CHECKPOINT_ROUTES,
  ...RESCALE_ROUTES,
  ...SESSION_ROUTES,
  ...METRIC_ROUTES,
  ...TOKEN_ROUTES,
  { method: 'PATCH', path: '/jobs/:jobid', right: 'MODIFY', status: 202, handle: patchJob },
  { method: 'PUT', path: '/jobs/:jobid/cancel', right: 'MODIFY', status: 202, handle: cancelJob },
  { method: 'GET', path: '/taskmanagers', right: 'VIEW', handle: taskManagers },
  { method: 'GET', path: '/taskmanagers/:taskmanagerid', right: 'VIEW', handle: taskManager },
  { method: 'GET', path: '/jobmanager/config', right: 'VIEW', handle: (master) => master.configuration.toMaskedEntries() },
  { method: 'GET', path: '/applications/overview', right: 'VIEW', handle: applications },
  { method: 'GET', path: '/applications/:applicationid', right: 'VIEW', handle: application },
  { method: 'PUT', path: '/applications/:applicationid/acknowledge', right: 'MODIFY', handle: acknowledge },
  { method: 'PUT', path: '/applications/:applicationid/cancel', right: 'MODIFY', status: 202, handle: cancelApplication },
  { method: 'POST', path: '/applications/:applicationid/cancel', right: 'MODIFY', status: 202, handle: cancelApplication },
]

function now(master: MasterView): number {
  return master.environment.clock.now()
}

function summaries(master: MasterView) {
  return master.dispatcher.jobs().map((job) => jobSummary(job, now(master)))
}

function dashboardConfiguration({ configuration }: MasterView): DashboardConfiguration {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return {
    'refresh-interval': configuration.get(WEB_REFRESH_INTERVAL),
    'timezone-name': zone,
    'timezone-offset': -new Date(0).getTimezoneOffset() * 60_000,
    'flink-version': WEFT_VERSION,
    'flink-revision': WEFT_REVISION,
    // An application's master runs its own program and takes no others.
    features: { 'web-submit': false, 'web-cancel': configuration.get(WEB_CANCEL), 'web-rescale': true, 'web-history': false },
  }
}

function jobConfiguration(master: MasterView, request: RestRequest) {
  const { jobGraph, settings } = findJob(master, request)
  return {
    jid: jobGraph.jobId,
    name: jobGraph.name,
    'execution-config': {
      'restart-strategy': describeRestartStrategy(settings.restartStrategy),
      'job-parallelism': Math.max(...jobGraph.vertices.map((each) => each.parallelism)),
      'object-reuse-mode': true,
      'user-config': Object.fromEntries(
        master.configuration
          .with(jobGraph.configuration)
          .toMaskedEntries()
          .map(({ key, value }) => [key, value]),
      ),
    },
  }
}

function jobPlan(master: MasterView, request: RestRequest) {
  const job = findJob(master, request)
  return { plan: { jid: job.jobId, name: job.jobGraph.name, type: job.jobGraph.jobType, nodes: planNodes(job) } }
}

function collect(master: MasterView, request: RestRequest) {
  const job = findJob(master, request)
  if (job.collect === undefined) throw notFound(`Job ${job.jobId} has no result to collect: it writes to tables`)
  master.application.contacted()
  try {
    return job.collect.fetch(count(request.query, 'token', 0))
  } catch (error) {
    if (InvalidToken.is(error)) throw new RestRefused({ status: 400, message: error.message })
    throw error
  }
}

function patchJob(master: MasterView, request: RestRequest) {
  const mode = request.query['mode'] ?? 'cancel'
  if (mode === 'stop')
    throw new RestRefused({
      status: 410,
      message: 'The termination mode "stop" has been removed. Stop with a savepoint: POST /jobs/:jobid/stop.',
    })
  if (mode !== 'cancel') throw badParameter('query', 'mode', mode)
  return cancelJob(master, request)
}

function cancelJob(master: MasterView, request: RestRequest) {
  const job = findJob(master, request)
  if (!master.configuration.get(WEB_CANCEL))
    throw new RestRefused({ status: 403, message: 'Cancelling by REST is switched off (web.cancel.enable)' })
  if (isTerminalJobState(job.state) && job.state !== 'CANCELED') {
    throw new RestRefused({
      status: 409,
      message: `Job cancellation failed because the job has already reached another terminal state (${job.state}).`,
    })
  }
  job.cancel()
  return {}
}

function taskManagers(master: MasterView): TaskManagers {
  const fraction = master.configuration.get(MANAGED_MEMORY_FRACTION)
  return { taskmanagers: master.resourceManager.workers().map((worker) => taskManagerSummary(worker, master.dispatcher.jobs(), fraction)) }
}

function taskManager(master: MasterView, request: RestRequest) {
  const id = text(request.path, 'taskmanagerid')
  const worker = master.resourceManager.workers().find((each) => each.resourceId === id)
  if (worker === undefined) throw notFound(`No TaskManager ${id} is registered`)
  return taskManagerDetails(worker, master.dispatcher.jobs(), master.configuration.get(MANAGED_MEMORY_FRACTION))
}

function findApplication(master: MasterView, request: RestRequest) {
  const id = hexId(request.path, 'applicationid')
  if (master.application.id !== id) throw notFound(`Application ${id} not found`)
  return master.application
}

function applications(master: MasterView) {
  const { statements: _statements, failure: _failure, ...rest } = master.application.details()
  const jobs: Record<string, number> = {}
  for (const job of master.dispatcher.jobs()) jobs[job.state] = (jobs[job.state] ?? 0) + 1
  return { applications: [{ ...rest, jobs }] }
}

function application(master: MasterView, request: RestRequest): ApplicationDetails {
  const found = findApplication(master, request)
  found.contacted()
  return { ...found.details(), jobs: summaries(master) }
}

function acknowledge(master: MasterView, request: RestRequest) {
  findApplication(master, request).acknowledge()
  return {}
}

function cancelApplication(master: MasterView, request: RestRequest) {
  const found = findApplication(master, request)
  if (!master.configuration.get(WEB_CANCEL))
    throw new RestRefused({ status: 403, message: 'Cancelling by REST is switched off (web.cancel.enable)' })
  found.cancel()
  return {}
}

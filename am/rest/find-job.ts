import type { Job } from '../jobmaster/job-master.js'
import type { MasterView } from './master-view.js'
import { hexId } from './parameters.js'
import { notFound } from './rest-error.js'
import type { RestRequest } from './route.js'

/** The job that the path names. @throws REST_REFUSED 400, 404 */
export function findJob(master: MasterView, request: Pick<RestRequest, 'path'>): Job {
  const id = hexId(request.path, 'jobid')
  const job = master.dispatcher.job(id)
  if (job === undefined) throw notFound(`Job ${id} not found`)
  return job
}

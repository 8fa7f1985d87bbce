/** Sessions: a JobManager that takes jobs from clients until it is stopped (docs/sessions.md). */
import { boolean, duration, integer, option } from '../option.js'

export const SESSION_IDLE_TIMEOUT = option('session.idle-timeout', duration(), {
  description: 'A session in which no job has run for so long ends itself. Unset: it runs until it is stopped.',
})
export const ISOLATE_JOBS = option('taskmanager.slot.isolate-jobs', boolean(), {
  default: 'false',
  description:
    'A slot that a job has given back gets a new thread, so that nothing of the job is left for the next one. Sessions set it to true unless told otherwise; jobs of one application are of one program and share the threads.',
})
export const JOBSTORE_EXPIRATION_TIME = option('jobstore.expiration-time', integer(0), {
  default: '3600',
  description: 'Seconds that a job which has ended stays listed, a minute at least.',
})
export const JOBSTORE_MAX_CAPACITY = option('jobstore.max-capacity', integer(0), {
  default: '1000',
  description:
    'Jobs which have ended that stay listed; beyond it the oldest go, if they ended more than a minute ago (Flink: unlimited, on disk).',
})

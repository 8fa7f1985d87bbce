import { duration, integer, list, option, string } from '../option.js'

export const YARN_APPLICATION_NAME = option('yarn.application.name', string(), {
  description: 'Name shown by YARN; the job’s name if unset.',
})
export const YARN_APPLICATION_ID = option('yarn.application.id', string(), {
  description: 'Target yarn-session: the session that takes the job, application_….',
})
export const YARN_APPLICATION_QUEUE = option('yarn.application.queue', string(), { description: 'Queue; YARN’s default queue if unset.' })
export const YARN_APPLICATION_PRIORITY = option('yarn.application.priority', integer(-1), {
  default: '-1',
  description: 'Application priority; -1: the queue’s.',
})
export const YARN_APPLICATION_NODE_LABEL = option('yarn.application.node-label', string(), {
  description: 'Node label for all containers of the application.',
})
export const YARN_TASKMANAGER_NODE_LABEL = option('yarn.taskmanager.node-label', string(), { description: 'Node label for TaskManagers.' })
export const YARN_APPLICATION_TYPE = option('yarn.application.type', string(), {
  default: 'Weft',
  description: 'Application type shown by YARN, at most 20 characters.',
})
export const YARN_TAGS = option('yarn.tags', list(','), {
  default: '',
  description: 'Application tags, separated by comma. YARN lower-cases them.',
})
export const YARN_APPLICATION_ATTEMPTS = option('yarn.application-attempts', integer(1), {
  default: '2',
  description: 'How often YARN may start the application master; the cluster’s maximum wins.',
})
export const YARN_ATTEMPT_FAILURES_VALIDITY = option('yarn.application-attempt-failures-validity-interval', integer(-1), {
  default: '600000',
  description: 'Time in ms after which a failed attempt is forgotten; -1: never (Flink: 10000).',
})
export const YARN_APPLICATION_LIFETIME = option('yarn.application.lifetime', duration(), {
  description:
    'YARN ends the application when it has been there for so long, waiting included, whatever it does then; unset: never. A queue may allow less (not in Flink).',
})
export const YARN_SHIP_FILES = option('yarn.ship-files', list(), {
  default: '',
  description: 'Local files and folders, or hdfs:// URIs, put into every container’s working directory.',
})
export const YARN_SHIP_ARCHIVES = option('yarn.ship-archives', list(), {
  default: '',
  description: 'Archives (.zip, .tar, .tar.gz, .tgz) unpacked in every container’s working directory.',
})
export const YARN_STAGING_DIRECTORY = option('yarn.staging-directory', string(), {
  description: 'Where applications’ files are staged; the user’s HDFS home if unset.',
})
export const YARN_FILE_REPLICATION = option('yarn.file-replication', integer(-1), {
  default: '-1',
  description: 'HDFS replication of staged files; -1: the cluster’s default.',
})
export const YARN_APPMASTER_VCORES = option('yarn.appmaster.vcores', integer(1), {
  default: '1',
  description: 'Virtual cores of the application master.',
})
export const YARN_CONTAINER_VCORES = option('yarn.containers.vcores', integer(-1), {
  default: '-1',
  description: 'Virtual cores of a TaskManager; -1: its number of slots.',
})
export const YARN_HEARTBEAT_INTERVAL = option('yarn.heartbeat.interval', integer(1), {
  default: '1',
  description: 'Seconds between heartbeats to the ResourceManager (Flink: 5).',
})
export const YARN_HEARTBEAT_REQUEST_INTERVAL = option('yarn.heartbeat.container-request-interval', duration(), {
  default: '200 ms',
  description: 'The same while containers are awaited (Flink: 500 ms).',
})
export const YARN_APPLICATION_MASTER_PORT = option('yarn.application-master.port', string(), {
  default: '0',
  description: 'Port or range of the application master’s internal endpoint.',
})
export const YARN_VIEW_ACLS = option('yarn.view.acls', string(), { description: 'Users and groups that may see the application.' })
export const YARN_MODIFY_ACLS = option('yarn.modify.acls', string(), { description: 'Users and groups that may change the application.' })
export const YARN_ROLLED_LOGS_INCLUDE = option('yarn.rolled-logs.include-pattern', string(), {
  description: 'Log files aggregated while the application runs.',
})
export const YARN_ROLLED_LOGS_EXCLUDE = option('yarn.rolled-logs.exclude-pattern', string(), { description: 'Log files left out of that.' })

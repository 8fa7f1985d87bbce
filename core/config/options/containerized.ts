import { option, string } from '../option.js'

/** `containerized.master.env.NAME` and `containerized.taskmanager.env.NAME` are open families (configuration.ts). */
export const MASTER_ENV_PREFIX = 'containerized.master.env.'
export const TASKMANAGER_ENV_PREFIX = 'containerized.taskmanager.env.'

export const HADOOP_CONF_DIR_OPTION = option('env.hadoop.conf.dir', string(), {
  description: 'Folder of core-site.xml, hdfs-site.xml, yarn-site.xml; wins over the variable HADOOP_CONF_DIR.',
})
export const YARN_CONF_DIR_OPTION = option('env.yarn.conf.dir', string(), {
  description: 'Folder of yarn-site.xml where it lies apart; wins over the variable YARN_CONF_DIR.',
})
export const LOG_DIR = option('env.log.dir', string(), { description: 'Folder for log files of standalone processes.' })

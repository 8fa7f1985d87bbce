import { defineError } from '#core/errors/define-error.js'

export const HadoopConfigurationMissing = defineError('HADOOP_CONF_MISSING', {
  recovery: 'none',
  message: (d: { reason: string }) =>
    `${d.reason}. Set HADOOP_CONF_DIR to the folder that holds the cluster's core-site.xml, hdfs-site.xml and yarn-site.xml ` +
    "(on a cluster's gateway host usually /etc/hadoop/conf), or give -D env.hadoop.conf.dir=<folder>.",
})
export const HadoopConfigurationUnreadable = defineError('HADOOP_CONF_UNREADABLE', {
  recovery: 'none',
  message: (d: { file: string; reason: string }) => `Cannot read the Hadoop configuration ${d.file}: ${d.reason}`,
})
export const HadoopPropertyInvalid = defineError('HADOOP_CONF_INVALID_PROPERTY', {
  recovery: 'none',
  message: (d: { property: string; value: string; reason: string; source: string }) =>
    `Hadoop property '${d.property}' (${d.source}) is '${d.value}': ${d.reason}`,
})

export const ProxyUserInvalid = defineError('HADOOP_PROXY_USER_INVALID', {
  recovery: 'none',
  message: (d: { user: string }) => `'${d.user}' cannot be the name of a user (--proxy-user, HADOOP_PROXY_USER).`,
})

/** HDFS in a local run: there when site files are named, as on a gateway machine. Loaded only then. */
import type { Configuration } from '#core/config/configuration.js'
import { HADOOP_CONF_DIR_OPTION, YARN_CONF_DIR_OPTION } from '#core/config/options/containerized.js'
import type { FileSystems } from '#core/fs/file-systems.js'

/** The properties, or undefined when no folder of site files is named. @throws HADOOP_CONF_UNREADABLE, HADOOP_TRUST_STORE_UNREADABLE */
export async function localHadoopConfiguration(configuration: Configuration): Promise<Readonly<Record<string, string>> | undefined> {
  const hadoopConfDir = configuration.get(HADOOP_CONF_DIR_OPTION)
  const yarnConfDir = configuration.get(YARN_CONF_DIR_OPTION)
  const { HADOOP_CONF_DIR, HADOOP_HOME, YARN_CONF_DIR } = process.env
  if ([hadoopConfDir, yarnConfDir, HADOOP_CONF_DIR, HADOOP_HOME, YARN_CONF_DIR].every((folder) => folder === undefined || folder === ''))
    return undefined
  const [{ loadHadoopConfiguration }, { hadoopUser }, { HadoopConfigurationMissing }, { withTrustedCertificates }] = await Promise.all([
    import('#hadoop/conf/load.js'),
    import('#hadoop/conf/user.js'),
    import('#hadoop/conf/errors.js'),
    import('#hadoop/security/trust/trust-store.js'),
  ])
  try {
    const read = loadHadoopConfiguration({
      environment: process.env,
      hadoopConfDir,
      yarnConfDir,
      user: hadoopUser(process.env),
    })
    return (await withTrustedCertificates(read)).toShippedRecord()
  } catch (error) {
    // A job on local files needs no Hadoop; one on hdfs:// is told so when it comes to that.
    if (HadoopConfigurationMissing.is(error)) return undefined
    throw error
  }
}

export async function registerHdfs(
  fileSystems: FileSystems,
  hadoopConfiguration: Readonly<Record<string, string>>,
  user: string,
): Promise<void> {
  const { createHdfsFileSystem, defaultHdfsAuthority, hdfsHomeDirectory } = await import('#hadoop/hdfs/hdfs-file-system.js')
  const { HadoopConfiguration } = await import('#hadoop/conf/hadoop-configuration.js')
  const { HadoopConfigurationMissing } = await import('#hadoop/conf/errors.js')
  try {
    defaultHdfsAuthority(HadoopConfiguration.of(hadoopConfiguration))
  } catch (error) {
    if (HadoopConfigurationMissing.is(error)) return // a cluster without HDFS
    throw error
  }
  fileSystems.register('hdfs', createHdfsFileSystem(hadoopConfiguration, user), hdfsHomeDirectory(hadoopConfiguration, user))
}

/** The file systems of a worker, as its descriptor says. The entry points supply HDFS, so that it is loaded only where it is used. */
import { Configuration } from '#core/config/configuration.js'
import { DEFAULT_SCHEME } from '#core/config/options/execution.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { FileSystems } from '#core/fs/file-systems.js'

export interface FileSystemSettings {
  readonly configuration: Readonly<Record<string, string>>
  readonly workingDirectory?: string | undefined
  readonly hadoopConfiguration?: Readonly<Record<string, string>> | undefined
  readonly user: string
}

/** `home`: what relative hdfs paths lie under. */
export type LoadHdfs = (
  hadoopConfiguration: Readonly<Record<string, string>>,
  user: string,
) => Promise<{ readonly fileSystem: FileSystem; readonly home: string }>

export async function workerFileSystems(settings: FileSystemSettings, loadHdfs: LoadHdfs): Promise<FileSystems> {
  const { hadoopConfiguration, user } = settings
  const fileSystems = new FileSystems(
    settings.workingDirectory ?? process.cwd(),
    Configuration.of(settings.configuration).get(DEFAULT_SCHEME),
  )
  if (hadoopConfiguration !== undefined) {
    const { fileSystem, home } = await loadHdfs(hadoopConfiguration, user)
    fileSystems.register('hdfs', fileSystem, home)
  }
  return fileSystems
}

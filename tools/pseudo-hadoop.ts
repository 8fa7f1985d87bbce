/** Starts and stops the pseudo-distributed Hadoop of test/hadoop for demos and measurements. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { createHdfsFileSystem } from '#hadoop/hdfs/hdfs-file-system.js'
import type { FileSystem } from '#core/fs/file-system.js'

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url))
const script = join(projectRoot, 'test/hadoop/cluster.sh')

export interface PseudoHadoop {
  readonly folder: string
  /** HADOOP_CONF_DIR, HADOOP_PSEUDO_… of the running cluster. */
  readonly environment: Readonly<Record<string, string>>
  readonly resourceManager: string
  /** `hdfs://localhost:PORT` */
  readonly defaultFs: string
  fileSystem(user: string): FileSystem
  /** GET of the ResourceManager's REST API below /ws/v1/cluster, as its administrator: others see no figures of an application. */
  cluster(path: string): Promise<Record<string, unknown>>
  stop(): void
}

export function startPseudoHadoop(name: string, options: readonly string[]): PseudoHadoop {
  const folder = join(projectRoot, 'build', name)
  execFileSync('bash', [script, 'start', '--dir', folder, ...options], { stdio: ['ignore', 'inherit', 'inherit'] })
  const text = execFileSync('bash', [script, 'env', '--dir', folder], { encoding: 'utf8' })
  const environment = Object.fromEntries(
    [...text.matchAll(/^export ([A-Z_]+)='([^']*)'$/gm)].map(([, key = '', value = '']) => [key, value]),
  )
  const resourceManager = environment['HADOOP_PSEUDO_RM_HTTP'] ?? ''
  return {
    folder,
    environment,
    resourceManager,
    defaultFs: environment['HADOOP_PSEUDO_FS'] ?? '',
    fileSystem: (user) => createHdfsFileSystem(loadHadoopConfiguration({ environment, user }).toShippedRecord(), user),
    async cluster(path) {
      const response = await fetch(`${resourceManager}/ws/v1/cluster/${path}?user.name=yarn`, { headers: { accept: 'application/json' } })
      return (await response.json()) as Record<string, unknown>
    },
    stop: () => void execFileSync('bash', [script, 'stop', '--dir', folder], { stdio: ['ignore', 'ignore', 'inherit'] }),
  }
}

/** Copies a local folder's files (not recursive) into a folder of HDFS. */
export async function upload(hdfs: FileSystem, files: readonly { readonly from: string; readonly to: string }[]): Promise<void> {
  const { localFileSystem } = await import('#core/fs/local-file-system.js')
  for (const { from, to } of files) {
    const writer = await hdfs.create(to)
    for await (const chunk of localFileSystem.read(from)) await writer.write(chunk)
    await writer.close()
  }
}

export async function readText(fileSystem: FileSystem, path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of fileSystem.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

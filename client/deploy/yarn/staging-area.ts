/**
 * Where an application's files lie in HDFS:
 *
 *   <root>/.weft/runtime/<hash>-<bytes>.tar.gz        shared by all of the user's applications, written once, never changed
 *   <root>/.weft/applications/<application id>/        0700, its files 0600; removed at the end
 *
 * <root> is option yarn.staging-directory or the user's home. A file is referred to by path, length and modification time: YARN
 * refuses to start a container when a file has changed, so a published one is never written again.
 */
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { LocalResource } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { YARN_STAGING_DIRECTORY } from '#core/config/options/yarn.js'
import { FileSystemFailed, PathAlreadyExists } from '#core/fs/errors.js'
import { defaultHdfsAuthority } from '#hadoop/hdfs/hdfs-file-system.js'
import type { HdfsFileStatus } from '#hadoop/hdfs/records.js'
import type { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import type { YarnCluster } from './yarn-cluster.js'
import { RuntimeArchiveMissing } from './errors.js'

const PRIVATE_DIRECTORY = 0o700
const PRIVATE_FILE = 0o600
const READABLE_DIRECTORY = 0o755
const READABLE_FILE = 0o644
/** A root that several users share: each may add, none may remove another's. */
const SHARED_DIRECTORY = 0o1777
const UPLOAD_CHUNK_BYTES = 256 * 1024

export interface StagingRoot {
  /** URI without trailing slash. */
  readonly uri: string
  /** Not the user's home: other users may have theirs in it too. */
  readonly shared: boolean
}

/** @throws HADOOP_CONF_MISSING where there is no default HDFS, FS_* */
export async function stagingRoot(cluster: YarnCluster, configuration: Configuration): Promise<StagingRoot> {
  const authority = defaultHdfsAuthority(cluster.hadoop)
  const home = `hdfs://${authority}${await cluster.hdfs.homeDirectory(authority)}`
  const given = configuration.get(YARN_STAGING_DIRECTORY)?.replace(/(.)\/+$/, '$1')
  if (given === undefined) return { uri: home, shared: false }
  const uri = given.startsWith('/')
    ? `hdfs://${authority}${given}`
    : /^hdfs:\/\/\//i.test(given)
      ? `hdfs://${authority}${given.slice(7)}`
      : /^[a-z]+:/i.test(given)
        ? given
        : `${home}/${given}`
  return { uri, shared: uri !== home && !uri.startsWith(`${home}/`) }
}

export function applicationDirectory(root: StagingRoot, applicationId: string): string {
  return `${root.uri}/.weft/applications/${applicationId}`
}

/** Makes the application's own folder. */
export async function makeApplicationDirectory(hdfs: WebHdfsClient, root: StagingRoot, applicationId: string): Promise<string> {
  if (root.shared) for (const folder of ['.weft', '.weft/applications']) await makeShared(hdfs, `${root.uri}/${folder}`)
  const directory = applicationDirectory(root, applicationId)
  await hdfs.mkdirs(directory, PRIVATE_DIRECTORY)
  return directory
}

/** Writes `bytes` or a local file. @returns its status, for the LocalResource */
export async function uploadFile(
  hdfs: WebHdfsClient,
  uri: string,
  content: { readonly bytes: Uint8Array } | { readonly file: string },
  options: { permission?: number; replication?: number | undefined } = {},
): Promise<HdfsFileStatus> {
  const writer = await hdfs.create(uri, {
    overwrite: true,
    permission: options.permission ?? PRIVATE_FILE,
    ...(options.replication === undefined ? {} : { replication: options.replication }),
  })
  let length = 0
  try {
    const chunks =
      'bytes' in content
        ? [content.bytes]
        : (createReadStream(content.file, { highWaterMark: UPLOAD_CHUNK_BYTES }) as AsyncIterable<Buffer>)
    for await (const chunk of chunks) {
      length += chunk.length
      await writer.write(chunk)
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  const status = await hdfs.status(uri)
  if (status?.length !== length) {
    throw new FileSystemFailed({
      path: uri,
      operation: 'upload',
      reason: `${length} bytes were written and ${status === undefined ? 'the file is gone' : `${status.length} are there`}`,
    })
  }
  return status
}

export function localResource(
  link: string,
  uri: string,
  status: HdfsFileStatus,
  type: LocalResource['type'],
  visibility: LocalResource['visibility'],
): LocalResource {
  return { link, uri, size: status.length, timestamp: status.modificationTime, type, visibility }
}

/**
 * The runtime archive in HDFS: the one that is there, or uploaded now. One that somebody else put there is not trusted; then
 * the application gets its own copy in its own folder.
 */
export async function stageRuntime(
  cluster: YarnCluster,
  root: StagingRoot,
  applicationFolder: string,
  archive: string,
  link: string,
  replication: number | undefined,
): Promise<{ resource: LocalResource; uploadedBytes: number }> {
  const { hdfs } = cluster
  const length = archiveLength(archive)
  const hash = /weft-runtime-([0-9a-f]{8,64})\.tar\.gz$/.exec(basename(archive))?.[1]
  if (hash === undefined) throw new RuntimeArchiveMissing({ path: archive, reason: 'its name is not weft-runtime-<hash>.tar.gz' })
  const folder = `${root.uri}/.weft/runtime`
  const uri = `${folder}/${hash}-${length}.tar.gz`
  let status = await hdfs.status(uri)
  let uploadedBytes = 0
  if (status === undefined) {
    if (root.shared) for (const name of ['.weft', '.weft/runtime']) await makeShared(hdfs, `${root.uri}/${name}`)
    else await hdfs.mkdirs(folder, READABLE_DIRECTORY)
    const temporary = `${uri}.${cluster.environment.random.bytes(6).toString('hex')}`
    await uploadFile(hdfs, temporary, { file: archive }, { permission: READABLE_FILE, replication })
    uploadedBytes = length
    try {
      await hdfs.rename(temporary, uri)
    } catch (error) {
      await hdfs.delete(temporary).catch(() => undefined)
      // Another client was faster with the same content.
      if (!PathAlreadyExists.is(error)) throw error
    }
    status = await hdfs.status(uri)
  }
  if (status !== undefined && status.length === length && (!root.shared || status.owner === cluster.user)) {
    return { resource: localResource(link, uri, status, 'ARCHIVE', await visibilityOf(hdfs, uri, status)), uploadedBytes }
  }
  const own = `${applicationFolder}/${hash}.tar.gz`
  return {
    resource: localResource(link, own, await uploadFile(hdfs, own, { file: archive }, { replication }), 'ARCHIVE', 'APPLICATION'),
    uploadedBytes: uploadedBytes + length,
  }
}

/** PUBLIC when everybody may read the file and pass every folder above it: then a node keeps one copy for all users. */
export async function visibilityOf(hdfs: WebHdfsClient, uri: string, status: HdfsFileStatus): Promise<'PUBLIC' | 'PRIVATE'> {
  if ((otherBits(status) & 4) === 0) return 'PRIVATE'
  const [, base = '', path = ''] = /^(hdfs:\/\/[^/]*)(\/.*)$/i.exec(uri) ?? []
  const folders: string[] = ['/']
  for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) folders.push(path.slice(0, slash))
  const all = await Promise.all(folders.map((folder) => hdfs.status(base + folder).catch(() => undefined)))
  return all.every((folder) => folder !== undefined && (otherBits(folder) & 1) === 1) ? 'PUBLIC' : 'PRIVATE'
}

function otherBits(status: HdfsFileStatus): number {
  return Number.parseInt(status.permission, 8) & 7
}

/** A permission is set only when the folder is new: an existing one is its owner's business. */
async function makeShared(hdfs: WebHdfsClient, uri: string): Promise<void> {
  if ((await hdfs.status(uri)) === undefined) await hdfs.mkdirs(uri, SHARED_DIRECTORY)
}

function archiveLength(archive: string): number {
  try {
    return statSync(archive).size
  } catch (error) {
    throw new RuntimeArchiveMissing({ path: archive, reason: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}

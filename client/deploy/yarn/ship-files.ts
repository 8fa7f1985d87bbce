/** Options yarn.ship-files and yarn.ship-archives: what is to be put into every container's working directory. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { APPLICATION_DESCRIPTOR_FILE, RUNTIME_LINK, type LocalResource } from '#core/cluster/application-descriptor.js'
import type { Configuration } from '#core/config/configuration.js'
import { YARN_SHIP_ARCHIVES, YARN_SHIP_FILES } from '#core/config/options/yarn.js'
import type { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import { ShipFileMissing } from './errors.js'
import { localResource, uploadFile, visibilityOf } from './staging-area.js'

/** `link` may hold slashes: a folder's files keep their places below its name. */
export interface ShipFile {
  readonly option: string
  readonly link: string
  readonly source: { readonly kind: 'local'; readonly path: string } | { readonly kind: 'hdfs'; readonly uri: string }
  readonly type: LocalResource['type']
}

export const PROGRAM_LINK = 'program.mjs'

/** Names that the container's working directory holds anyhow. */
const RESERVED = new Set([
  RUNTIME_LINK,
  APPLICATION_DESCRIPTOR_FILE,
  PROGRAM_LINK,
  'container_tokens',
  'launch_container.sh',
  'default_container_executor.sh',
  'default_container_executor_session.sh',
  'tmp',
])
const ARCHIVE_NAME = /\.(zip|jar|tar|tar\.gz|tgz)$/i
const MAX_FILES = 1_000

/** Folders unfolded, names checked. @throws YARN_SHIP_FILE_MISSING */
export async function listShipFiles(configuration: Configuration, hdfs: WebHdfsClient): Promise<ShipFile[]> {
  const found: ShipFile[] = []
  for (const path of configuration.get(YARN_SHIP_FILES)) {
    if (isHdfs(path)) await listHdfs(hdfs, path.replace(/\/+$/, ''), lastName(path), found)
    else listLocal(resolve(path), basename(resolve(path)), found)
    if (found.length > MAX_FILES)
      throw new ShipFileMissing({
        option: YARN_SHIP_FILES.key,
        path,
        reason: `there are more than ${MAX_FILES} files; pack them into an archive and use ${YARN_SHIP_ARCHIVES.key}`,
      })
  }
  for (const path of configuration.get(YARN_SHIP_ARCHIVES)) {
    const option = YARN_SHIP_ARCHIVES.key
    if (!ARCHIVE_NAME.test(path))
      throw new ShipFileMissing({ option, path, reason: 'an archive ends in .zip, .jar, .tar, .tar.gz or .tgz' })
    if (isHdfs(path)) found.push({ option, link: lastName(path), source: { kind: 'hdfs', uri: path }, type: 'ARCHIVE' })
    else {
      requireLocal(option, resolve(path))
      found.push({ option, link: basename(path), source: { kind: 'local', path: resolve(path) }, type: 'ARCHIVE' })
    }
  }
  checkLinks(found)
  return found
}

/** Uploads what is local into `directory`. */
export async function stageShipFile(
  hdfs: WebHdfsClient,
  directory: string,
  index: number,
  file: ShipFile,
  replication: number | undefined,
): Promise<LocalResource> {
  if (file.source.kind === 'hdfs') {
    const status = await hdfs.status(file.source.uri)
    if (status === undefined) throw new ShipFileMissing({ option: file.option, path: file.source.uri, reason: 'it does not exist' })
    return localResource(file.link, file.source.uri, status, file.type, await visibilityOf(hdfs, file.source.uri, status))
  }
  // The name's end tells YARN how to unpack; the number keeps equal names of different folders apart.
  const uri = `${directory}/ship-${index}-${basename(file.source.path).replaceAll(':', '_')}`
  return localResource(file.link, uri, await uploadFile(hdfs, uri, { file: file.source.path }, { replication }), file.type, 'APPLICATION')
}

function isHdfs(path: string): boolean {
  return /^hdfs:\/\//i.test(path)
}

function lastName(uri: string): string {
  return uri.replace(/\/+$/, '').replace(/^.*\//, '')
}

function requireLocal(option: string, path: string): ReturnType<typeof statSync> {
  try {
    return statSync(path)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ShipFileMissing({ option, path, reason: missing ? 'it does not exist' : String((error as Error).message) }, { cause: error })
  }
}

function listLocal(path: string, link: string, into: ShipFile[]): void {
  const option = YARN_SHIP_FILES.key
  if (requireLocal(option, path)?.isDirectory() !== true) {
    into.push({ option, link, source: { kind: 'local', path }, type: 'FILE' })
    return
  }
  for (const name of readdirSync(path).sort()) {
    if (into.length > MAX_FILES) return
    listLocal(join(path, name), `${link}/${name}`, into)
  }
}

async function listHdfs(hdfs: WebHdfsClient, uri: string, link: string, into: ShipFile[]): Promise<void> {
  const option = YARN_SHIP_FILES.key
  const status = await hdfs.status(uri)
  if (status === undefined) throw new ShipFileMissing({ option, path: uri, reason: 'it does not exist' })
  if (status.type !== 'DIRECTORY') {
    into.push({ option, link, source: { kind: 'hdfs', uri }, type: 'FILE' })
    return
  }
  for await (const child of hdfs.list(uri)) {
    if (into.length > MAX_FILES) return
    await listHdfs(hdfs, `${uri}/${child.pathSuffix}`, `${link}/${child.pathSuffix}`, into)
  }
}

function checkLinks(files: readonly ShipFile[]): void {
  const seen = new Map<string, ShipFile>()
  for (const file of files) {
    const path = file.source.kind === 'local' ? file.source.path : file.source.uri
    if (RESERVED.has(file.link.split('/')[0] ?? ''))
      throw new ShipFileMissing({
        option: file.option,
        path,
        reason: `'${file.link}' is a name of Weft's or YARN's own in a container's working directory`,
      })
    if (seen.has(file.link))
      throw new ShipFileMissing({
        option: file.option,
        path,
        reason: `two files would be called '${file.link}' in a container's working directory`,
      })
    seen.set(file.link, file)
  }
}

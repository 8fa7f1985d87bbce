/** `hdfs://` as a FileSystem (core/fs), over WebHDFS. */
import { PathNotFound } from '#core/fs/errors.js'
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'
import type { Environment } from '#core/time/environment.js'
import { defaultFileSystem, nameNodeWebUrls } from '../conf/addresses.js'
import { HadoopConfigurationMissing } from '../conf/errors.js'
import { HadoopConfiguration } from '../conf/hadoop-configuration.js'
import { lazyAuthenticator, type HttpAuthenticator } from '../rest/http-authenticator.js'
import { proxyUser } from '../conf/user.js'
import { tlsOptions } from '../rest/tls.js'
import { clusterLogin } from '../security/cluster-login.js'
import { childUri, parentOf, parseHdfsPath } from './hdfs-path.js'
import type { HdfsFileStatus } from './records.js'
import type { RetryPolicy } from './retry-policy.js'
import { WebHdfsClient } from './web-hdfs-client.js'

export interface HdfsOptions {
  readonly authenticator?: HttpAuthenticator
  readonly environment?: Environment
  readonly retryPolicy?: RetryPolicy
}

/**
 * `hadoopConfiguration`: resolved properties. Requests are made as `user` where there is no Kerberos; else by the container's tokens, or by SPNEGO
 * with the ticket that kinit left, which is looked for when the first request is made.
 */
export function createWebHdfsClient(hadoopConfiguration: HadoopConfiguration, user: string, options: HdfsOptions = {}): WebHdfsClient {
  return new WebHdfsClient({
    nameNodes: (authority) =>
      nameNodeWebUrls(hadoopConfiguration, authority === '' ? defaultHdfsAuthority(hadoopConfiguration) : authority),
    authenticator:
      options.authenticator ??
      lazyAuthenticator(
        () =>
          clusterLogin(hadoopConfiguration, user, {
            tokenFile: process.env['HADOOP_TOKEN_FILE_LOCATION'],
            proxyUser: proxyUser(process.env),
          }).hdfs,
      ),
    tls: tlsOptions(hadoopConfiguration),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
    ...(options.retryPolicy === undefined ? {} : { retryPolicy: options.retryPolicy }),
  })
}

/** The file system of master and workers. */
export function createHdfsFileSystem(
  hadoopConfiguration: Readonly<Record<string, string>>,
  user: string,
  options: HdfsOptions = {},
): FileSystem {
  return hdfsFileSystem(createWebHdfsClient(HadoopConfiguration.of(hadoopConfiguration), user, options))
}

/** URI that relative `hdfs` paths lie under, without asking the NameNode: `hdfs://nn:8020/user/alice`. */
export function hdfsHomeDirectory(hadoopConfiguration: Readonly<Record<string, string>>, user: string): string {
  const conf = HadoopConfiguration.of(hadoopConfiguration)
  return `hdfs://${defaultHdfsAuthority(conf)}${(conf.get('dfs.user.home.dir.prefix') ?? '/user').replace(/\/$/, '')}/${user}`
}

export function defaultHdfsAuthority(conf: HadoopConfiguration): string {
  const authority = /^hdfs:\/\/([^/]+)/i.exec(defaultFileSystem(conf))?.[1]
  if (authority === undefined) {
    throw new HadoopConfigurationMissing({ reason: `fs.defaultFS is '${defaultFileSystem(conf)}', so there is no default HDFS` })
  }
  return authority
}

export function hdfsFileSystem(client: WebHdfsClient): FileSystem {
  const fileSystem: FileSystem = {
    async status(uri) {
      const status = await client.status(uri)
      return status === undefined ? undefined : toFileStatus(parseHdfsPath(uri).uri, status)
    },
    async list(uri) {
      const { uri: folder } = parseHdfsPath(uri)
      const children: FileStatus[] = []
      for await (const child of client.list(uri)) {
        // The contract lists folders; HDFS answers for a file with the file itself.
        if (child.pathSuffix === '') throw new PathNotFound({ path: folder })
        children.push(toFileStatus(childUri(folder, child.pathSuffix), child))
      }
      return children.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    },
    read: (uri, offset, length) => client.open(uri, offset, length),
    create: (uri, options) => client.create(uri, options),
    mkdirs: (uri, permission) => client.mkdirs(uri, permission),
    async rename(from, to) {
      try {
        await client.rename(from, to)
      } catch (error) {
        const target = parseHdfsPath(to)
        const parent = target.uri.slice(0, target.uri.length - target.path.length) + parentOf(target.path)
        // The contract makes the target's parents.
        if (!PathNotFound.is(error) || error.details.path !== parent) throw error
        await client.mkdirs(parent)
        await client.rename(from, to)
      }
    },
    delete: (uri) => client.delete(uri),
  }
  return fileSystem
}

function toFileStatus(path: string, status: HdfsFileStatus): FileStatus {
  return { path, directory: status.type === 'DIRECTORY', length: status.length, modificationTime: status.modificationTime }
}

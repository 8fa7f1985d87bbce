/** `hdfs://authority/path` taken apart. Characters of the path stand for themselves: nothing in it is percent-encoded. */
import { FileSystemFailed } from '#core/fs/errors.js'

export interface HdfsPath {
  /** Nameservice or host:port; '' where the URI has none. */
  readonly authority: string
  /** Absolute, without trailing slash; `/` is the root. */
  readonly path: string
  /** The URI as it was given, without trailing slash. */
  readonly uri: string
}

/** @throws FS_FAILED for what HDFS cannot hold */
export function parseHdfsPath(uri: string): HdfsPath {
  const match = /^(?:hdfs:\/\/([^/]*))?(\/.*)?$/is.exec(uri)
  if (match === null || uri === '')
    throw new FileSystemFailed({ path: uri, operation: 'resolve', reason: 'it is not of the form hdfs://host:port/path' })
  const path = (match[2] ?? '/').replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1')
  for (const segment of path.split('/')) {
    // '..' would be resolved by HTTP on the way; NUL and ':' are refused by HDFS itself, with an error that is harder to read.
    if (segment === '.' || segment === '..')
      throw new FileSystemFailed({ path: uri, operation: 'resolve', reason: `a path cannot contain '${segment}'` })
    if (segment.includes(':') || segment.includes('\0'))
      throw new FileSystemFailed({ path: uri, operation: 'resolve', reason: "an HDFS name cannot contain ':' or NUL" })
  }
  return { authority: match[1] ?? '', path, uri: uri.length > 1 ? uri.replace(/(.)\/+$/, '$1') : uri }
}

/** Path for a URL: percent-encoded segment by segment. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? '/' : path.slice(0, slash)
}

export function childUri(uri: string, name: string): string {
  return uri.endsWith('/') ? uri + name : `${uri}/${name}`
}

/**
 * WebHDFS: HDFS over HTTP, of any number of nameservices. All errors are those of core/fs/errors.ts, with Hadoop's own error as
 * cause. Metadata calls go to the NameNode; bytes go to and come from the DataNode that it names (two steps). Source: WebHDFS REST
 * API 3.4; traps: RENAME without options tells no reasons, CREATE's errors come at its second step.
 */
import type { IncomingMessage } from 'node:http'
import type * as z from '#core/zod.js'
import { FileSystemFailed, PathAlreadyExists, PathNotFound } from '#core/fs/errors.js'
import { sleep, systemEnvironment, type Environment } from '#core/time/environment.js'
import { HadoopAnswerUnreadable, shownUrl } from '../rest/errors.js'
import type { HttpAuthenticator } from '../rest/http-authenticator.js'
import { errorOfAnswer } from '../rest/remote-exception.js'
import type { TlsOptions } from '../rest/tls.js'
import { javaClassOf, leavesOwnFile, toFileSystemError, transientFailure } from './hdfs-errors.js'
import { parentOf, parseHdfsPath, type HdfsPath } from './hdfs-path.js'
import { exchange, keepAliveAgents, readBody, unreachable, type ExchangeAgents } from './http-exchange.js'
import { NameNodes, type NameNodeCall, type Repetition } from './name-nodes.js'
import {
  BooleanAnswer,
  DirectoryListingAnswer,
  FileStatusAnswer,
  LocationAnswer,
  PathAnswer,
  TimeAnswer,
  TokenAnswer,
  type HdfsFileStatus,
} from './records.js'
import { DEFAULT_RETRY_POLICY, retryDelay, type RetryPolicy } from './retry-policy.js'
import { WebHdfsUpload } from './web-hdfs-upload.js'

/** A page of LISTSTATUS_BATCH holds 1000 entries by default, a name at most 255 bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const MAX_ERROR_BYTES = 1024 * 1024

export interface WebHdfsOptions {
  /** Base URLs of the NameNodes behind an authority; '' is the default file system's. */
  readonly nameNodes: (authority: string) => readonly string[]
  readonly authenticator: HttpAuthenticator
  /** Undefined: as Node trusts. */
  readonly tls?: TlsOptions
  readonly environment?: Environment
  readonly retryPolicy?: RetryPolicy
}

export interface CreateOptions {
  readonly overwrite?: boolean
  /** Octal, e.g. 0o600; not reduced by a umask. */
  readonly permission?: number
  readonly replication?: number
}

export class WebHdfsClient {
  readonly #options: WebHdfsOptions
  readonly #tls: TlsOptions
  readonly #environment: Environment
  readonly #policy: RetryPolicy
  readonly #agents: ExchangeAgents
  readonly #nameNodes = new Map<string, NameNodes>()

  constructor(options: WebHdfsOptions) {
    this.#options = options
    this.#tls = options.tls ?? {}
    this.#agents = keepAliveAgents(this.#tls)
    this.#environment = options.environment ?? systemEnvironment
    this.#policy = options.retryPolicy ?? DEFAULT_RETRY_POLICY
  }

  /** Undefined when there is nothing at that path. */
  async status(uri: string): Promise<HdfsFileStatus | undefined> {
    const path = parseHdfsPath(uri)
    try {
      return (await this.#json(path, { method: 'GET', path: path.path, op: 'GETFILESTATUS' }, FileStatusAnswer)).answer.FileStatus
    } catch (error) {
      // A component of the path that is a file: nothing can be below it.
      if (javaClassOf(error) === 'FileNotFoundException' || javaClassOf(error) === 'ParentNotDirectoryException' || isFileInPath(error))
        return undefined
      throw toFileSystemError(error, path.uri, 'status')
    }
  }

  /** Children in HDFS's order, page by page. For a file: the file itself with pathSuffix ''. @throws FS_NOT_FOUND */
  async *list(uri: string): AsyncGenerator<HdfsFileStatus, void, undefined> {
    const path = parseHdfsPath(uri)
    let startAfter: string | undefined
    for (;;) {
      const call: NameNodeCall = { method: 'GET', path: path.path, op: 'LISTSTATUS_BATCH', parameters: { startAfter } }
      const listing = await this.#json(path, call, DirectoryListingAnswer).catch((error: unknown) => {
        throw isFileInPath(error) ? new PathNotFound({ path: path.uri }, { cause: error }) : toFileSystemError(error, path.uri, 'list')
      })
      const { partialListing, remainingEntries } = listing.answer.DirectoryListing
      const page = partialListing.FileStatuses.FileStatus
      yield* page
      const last = page.at(-1)
      if (remainingEntries <= 0 || last === undefined) return
      startAfter = last.pathSuffix
    }
  }

  /**
   * The bytes from `offset` on, at most `length`. A connection that breaks is resumed behind the last byte that came, at another
   * DataNode. @throws FS_NOT_FOUND, FS_PERMISSION_DENIED, FS_UNAVAILABLE
   */
  async *open(uri: string, offset = 0, length?: number): AsyncGenerator<Buffer, void, undefined> {
    const path = parseHdfsPath(uri)
    if (length === 0) return
    let position = offset
    const end = length === undefined ? undefined : offset + length
    const excluded = new Set<string>()
    for (let attempt = 1; ;) {
      const before = position
      try {
        for await (const chunk of this.#openOnce(path, position, end === undefined ? undefined : end - position, excluded)) {
          position += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        if (isBehindEnd(error)) return
        if (position > before) attempt = 1
        const delay =
          transientFailure(error) === undefined
            ? undefined
            : retryDelay(this.#policy, attempt++, 'unreachable', 1, this.#environment.random.uniform())
        if (delay === undefined) throw toFileSystemError(error, path.uri, 'read')
        await sleep(this.#environment, delay)
      }
    }
  }

  /**
   * A new file; parents are made. Resolves when it is there, empty, and a DataNode takes its bytes.
   * @throws FS_ALREADY_EXISTS unless overwrite (by `write` or `close` when somebody was faster by a moment), FS_PERMISSION_DENIED,
   *   FS_QUOTA_EXCEEDED (of bytes: by `write` or `close`)
   */
  async create(uri: string, options: CreateOptions = {}): Promise<WebHdfsUpload> {
    const path = parseHdfsPath(uri)
    const overwrite = options.overwrite === true
    const before = await this.status(uri)
    if (before !== undefined && (!overwrite || before.type === 'DIRECTORY')) throw new PathAlreadyExists({ path: path.uri })
    const parameters = {
      overwrite,
      permission: (options.permission ?? 0o644).toString(8),
      replication: options.replication,
      noredirect: true,
    }
    const location = await this.#location(path, { method: 'PUT', path: path.path, op: 'CREATE', parameters }).catch((error: unknown) => {
      throw toFileSystemError(error, path.uri, 'create')
    })
    let fileId: number | undefined
    const upload = new WebHdfsUpload(location, this.#tls, {
      translate: (error) => toFileSystemError(error, path.uri, 'write'),
      remove: (failure) => (leavesOwnFile(failure) ? this.#removeAborted(uri, fileId) : Promise.resolve()),
    })
    await upload.opened(async () => {
      const now = await this.status(uri)
      // An overwritten file has a new id; where ids are not told, what is there may be the old one.
      if (now === undefined || (before?.fileId !== undefined && now.fileId === before.fileId)) return false
      fileId = now.fileId
      return true
    }, this.#environment)
    return upload
  }

  /** Makes the folder and its parents; nothing happens where it is there. */
  async mkdirs(uri: string, permission?: number): Promise<void> {
    const path = parseHdfsPath(uri)
    const parameters = { permission: permission?.toString(8) }
    const { answer } = await this.#json(path, { method: 'PUT', path: path.path, op: 'MKDIRS', parameters }, BooleanAnswer).catch(
      (error: unknown) => {
        throw toFileSystemError(error, path.uri, 'mkdirs')
      },
    )
    if (!answer.boolean)
      throw new FileSystemFailed({ path: path.uri, operation: 'mkdirs', reason: 'HDFS did not make it and gives no reason' })
  }

  /**
   * Atomic; the target must not exist, its parent must. With RENAME's own options HDFS refuses an existing target (without them it
   * would move the source into a target folder). After a lost answer a source that is gone and a target that is there are
   * taken for our own success. @throws FS_NOT_FOUND, FS_ALREADY_EXISTS
   */
  async rename(from: string, to: string): Promise<void> {
    const source = parseHdfsPath(from)
    const target = parseHdfsPath(to)
    if (source.authority !== target.authority && source.authority !== '' && target.authority !== '') {
      throw new FileSystemFailed({ path: source.uri, operation: 'rename', reason: `${target.uri} is on another file system` })
    }
    const repetition: Repetition = { seen: false }
    try {
      const parameters = { destination: target.path, renameoptions: 'NONE' }
      await this.#text(source, { method: 'PUT', path: source.path, op: 'RENAME', parameters }, repetition)
    } catch (error) {
      if (transientFailure(error) !== undefined || javaClassOf(error) === 'AccessControlException')
        throw toFileSystemError(error, source.uri, 'rename')
      // The exceptions do not tell source from target; their state does.
      const [sourceStatus, targetStatus] = [await this.status(source.uri), await this.status(target.uri)]
      if (sourceStatus === undefined) {
        if (repetition.seen && targetStatus !== undefined) return
        throw new PathNotFound({ path: source.uri }, { cause: error })
      }
      if (targetStatus !== undefined) throw new PathAlreadyExists({ path: target.uri }, { cause: error })
      const parent = target.uri.slice(0, target.uri.length - target.path.length) + parentOf(target.path)
      if ((await this.status(parent)) === undefined) throw new PathNotFound({ path: parent }, { cause: error })
      throw toFileSystemError(error, source.uri, 'rename')
    }
  }

  /** Recursive. False: there was nothing. */
  async delete(uri: string): Promise<boolean> {
    const path = parseHdfsPath(uri)
    if (path.path === '/') throw new FileSystemFailed({ path: path.uri, operation: 'delete', reason: 'the root cannot be deleted' })
    const { answer, repeated } = await this.#json(
      path,
      { method: 'DELETE', path: path.path, op: 'DELETE', parameters: { recursive: true } },
      BooleanAnswer,
    ).catch((error: unknown) => {
      if (isFileInPath(error)) return { answer: { boolean: false }, repeated: false }
      throw toFileSystemError(error, path.uri, 'delete')
    })
    return answer.boolean || repeated
  }

  async setPermission(uri: string, permission: number): Promise<void> {
    await this.#change(uri, 'SETPERMISSION', { permission: permission.toString(8) })
  }

  async setReplication(uri: string, replication: number): Promise<void> {
    await this.#change(uri, 'SETREPLICATION', { replication })
  }

  /** The user's home on that authority, as a path: `/user/alice`. */
  async homeDirectory(authority: string): Promise<string> {
    const path = parseHdfsPath(`hdfs://${authority}/`)
    return this.#json(path, { method: 'GET', path: '/', op: 'GETHOMEDIRECTORY' }, PathAnswer).then(
      ({ answer }) => answer.Path,
      (error: unknown) => {
        throw toFileSystemError(error, path.uri, 'home directory')
      },
    )
  }

  /** A new delegation token of the nameservice, as WebHDFS writes it; undefined where there is no Kerberos. @throws FS_*, KERBEROS_* */
  async delegationToken(authority: string, renewer: string): Promise<string | undefined> {
    const path = parseHdfsPath(`hdfs://${authority}/`)
    const call: NameNodeCall = { method: 'GET', path: '/', op: 'GETDELEGATIONTOKEN', parameters: { renewer } }
    const { answer } = await this.#json(path, call, TokenAnswer).catch((error: unknown) => {
      throw toFileSystemError(error, path.uri, 'delegation token')
    })
    return answer.Token?.urlString
  }

  /** Only by its renewer. @returns until when it is valid now, ms since the epoch */
  async renewDelegationToken(authority: string, token: string): Promise<number> {
    const path = parseHdfsPath(`hdfs://${authority}/`)
    const call: NameNodeCall = { method: 'PUT', path: '/', op: 'RENEWDELEGATIONTOKEN', parameters: { token } }
    const { answer } = await this.#json(path, call, TimeAnswer).catch((error: unknown) => {
      throw toFileSystemError(error, path.uri, 'renew delegation token')
    })
    return answer.long
  }

  /** By its owner or renewer: nobody can use it any more. */
  async cancelDelegationToken(authority: string, token: string): Promise<void> {
    const path = parseHdfsPath(`hdfs://${authority}/`)
    const call: NameNodeCall = { method: 'PUT', path: '/', op: 'CANCELDELEGATIONTOKEN', parameters: { token } }
    await this.#text(path, call).catch((error: unknown) => {
      throw toFileSystemError(error, path.uri, 'cancel delegation token')
    })
  }

  async #change(uri: string, op: string, parameters: Record<string, string | number>): Promise<void> {
    const path = parseHdfsPath(uri)
    await this.#text(path, { method: 'PUT', path: path.path, op, parameters }).catch((error: unknown) => {
      throw toFileSystemError(error, path.uri, op.toLowerCase())
    })
  }

  async *#openOnce(
    path: HdfsPath,
    offset: number,
    length: number | undefined,
    excluded: Set<string>,
  ): AsyncGenerator<Buffer, void, undefined> {
    const parameters = { offset, length, excludedatanodes: excluded.size === 0 ? undefined : [...excluded].join(',') }
    const first = await this.#of(path).call({ method: 'GET', path: path.path, op: 'OPEN', parameters })
    let response = first.response
    let url = first.url
    if (response.statusCode === 307) {
      url = this.#redirectTarget(response, url)
      response.resume()
      try {
        response = await exchange({ method: 'GET', url, headers: { Accept: 'application/octet-stream' }, connection: this.#tls })
      } catch (error) {
        excluded.add(new URL(url).host)
        throw error
      }
      const status = response.statusCode ?? 0
      if (status !== 200 && status !== 206) {
        throw errorOfAnswer({ method: 'GET', url, status, body: await readBody(response, url, MAX_ERROR_BYTES), call: `OPEN ${path.path}` })
      }
    }
    // Leaving the loop early destroys the response and with it the connection.
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) yield chunk
    } catch (error) {
      excluded.add(new URL(url).host)
      throw unreachable(url, error)
    }
  }

  /** An upload that was given up. A file with another id than `fileId` has taken its place and stays. */
  async #removeAborted(uri: string, fileId: number | undefined): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        const now = await this.status(uri)
        if (now === undefined || (fileId !== undefined && now.fileId !== fileId)) return
        if (await this.delete(uri)) return
      } catch {
        // Removing is the best that can be done; the failure that led here is what is reported.
      }
      await sleep(this.#environment, 20 * 2 ** attempt)
    }
  }

  #of(path: HdfsPath): NameNodes {
    let nodes = this.#nameNodes.get(path.authority)
    if (nodes === undefined) {
      nodes = new NameNodes(
        this.#options.nameNodes(path.authority),
        this.#agents,
        this.#options.authenticator,
        this.#environment,
        this.#policy,
      )
      this.#nameNodes.set(path.authority, nodes)
    }
    return nodes
  }

  async #text(path: HdfsPath, call: NameNodeCall, repetition?: Repetition): Promise<string> {
    const answer = await this.#of(path).call(call, repetition)
    return readBody(answer.response, answer.url, MAX_ANSWER_BYTES)
  }

  async #json<T>(path: HdfsPath, call: NameNodeCall, schema: z.ZodType<T>): Promise<{ answer: T; repeated: boolean }> {
    const repetition: Repetition = { seen: false }
    const text = await this.#text(path, call, repetition)
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch (error) {
      throw new HadoopAnswerUnreadable(
        { url: `${path.uri} (${call.op})`, reason: 'it is not JSON; is this the NameNode’s web address?' },
        { cause: error },
      )
    }
    const result = schema.safeParse(parsed)
    if (!result.success)
      throw new HadoopAnswerUnreadable(
        { url: `${path.uri} (${call.op})`, reason: result.error.issues[0]?.message ?? 'another shape' },
        { cause: result.error },
      )
    return { answer: result.data, repeated: repetition.seen }
  }

  /** Where to send the second step: named in the body (noredirect) or, by servers that do not know that, in a 307. */
  async #location(path: HdfsPath, call: NameNodeCall): Promise<string> {
    const { response, url } = await this.#of(path).call(call)
    if (response.statusCode === 307) {
      const target = this.#redirectTarget(response, url)
      response.resume()
      return target
    }
    const body = await readBody(response, url, MAX_ERROR_BYTES)
    try {
      return checkedLocation(LocationAnswer.parse(JSON.parse(body)).Location, url)
    } catch (error) {
      throw HadoopAnswerUnreadable.is(error)
        ? error
        : new HadoopAnswerUnreadable({ url: shownUrl(url), reason: 'it names no DataNode' }, { cause: error })
    }
  }

  #redirectTarget(response: IncomingMessage, url: string): string {
    return checkedLocation(response.headers.location ?? '', url)
  }
}

function checkedLocation(location: string, from: string): string {
  if (!URL.canParse(location) || !/^https?:$/.test(new URL(location).protocol))
    throw new HadoopAnswerUnreadable({ url: shownUrl(from), reason: 'its redirect is no http address' })
  return location
}

/** OPEN at or behind the end of a file: not an error to us, there are no bytes. */
function isBehindEnd(error: unknown): boolean {
  return javaClassOf(error) === 'IOException' && /out of the range/i.test((error as Error).message)
}

/** HDFS checks permissions first and so says "not a directory" as an AccessControlException. */
function isFileInPath(error: unknown): boolean {
  return (
    (javaClassOf(error) === 'AccessControlException' || javaClassOf(error) === 'ParentNotDirectoryException') &&
    /is not a directory/i.test((error as Error).message)
  )
}

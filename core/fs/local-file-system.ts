/** `file://` on node:fs. */
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, stat, link, unlink, lstat, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileSystemFailed, PathAlreadyExists, PathNotFound, PermissionDenied, QuotaExceeded } from './errors.js'
import type { FileStatus, FileSystem } from './file-system.js'

const READ_CHUNK_BYTES = 256 * 1024

function toLocalPath(uri: string): string {
  return uri.startsWith('file:')
    ? fileURLToPath(
        uri
          .replace(/^file:\/*/, 'file:///')
          .replaceAll('%', '%25')
          .replaceAll('#', '%23')
          .replaceAll('?', '%3F')
          .replaceAll('\\', '%5C'),
      )
    : uri
}

function translate(error: unknown, path: string, operation: string): Error {
  const code = (error as NodeJS.ErrnoException).code
  const reason = error instanceof Error ? error.message : String(error)
  const cause = { cause: error }
  if (code === 'ENOENT' || code === 'ENOTDIR') return new PathNotFound({ path }, cause)
  if (code === 'EEXIST') return new PathAlreadyExists({ path }, cause)
  if (code === 'EACCES' || code === 'EPERM') return new PermissionDenied({ path, reason }, cause)
  if (code === 'EDQUOT' || code === 'ENOSPC') return new QuotaExceeded({ path, reason }, cause)
  return new FileSystemFailed({ path, operation, reason }, cause)
}

async function attempt<T>(path: string, operation: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw translate(error, path, operation)
  }
}

export const localFileSystem: FileSystem = {
  async status(path) {
    try {
      const found = await stat(toLocalPath(path))
      return {
        path,
        directory: found.isDirectory(),
        length: found.isDirectory() ? 0 : found.size,
        modificationTime: Math.trunc(found.mtimeMs),
      }
    } catch (error) {
      const translated = translate(error, path, 'status')
      if (PathNotFound.is(translated)) return undefined
      throw translated
    }
  },
  async list(path) {
    const names = (await attempt(path, 'list', () => readdir(toLocalPath(path)))).sort()
    const all = await Promise.all(names.map((name) => localFileSystem.status(`${path.replace(/\/+$/, '')}/${name}`)))
    return all.filter((status): status is FileStatus => status !== undefined)
  },
  async *read(path, offset = 0, length) {
    if (length === 0) return
    try {
      yield* createReadStream(toLocalPath(path), {
        start: offset,
        highWaterMark: READ_CHUNK_BYTES,
        ...(length === undefined ? {} : { end: offset + length - 1 }),
      })
    } catch (error) {
      throw translate(error, path, 'read')
    }
  },
  async create(path, options = {}) {
    const local = toLocalPath(path)
    const file = await attempt(path, 'create', async () => {
      await mkdir(dirname(local), { recursive: true })
      return open(local, options.overwrite === true ? 'w' : 'wx', options.permission ?? 0o644)
    })
    return {
      write: (bytes) => attempt(path, 'write', () => file.writeFile(bytes)),
      close: () =>
        attempt(path, 'close', async () => {
          await file.sync()
          await file.close()
        }),
      async abort() {
        await file.close().catch(() => undefined)
        await rm(local, { force: true }).catch(() => undefined)
      },
    }
  },
  async mkdirs(path, permission) {
    await attempt(path, 'mkdirs', () =>
      mkdir(toLocalPath(path), { recursive: true, ...(permission === undefined ? {} : { mode: permission }) }),
    )
  },
  async rename(from, to) {
    // rename(2) replaces its target; link(2) refuses an existing one, but is for files only.
    await attempt(to, 'rename', async () => {
      await mkdir(dirname(toLocalPath(to)), { recursive: true })
      if ((await lstat(toLocalPath(from))).isDirectory()) {
        if ((await localFileSystem.status(to)) !== undefined) throw Object.assign(new Error('target exists'), { code: 'EEXIST' })
        await rename(toLocalPath(from), toLocalPath(to))
      } else {
        await link(toLocalPath(from), toLocalPath(to))
        await unlink(toLocalPath(from))
      }
    })
  },
  async delete(path) {
    if ((await localFileSystem.status(path)) === undefined) return false
    await attempt(path, 'delete', () => rm(toLocalPath(path), { recursive: true, force: true }))
    return true
  },
}

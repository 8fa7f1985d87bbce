/** A file system in memory that can be told to fail, and to give its bytes in pieces when the test says so. */
import { PathAlreadyExists, PathNotFound } from '#core/fs/errors.js'
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'

export class InjectedFailure extends Error {}

export class MemoryFileSystem implements FileSystem {
  readonly files = new Map<string, Buffer>()
  readonly directories = new Set<string>()
  /** Calls until one fails; before or behind its effect. */
  failIn = Infinity
  failsBehind = false
  /** Bytes per chunk of a read. */
  chunkBytes = 7
  /** Awaited before each chunk. */
  beforeChunk: () => Promise<void> = () => Promise.resolve()

  async #call<T>(effect: () => T): Promise<T> {
    await Promise.resolve()
    const fails = --this.failIn === 0
    if (fails && !this.failsBehind) throw new InjectedFailure('before')
    const result = effect()
    if (fails) throw new InjectedFailure('behind')
    return result
  }

  #find(path: string): FileStatus | undefined {
    const file = this.files.get(path)
    if (file === undefined && !this.directories.has(path)) return undefined
    return { path, directory: file === undefined, length: file?.length ?? 0, modificationTime: 0 }
  }

  #makeParents(path: string): void {
    for (let at = path.lastIndexOf('/'); at > 7; at = path.lastIndexOf('/', at - 1)) this.directories.add(path.slice(0, at))
  }

  status(path: string) {
    return this.#call(() => this.#find(path))
  }

  list(path: string) {
    return this.#call(() => {
      if (!this.directories.has(path)) throw new PathNotFound({ path })
      return [...this.directories, ...this.files.keys()]
        .filter((child) => child.slice(0, child.lastIndexOf('/')) === path)
        .sort()
        .map((child) => this.#find(child) as FileStatus)
    })
  }

  async *read(path: string, offset = 0, length = Infinity): AsyncGenerator<Uint8Array> {
    const file = this.files.get(path)
    if (file === undefined) throw new PathNotFound({ path })
    const end = Math.min(file.length, offset + length)
    for (let at = offset; at < end; at += this.chunkBytes) {
      await this.beforeChunk()
      yield new Uint8Array(file.subarray(at, Math.min(end, at + this.chunkBytes)))
    }
  }

  async create(path: string, options: { overwrite?: boolean } = {}) {
    await this.#call(() => {
      if (this.files.has(path) && options.overwrite !== true) throw new PathAlreadyExists({ path })
      this.#makeParents(path)
      this.files.set(path, Buffer.alloc(0))
    })
    return {
      write: (bytes: Uint8Array) =>
        this.#call(() => {
          // A file that was removed is written on without a name.
          const file = this.files.get(path)
          if (file !== undefined) this.files.set(path, Buffer.concat([file, bytes]))
        }),
      close: () => this.#call(() => undefined),
      abort: async () => void this.files.delete(path),
    }
  }

  mkdirs(path: string) {
    return this.#call(() => {
      this.#makeParents(`${path}/x`)
    })
  }

  rename(from: string, to: string) {
    return this.#call(() => {
      const file = this.files.get(from)
      if (file === undefined) throw new PathNotFound({ path: from })
      if (this.files.has(to)) throw new PathAlreadyExists({ path: to })
      this.files.delete(from)
      this.files.set(to, file)
    })
  }

  delete(path: string) {
    return this.#call(() => {
      const there = this.#find(path) !== undefined
      for (const each of [...this.files.keys()]) if (each === path || each.startsWith(`${path}/`)) this.files.delete(each)
      for (const each of [...this.directories]) if (each === path || each.startsWith(`${path}/`)) this.directories.delete(each)
      return there
    })
  }
}

/** Files in memory, with failures and delays that a test orders. */
import { FileSystemFailed, PathAlreadyExists, PathNotFound } from '#core/fs/errors.js'
import type { FileStatus, FileSystem, FileWriter } from '#core/fs/file-system.js'

export class InMemoryFileSystem implements FileSystem {
  readonly files = new Map<string, Uint8Array>()
  /** Called before each operation; throws, or waits. */
  before: (operation: 'create' | 'write' | 'close' | 'rename' | 'read' | 'delete', path: string) => void | Promise<void> = () => undefined

  async status(path: string): Promise<FileStatus | undefined> {
    const bytes = this.files.get(path)
    return bytes === undefined ? undefined : { path, directory: false, length: bytes.length, modificationTime: 0 }
  }

  async list(path: string): Promise<FileStatus[]> {
    const found = [...this.files].filter(([name]) => name.startsWith(`${path}/`))
    return found.map(([name, { length }]) => ({ path: name, directory: false, length, modificationTime: 0 }))
  }

  async *read(path: string, offset = 0, length = Infinity): AsyncGenerator<Uint8Array> {
    await this.before('read', path)
    const bytes = this.files.get(path)
    if (bytes === undefined) throw new PathNotFound({ path })
    const end = Math.min(bytes.length, offset + length)
    for (let at = offset; at < end; at += 1000) yield bytes.slice(at, Math.min(end, at + 1000))
  }

  async create(path: string, { overwrite = false }: { overwrite?: boolean } = {}): Promise<FileWriter> {
    await this.before('create', path)
    if (this.files.has(path) && !overwrite) throw new PathAlreadyExists({ path })
    this.files.set(path, new Uint8Array(0))
    return {
      write: async (bytes) => {
        await this.before('write', path)
        const now = this.files.get(path)
        if (now === undefined) throw new FileSystemFailed({ path, operation: 'write', reason: 'it was deleted' })
        this.files.set(path, Buffer.concat([now, bytes]))
      },
      close: async () => {
        await this.before('close', path)
      },
      abort: async () => void this.files.delete(path),
    }
  }

  async mkdirs(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    await this.before('rename', from)
    const bytes = this.files.get(from)
    if (bytes === undefined) throw new PathNotFound({ path: from })
    if (this.files.has(to)) throw new PathAlreadyExists({ path: to })
    this.files.delete(from)
    this.files.set(to, bytes)
  }

  async delete(path: string): Promise<boolean> {
    await this.before('delete', path)
    let found = false
    for (const name of [...this.files.keys()]) if (name === path || name.startsWith(`${path}/`)) found = this.files.delete(name) || found
    return found
  }
}

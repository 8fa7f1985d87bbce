/**
 * The shared file system (HDFS): what is on it, and how a process sees it: every call takes time, may fail before or behind its effect,
 * and waits while the NameNode cannot be reached. An effect that is on its way happens even when its caller is killed meanwhile.
 */
import { FileSystemFailed, FileSystemUnavailable, PathAlreadyExists, PathNotFound } from '#core/fs/errors.js'
import type { FileStatus, FileSystem, FileWriter } from '#core/fs/file-system.js'
import type { Millis } from '#core/time/environment.js'
import { Dice, type Kernel, type SimProcess } from './kernel.js'
import type { Network } from './network.js'

export const NAME_NODE = 'namenode'

/** Files by full path. Directories are there while something was made in them. */
export class Volume {
  readonly files = new Map<string, Buffer>()
  readonly directories = new Set<string>()
  /** Hears of every file that got its name by `rename`. */
  onRenamed: (from: string, to: string, replaced: boolean, content: Buffer) => void = () => undefined
  onDeleted: (path: string) => void = () => undefined

  status(path: string): FileStatus | undefined {
    const file = this.files.get(path)
    if (file === undefined && !this.directories.has(path)) return undefined
    return { path, directory: file === undefined, length: file?.length ?? 0, modificationTime: 0 }
  }

  list(path: string): FileStatus[] {
    if (!this.directories.has(path)) throw new PathNotFound({ path })
    const isChild = (child: string) => child.startsWith(path) && child.lastIndexOf('/') === path.length
    const children = [...this.directories].filter(isChild)
    for (const child of this.files.keys()) if (isChild(child)) children.push(child)
    return children.sort().map((child) => this.status(child) as FileStatus)
  }

  create(path: string, overwrite: boolean): void {
    if (this.directories.has(path) || (this.files.has(path) && !overwrite)) throw new PathAlreadyExists({ path })
    this.mkdirs(path.slice(0, path.lastIndexOf('/')))
    this.files.set(path, Buffer.alloc(0))
  }

  append(path: string, bytes: Uint8Array): void {
    const file = this.files.get(path)
    if (file === undefined) throw new PathNotFound({ path }) // HDFS: LeaseExpiredException
    this.files.set(path, Buffer.concat([file, bytes]))
  }

  mkdirs(path: string): void {
    const root = path.indexOf('://') + 3
    for (let at = path.length; at > root; at = path.lastIndexOf('/', at - 1)) this.directories.add(path.slice(0, at))
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from)
    if (file === undefined) throw new PathNotFound({ path: from })
    if (this.status(to) !== undefined) throw new PathAlreadyExists({ path: to })
    this.mkdirs(to.slice(0, to.lastIndexOf('/')))
    this.files.delete(from)
    this.files.set(to, file)
    this.onRenamed(from, to, false, file)
  }

  delete(path: string): boolean {
    const there = this.status(path) !== undefined
    const inside = `${path}/`
    for (const each of [...this.files.keys()]) {
      if (each !== path && !each.startsWith(inside)) continue
      this.files.delete(each)
      this.onDeleted(each)
    }
    for (const each of [...this.directories]) if (each === path || each.startsWith(inside)) this.directories.delete(each)
    return there
  }
}

export interface VolumeTrouble {
  /** Of calls that fail, before or behind their effect. */
  failing: number
  /** Calls take so many times longer. */
  slowness: number
}

const LATENCY: readonly [Millis, Millis] = [1, 15]
const PATIENCE: Millis = 30_000

export class SimFileSystem implements FileSystem {
  readonly #process: SimProcess
  readonly #kernel: Kernel
  readonly #dice: Dice
  readonly #volume: Volume
  readonly #network: Network
  readonly #trouble: VolumeTrouble

  constructor(process: SimProcess, volume: Volume, network: Network, trouble: VolumeTrouble) {
    this.#process = process
    this.#kernel = process.kernel
    this.#dice = process.dice
    this.#volume = volume
    this.#network = network
    this.#trouble = trouble
  }

  status(path: string) {
    return this.#call('status', path, () => this.#volume.status(path))
  }
  list(path: string) {
    return this.#call('list', path, () => this.#volume.list(path))
  }
  async *read(path: string, offset = 0, length = Infinity): AsyncGenerator<Uint8Array> {
    const bytes = await this.#call('read', path, () => {
      const file = this.#volume.files.get(path)
      if (file === undefined) throw new PathNotFound({ path })
      return new Uint8Array(file.subarray(offset, Math.min(file.length, offset + length)))
    })
    if (bytes.length > 0) yield bytes
  }
  async create(path: string, options: { overwrite?: boolean } = {}): Promise<FileWriter> {
    await this.#call('create', path, () => this.#volume.create(path, options.overwrite === true))
    return {
      write: (bytes) => this.#call('write', path, () => this.#volume.append(path, bytes)),
      close: () => this.#call('close', path, () => undefined),
      abort: async () => void (await this.#call('abort', path, () => this.#volume.delete(path)).catch(() => undefined)),
    }
  }
  mkdirs(path: string) {
    return this.#call('mkdirs', path, () => this.#volume.mkdirs(path))
  }
  rename(from: string, to: string) {
    return this.#call('rename', to, () => this.#volume.rename(from, to))
  }
  delete(path: string) {
    return this.#call('delete', path, () => this.#volume.delete(path))
  }

  #call<T>(operation: string, path: string, effect: () => T): Promise<T> {
    const half = () => (this.#dice.between(...LATENCY) / 2) * this.#trouble.slowness
    const fate = this.#dice.chance(this.#trouble.failing) ? this.#dice.pick(['before', 'behind'] as const) : 'ok'
    return new Promise((resolve, reject) => {
      const answer = (outcome: () => void) => this.#kernel.after(half(), () => this.#process.deliver(outcome), this.#process.name)
      const fail = () => answer(() => reject(new FileSystemFailed({ path, operation, reason: 'injected' })))
      const act = () => {
        if (fate === 'before') return fail()
        let result: T
        try {
          result = effect()
        } catch (error) {
          return answer(() => reject(error as Error))
        }
        if (fate === 'behind') return fail()
        answer(() => resolve(result))
      }
      const attempt = (waited: Millis) => {
        const blocked = this.#network.blockedUntil(this.#process.host, NAME_NODE)
        if (blocked === undefined) return act()
        const wait = Math.min(blocked - this.#kernel.now + 1, PATIENCE - waited)
        if (wait <= 0) return answer(() => reject(new FileSystemUnavailable({ path, reason: 'no answer' })))
        this.#kernel.after(wait, () => attempt(waited + wait), this.#process.name)
      }
      this.#kernel.after(half(), () => attempt(0), this.#process.name)
    })
  }
}

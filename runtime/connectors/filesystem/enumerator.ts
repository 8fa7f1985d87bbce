/**
 * Lists the files of a table, cuts them into splits and hands these out in order to whoever asks: once, at the start of the job, or
 * (`source.monitor-interval`) for ever, each path once, as Flink does. Files and directories that begin with `.` or `_` are hidden,
 * as in Flink and Hadoop: a file that grows under such a name may be renamed when it is whole.
 */
import { parseDuration } from '#core/config/units.js'
import * as z from '#core/zod.js'
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { logger } from '#core/log/logger.js'
import type { TimerHandle } from '#core/time/environment.js'
import { findFormat } from '../../formats/registry.js'
import type { CoordinatorContext, SplitEnumerator } from '../connector.js'
import { InvalidTable, SourcePathNotFound, SplitsUnknown } from '../errors.js'
import { formatOptions } from '../format-options.js'
import { splitFile, SplitSchema, type Split } from './split.js'

const log = logger('FileSplitEnumerator')

/** More files than this are taken for a mistake in the path. */
const MAX_FILES = 1_000_000
const MAX_DEPTH = 100
/** Listings that may fail one after the other while a directory is watched. */
const MAX_FAILED_LISTINGS = 10

const StateSchema = z.object({
  splits: z.array(SplitSchema),
  /** Of a watched directory: paths that were found before. */
  processedPaths: z.array(z.string()).optional(),
})

export function createEnumerator(spec: SpecOf<'source'>, context: CoordinatorContext): FileSplitEnumerator {
  return new FileSplitEnumerator(spec, context)
}

type Answer = (split: Split | null) => void

export class FileSplitEnumerator implements SplitEnumerator {
  readonly #spec: SpecOf<'source'>
  readonly #context: CoordinatorContext
  readonly #path: string
  readonly #fileSystem: FileSystem
  /** Undefined: the directory is listed once. */
  readonly #monitorMillis: number | undefined
  /** Not handed out yet, in order. */
  #splits: Split[] = []
  readonly #processed = new Set<string>()
  /** Subtasks that wait for a file to come. */
  readonly #waiting = new Map<number, { answer: Answer; fail: (error: unknown) => void }>()
  #timer: TimerHandle | undefined
  #failedListings = 0
  #failure: { readonly error: unknown } | undefined
  /** Counts starts and the close: a listing of an earlier run has no say. */
  #run = 0

  constructor(spec: SpecOf<'source'>, context: CoordinatorContext) {
    this.#spec = spec
    this.#context = context
    this.#path = context.fileSystems.resolve(spec.options['path'] ?? '')
    this.#fileSystem = context.fileSystems.of(this.#path)
    const interval = spec.options['source.monitor-interval']
    this.#monitorMillis = interval === undefined ? undefined : parseDuration(interval)
  }

  /** @throws SOURCE_PATH_NOT_FOUND and errors of the file system */
  async start(restored?: unknown): Promise<void> {
    this.#stop()
    const run = this.#run
    if (restored === undefined) {
      this.#processed.clear()
      const found = await this.#findSplits()
      if (run !== this.#run) return
      this.#splits = found
    } else {
      const state = StateSchema.parse(restored)
      this.#splits = state.splits
      this.#processed.clear()
      for (const path of state.processedPaths ?? []) this.#processed.add(path)
    }
    this.#watch()
  }

  nextSplit(subtaskIndex = 0): Promise<Split | null> {
    this.#dismiss(subtaskIndex)
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error as Error)
    const split = this.#splits.shift()
    if (split !== undefined) return Promise.resolve(split)
    if (this.#monitorMillis === undefined) return Promise.resolve(null)
    return new Promise((answer, fail) => this.#waiting.set(subtaskIndex, { answer, fail }))
  }

  snapshotState(): z.infer<typeof StateSchema> {
    const splits = [...this.#splits]
    return this.#monitorMillis === undefined ? { splits } : { splits, processedPaths: [...this.#processed] }
  }

  addSplitsBack(splits: readonly unknown[], subtaskIndex: number): void {
    this.#dismiss(subtaskIndex)
    this.#splits.unshift(...z.array(SplitSchema).parse(splits))
    this.#handOut()
  }

  /** Of a file that was found after the state of `start`, the parts that nobody has are handed out. @throws SOURCE_SPLITS_UNKNOWN */
  assigned(splits: readonly unknown[]): void {
    const given = z.array(SplitSchema).parse(splits)
    const { options } = this.#spec
    const format = options['format'] ?? ''
    const splittable = findFormat(format)?.splittable(formatOptions(options, format)) ?? false
    for (const path of new Set(given.map((split) => split.path))) {
      const own = given.filter((split) => split.path === path)
      const [first] = own
      if (first === undefined) continue
      const has = (part: Split) => own.some(({ start, end }) => start === part.start && end === part.end)
      const known = this.#splits.filter((split) => split.path === path)
      const isNew = this.#monitorMillis !== undefined && !this.#processed.has(path)
      // Found anew since, it may have grown: its readers know it as it was.
      const grown = known.some(({ fileLength }) => fileLength !== first.fileLength)
      const parts =
        isNew || grown ? splitFile({ path, length: first.fileLength, directory: false, modificationTime: 0 }, splittable) : known
      const left = parts.filter((part) => !has(part))
      if (parts.length - left.length !== own.length) throw new SplitsUnknown({ path, table: this.#spec.tableName })
      this.#splits = [...this.#splits.filter((split) => split.path !== path), ...left]
      if (this.#monitorMillis !== undefined) this.#processed.add(path)
    }
  }

  async close(): Promise<void> {
    this.#stop()
  }

  #stop(): void {
    this.#run++
    this.#timer?.cancel()
    this.#timer = undefined
    this.#failure = undefined
    this.#failedListings = 0
    for (const subtask of [...this.#waiting.keys()]) this.#dismiss(subtask)
  }

  /** Whoever waits for that subtask is gone. */
  #dismiss(subtaskIndex: number): void {
    this.#waiting.get(subtaskIndex)?.answer(null)
    this.#waiting.delete(subtaskIndex)
  }

  #handOut(): void {
    for (const [subtask, { answer }] of this.#waiting) {
      const split = this.#splits.shift()
      if (split === undefined) return
      this.#waiting.delete(subtask)
      answer(split)
    }
  }

  #watch(): void {
    if (this.#monitorMillis === undefined) return
    this.#timer = this.#context.environment.timers.after(this.#monitorMillis, () => void this.#listAgain(this.#run), true)
  }

  /** A file system that does not answer for a while only delays what is new. Never rejects. */
  async #listAgain(run: number): Promise<void> {
    try {
      const found = await this.#findSplits()
      if (run !== this.#run) return
      this.#failedListings = 0
      this.#splits.push(...found)
      this.#handOut()
    } catch (error) {
      if (run !== this.#run) return
      if (++this.#failedListings >= MAX_FAILED_LISTINGS) {
        this.#failure = { error }
        for (const { fail } of this.#waiting.values()) fail(error)
        this.#waiting.clear()
        return
      }
      log.warn(`${this.#path} could not be listed (${this.#failedListings} of ${MAX_FAILED_LISTINGS} times in a row)`, error)
    }
    this.#watch()
  }

  /** Of files that were not found before. */
  async #findSplits(): Promise<Split[]> {
    const { options, tableName } = this.#spec
    const run = this.#run
    const status = await this.#fileSystem.status(this.#path)
    if (status === undefined) throw new SourcePathNotFound({ path: this.#path, table: tableName })
    const pattern = options['source.path.regex-pattern']
    const wanted = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`)
    const files = (await listFiles(this.#fileSystem, status)).filter(
      (file) => (wanted?.test(file.path) ?? true) && !this.#processed.has(file.path),
    )
    if (run !== this.#run) return []
    // An empty file may still be filled.
    if (this.#monitorMillis !== undefined) for (const file of files) if (file.length > 0) this.#processed.add(file.path)
    const format = options['format'] ?? ''
    const splittable = findFormat(format)?.splittable(formatOptions(options, format)) ?? false
    return files.flatMap((file) => splitFile(file, splittable))
  }
}

/** All visible files under `root`, sorted by path; `root` itself when it is a file. */
export async function listFiles(fileSystem: FileSystem, root: FileStatus): Promise<FileStatus[]> {
  if (!root.directory) return [root]
  const files: FileStatus[] = []
  let level: FileStatus[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= MAX_DEPTH)
      throw new InvalidTable({ connector: 'filesystem', problem: `directories below ${root.path} are nested deeper than ${MAX_DEPTH}` })
    const next: FileStatus[] = []
    for (const directory of level) {
      for (const child of await fileSystem.list(directory.path)) {
        if (isHidden(child.path)) continue
        if (child.directory) next.push(child)
        else files.push(child)
        if (files.length > MAX_FILES)
          throw new InvalidTable({ connector: 'filesystem', problem: `${root.path} holds more than ${MAX_FILES} files` })
      }
    }
    level = next
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

function isHidden(path: string): boolean {
  return /^[._]/.test(path.slice(path.lastIndexOf('/') + 1))
}

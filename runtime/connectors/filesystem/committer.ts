/**
 * Makes the files of all subtasks visible when their checkpoint is complete, or when the job has ended: renames them out of the
 * staging directory. A commit that broke off is simply repeated: a file that is at its target with the right length is done.
 *
 * A file whose interval lies beyond the checkpoint that an attempt goes on from is removed, staged or visible: its rows come again. Visible
 * it can only be when the job ended, showed it, and its master was lost before anybody was told.
 */
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { logger } from '#core/log/logger.js'
import type { CommitterRestore, CoordinatorContext, SinkCommitter } from '../connector.js'
import { CommitFailed, SinkPathUnusable } from '../errors.js'
import { PartFileSchema, partFilePrefix, partNumbers, stagingName, type PartFile, type PartNumbers } from './part-files.js'

const log = logger('FileCommitter')

/** Requests to the file system under way at once. */
const PARALLEL_REQUESTS = 16
/** Names of committed files that are kept: a sink names files again until it hears of the commit. */
const REMEMBERED_FILES = 10_000

export function createCommitter(spec: SpecOf<'sink'>, context: CoordinatorContext): FileCommitter {
  return new FileCommitter(spec, context)
}

export class FileCommitter implements SinkCommitter {
  readonly #table: string
  readonly #context: CoordinatorContext
  readonly #path: string
  readonly #stagingName: string
  readonly #staging: string
  readonly #prefix: string
  readonly #fileSystem: FileSystem
  /** The table's directory was not there before this job. */
  #madeDirectory = false
  /** Full URIs of files that were committed, the newest last. */
  readonly #committed = new Set<string>()
  /** Full URIs of files that the job's end has shown, or begun to show. */
  readonly #shownAtEnd = new Set<string>()

  constructor(spec: SpecOf<'sink'>, context: CoordinatorContext) {
    this.#table = spec.tableName
    this.#context = context
    this.#path = context.fileSystems.resolve(spec.options['path'] ?? '')
    this.#fileSystem = context.fileSystems.of(this.#path)
    this.#stagingName = stagingName(context.jobId, context.operatorId)
    this.#staging = `${this.#path}/${this.#stagingName}`
    this.#prefix = partFilePrefix(context.jobId, context.operatorId)
  }

  /** Leaves a staging directory, which shows that the target can be written. @throws SINK_PATH_UNUSABLE, SINK_COMMIT_FAILED, FS_PERMISSION_DENIED */
  async start(restored?: CommitterRestore, subtasks?: readonly number[]): Promise<void> {
    const status = await this.#fileSystem.status(this.#path)
    if (status !== undefined && !status.directory) {
      throw new SinkPathUnusable({ path: this.#path, table: this.#table, problem: 'it is a file; give the path of a directory' })
    }
    this.#madeDirectory ||= status === undefined
    const hadStaging = status !== undefined && (await this.#fileSystem.status(this.#staging)) !== undefined
    await this.#fileSystem.mkdirs(this.#staging)
    const parts = partsOf(restored?.committables ?? [])
    await inParallel(parts, (part) => this.#publish(part, hadStaging || part.staging !== this.#stagingName))
    if (status === undefined) return
    const firstBeyond = restored === undefined ? 0 : restored.checkpointId + 1
    const names = new Set(parts.map((part) => part.name))
    const started = ({ subtask }: PartNumbers) => subtasks === undefined || subtasks.includes(subtask)
    await this.#remove(this.#path, (numbers, name) => started(numbers) && numbers.interval >= firstBeyond && !names.has(name))
    await this.#remove(this.#staging, started)
  }

  /** @throws SINK_COMMIT_FAILED and errors of the file system; then it may be repeated */
  async commit(committables: readonly unknown[], last: boolean): Promise<void> {
    const parts = partsOf(committables)
    if (last) for (const part of parts) if (!this.#committed.has(target(part))) this.#shownAtEnd.add(target(part))
    await inParallel(parts, (part) => this.#publish(part, false))
    if (last) await this.#fileSystem.delete(this.#staging)
  }

  /** Removes what the job's end made visible, too: all of the job's sinks show those results, or none. */
  async abort(): Promise<void> {
    const status = await this.#fileSystem.status(this.#path)
    if (status?.directory !== true) return
    await this.#fileSystem.delete(this.#staging)
    await inParallel([...this.#shownAtEnd], async (path) => {
      await this.#fileSystem.delete(path)
      this.#committed.delete(path)
    })
    if (this.#madeDirectory && (await this.#fileSystem.list(this.#path)).length === 0) await this.#fileSystem.delete(this.#path)
  }

  /** Files of this job and operator, those `which` names; other files of the directory stay. */
  async #remove(directory: string, which: (numbers: PartNumbers, name: string) => boolean): Promise<void> {
    const files = (await this.#fileSystem.list(directory)).filter((file) => {
      const name = file.path.slice(file.path.lastIndexOf('/') + 1)
      const numbers = partNumbers(this.#prefix, name)
      return !file.directory && numbers !== undefined && which(numbers, name)
    })
    await inParallel(files, async (file) => {
      await this.#fileSystem.delete(file.path)
      this.#committed.delete(file.path)
    })
  }

  /**
   * `again`: it was probably committed before. Then a file that is nowhere was taken away by one of its readers, as far as the staging
   * directory itself is still there.
   */
  async #publish(part: PartFile, again: boolean): Promise<void> {
    const from = `${part.directory}/${part.staging}/${part.staged}`
    const to = target(part)
    if (this.#committed.has(to)) return
    const fileSystem = this.#context.fileSystems.of(part.directory)
    const [staged, shown] = await Promise.all([fileSystem.status(from), fileSystem.status(to)])
    if (shown !== undefined) {
      if (shown.directory || shown.length !== part.length) {
        throw new CommitFailed({
          file: to,
          problem: `there is a file of that name with ${lengthOf(shown)} instead of ${part.length} bytes`,
        })
      }
      // Renamed by a commit that broke off; a file system without an atomic rename may have left the old name, too.
      if (staged !== undefined) await fileSystem.delete(from)
    } else if (staged === undefined) {
      if (!again) throw new CommitFailed({ file: to, problem: `neither it nor ${from} exists; was the staging directory removed?` })
      log.warn(`${to} was committed before this attempt and is gone: taken to have been moved away by a reader`)
    } else {
      if (staged.directory || staged.length !== part.length) {
        throw new CommitFailed({
          file: to,
          problem: `${from} has ${lengthOf(staged)} instead of the ${part.length} bytes that were written`,
        })
      }
      await fileSystem.rename(from, to)
    }
    this.#remember(to)
  }

  #remember(path: string): void {
    this.#committed.add(path)
    if (this.#committed.size <= REMEMBERED_FILES) return
    for (const oldest of this.#committed) {
      this.#committed.delete(oldest)
      break
    }
  }
}

/** Each file once. */
function partsOf(committables: readonly unknown[]): PartFile[] {
  const parts = committables.map((committable) => PartFileSchema.parse(committable))
  return [...new Map(parts.map((part) => [target(part), part])).values()]
}

function target(part: PartFile): string {
  return `${part.directory}/${part.name}`
}

function lengthOf(file: FileStatus): string {
  return file.directory ? 'a directory' : String(file.length)
}

/** All, a few at once; after a failure no more are begun. @throws the first failure, when none is under way any more */
async function inParallel<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items].reverse()
  let failure: { readonly error: unknown } | undefined
  const worker = async () => {
    for (let item = queue.pop(); item !== undefined && failure === undefined; item = queue.pop()) {
      try {
        await action(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL_REQUESTS, items.length) }, worker))
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error
}

/**
 * Makes the files of all subtasks visible when the job has ended: renames them out of the staging directory. A commit that
 * broke off is simply repeated: a file that is at its target with the right length is done. A job that begins anew first
 * removes what an unfinished commit of its own left.
 */
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { CoordinatorContext, SinkCommitter } from '../connector.js'
import { CommitFailed, SinkPathUnusable } from '../errors.js'
import { PartFileSchema, partFilePrefix, stagingDirectory, type PartFile } from './part-files.js'

export function createCommitter(spec: SpecOf<'sink'>, context: CoordinatorContext): FileCommitter {
  return new FileCommitter(spec, context)
}

export class FileCommitter implements SinkCommitter {
  readonly #table: string
  readonly #path: string
  readonly #staging: string
  readonly #prefix: string
  readonly #fileSystem: FileSystem
  /** The table's directory was not there before this job. */
  #madeDirectory = false

  constructor(spec: SpecOf<'sink'>, context: CoordinatorContext) {
    this.#table = spec.tableName
    this.#path = context.fileSystems.resolve(spec.options['path'] ?? '')
    this.#fileSystem = context.fileSystems.of(this.#path)
    this.#staging = stagingDirectory(this.#path, context.jobId, context.operatorId)
    this.#prefix = `${this.#path}/${partFilePrefix(context.jobId, context.operatorId)}`
  }

  /** Makes an empty staging directory, which shows that the target can be written. @throws SINK_PATH_UNUSABLE, FS_PERMISSION_DENIED */
  async start(_restored: readonly unknown[]): Promise<void> {
    const status = await this.#fileSystem.status(this.#path)
    if (status !== undefined && !status.directory) {
      throw new SinkPathUnusable({ path: this.#path, table: this.#table, problem: 'it is a file; give the path of a directory' })
    }
    this.#madeDirectory ||= status === undefined
    if (status !== undefined) await this.#removeAll()
    await this.#fileSystem.mkdirs(this.#staging)
  }

  /** @throws SINK_COMMIT_FAILED and errors of the file system; then it may be repeated */
  async commit(committables: readonly unknown[]): Promise<void> {
    for (const committable of committables) await this.#publish(PartFileSchema.parse(committable))
    await this.#fileSystem.delete(this.#staging)
  }

  /** Removes files already made visible, too: all of the job's sinks show their results, or none. */
  async abort(): Promise<void> {
    const status = await this.#fileSystem.status(this.#path)
    if (status?.directory !== true) return
    await this.#removeAll()
    if (this.#madeDirectory && (await this.#fileSystem.list(this.#path)).length === 0) await this.#fileSystem.delete(this.#path)
  }

  /** Everything of this job and operator; other files of the directory stay. */
  async #removeAll(): Promise<void> {
    await this.#fileSystem.delete(this.#staging)
    for (const file of await this.#fileSystem.list(this.#path)) {
      if (!file.directory && file.path.startsWith(this.#prefix)) await this.#fileSystem.delete(file.path)
    }
  }

  async #publish(part: PartFile): Promise<void> {
    const from = `${this.#staging}/${part.staged}`
    const to = `${this.#path}/${part.name}`
    const [staged, target] = await Promise.all([this.#fileSystem.status(from), this.#fileSystem.status(to)])
    if (target !== undefined) {
      // Renamed by a commit that broke off; a copy left in staging goes with it.
      if (target.length === part.length) return
      throw new CommitFailed({ file: to, problem: `there is a file of that name with ${lengthOf(target)} instead of ${part.length} bytes` })
    }
    if (staged === undefined)
      throw new CommitFailed({ file: to, problem: `neither it nor ${from} exists; was the staging directory removed?` })
    if (staged.length !== part.length) {
      throw new CommitFailed({ file: to, problem: `${from} has ${lengthOf(staged)} instead of the ${part.length} bytes that were written` })
    }
    await this.#fileSystem.rename(from, to)
  }
}

function lengthOf(file: FileStatus): string {
  return file.directory ? 'a directory' : String(file.length)
}

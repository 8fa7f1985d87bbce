/**
 * Lists the files of a table once, at the start of the job, cuts them into splits and hands these out in order to whoever
 * asks. Files and directories that begin with `.` or `_` are hidden, as in Flink and Hadoop.
 */
import * as z from '#core/zod.js'
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import { findFormat } from '../../formats/registry.js'
import type { CoordinatorContext, SplitEnumerator } from '../connector.js'
import { InvalidTable, SourcePathNotFound } from '../errors.js'
import { formatOptions } from '../format-options.js'
import { splitFile, SplitSchema, type Split } from './split.js'

/** More files than this are taken for a mistake in the path. */
const MAX_FILES = 1_000_000
const MAX_DEPTH = 100

export function createEnumerator(spec: SpecOf<'source'>, context: CoordinatorContext): FileSplitEnumerator {
  return new FileSplitEnumerator(spec, context)
}

export class FileSplitEnumerator implements SplitEnumerator {
  readonly #spec: SpecOf<'source'>
  readonly #context: CoordinatorContext
  /** Not handed out yet, in order. */
  #splits: Split[] = []

  constructor(spec: SpecOf<'source'>, context: CoordinatorContext) {
    this.#spec = spec
    this.#context = context
  }

  /** @throws SOURCE_PATH_NOT_FOUND and errors of the file system */
  async start(restored?: unknown): Promise<void> {
    this.#splits = restored === undefined ? await this.#findSplits() : z.array(SplitSchema).parse(restored)
  }

  async #findSplits(): Promise<Split[]> {
    const { options, tableName } = this.#spec
    const path = this.#context.fileSystems.resolve(options['path'] ?? '')
    const fileSystem = this.#context.fileSystems.of(path)
    const status = await fileSystem.status(path)
    if (status === undefined) throw new SourcePathNotFound({ path, table: tableName })
    const pattern = options['source.path.regex-pattern']
    const wanted = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`)
    const files = (await listFiles(fileSystem, status)).filter((file) => wanted?.test(file.path) ?? true)
    const format = options['format'] ?? ''
    const splittable = findFormat(format)?.splittable(formatOptions(options, format)) ?? false
    return files.flatMap((file) => splitFile(file, splittable))
  }

  async nextSplit(): Promise<Split | null> {
    return this.#splits.shift() ?? null
  }

  snapshotState(): readonly Split[] {
    return [...this.#splits]
  }

  addSplitsBack(splits: readonly unknown[]): void {
    this.#splits.unshift(...z.array(SplitSchema).parse(splits))
  }

  async close(): Promise<void> {}
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

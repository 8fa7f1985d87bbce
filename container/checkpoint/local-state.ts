/**
 * Copies of a task's segments on the worker's own disk (execution.checkpointing.local-backup.enabled), for tasks that start again on
 * this worker. Only a shortcut: what is missing or damaged here is read from the checkpoint, and nothing here fails a checkpoint.
 *
 *   <directory of the worker>/<job id>/<name of the segment's file>
 *
 * A copy lives until a later checkpoint of the task is complete and does not refer to it; all of a job's until the worker has no slot of it.
 */
import { mkdir, open, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { KeyedStateHandle, StateBytes } from '#core/checkpoint/state-handles.js'
import { logger } from '#core/log/logger.js'

const log = logger('LocalState')

/** A copy in the making. No method throws. */
export interface LocalCopy {
  write(bytes: Uint8Array): Promise<void>
  finish(): Promise<void>
  abort(): Promise<void>
}

export class LocalState {
  readonly #directory: string
  /** Names of copies, and of which checkpoint; those found at the restore belong to none of this task's. */
  readonly #held = new Map<string, number>()

  /** `directory`: of the job on this worker; made when it is needed. */
  constructor(directory: string) {
    this.#directory = directory
  }

  begin(name: string, checkpointId: number): LocalCopy {
    const path = join(this.#directory, name)
    let file: FileHandle | undefined
    let failed = false
    const attempt = async (action: () => Promise<unknown>) => {
      if (failed) return
      try {
        await action()
      } catch (error) {
        failed = true
        log.warn(`No copy of state in ${path}; it would be read from the checkpoint`, error)
        await file?.close().catch(() => undefined)
        await rm(path, { force: true }).catch(() => undefined)
      }
    }
    return {
      write: (bytes) =>
        attempt(async () => {
          if (file === undefined) {
            await mkdir(this.#directory, { recursive: true, mode: 0o700 })
            file = await open(path, 'w', 0o600)
          }
          await file.writeFile(bytes)
        }),
      finish: () =>
        attempt(async () => {
          await file?.close()
          if (file !== undefined) this.#held.set(name, checkpointId)
        }),
      abort: async () => {
        this.#held.delete(name)
        if (!failed) await file?.close().catch(() => undefined)
        failed = true
        await rm(path, { force: true }).catch(() => undefined)
      },
    }
  }

  /** The handle with what of it lies here; undefined: nothing does. */
  async prefer(handle: KeyedStateHandle): Promise<KeyedStateHandle | undefined> {
    const segments = await Promise.all(handle.segments.map((bytes) => this.#here(bytes)))
    if (segments.every((bytes) => bytes === undefined)) return undefined
    return { ...handle, segments: handle.segments.map((bytes, i) => segments[i] ?? bytes) }
  }

  /** That checkpoint is complete and consists of these: older copies are removed. */
  async complete(checkpointId: number, segments: Iterable<StateBytes>): Promise<void> {
    const needed = new Set([...segments].flatMap((bytes) => (bytes.kind === 'file' ? [nameOf(bytes.path)] : [])))
    for (const [name, of] of this.#held) {
      if (of > checkpointId || needed.has(name)) continue
      this.#held.delete(name)
      await rm(join(this.#directory, name), { force: true }).catch((error: unknown) => log.warn(`Copy ${name} could not be removed`, error))
    }
  }

  async #here(bytes: StateBytes): Promise<StateBytes | undefined> {
    if (bytes.kind === 'inline') return undefined
    const name = nameOf(bytes.path)
    const path = join(this.#directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() !== true || found.size < bytes.offset + bytes.length) return undefined
    this.#held.set(name, -1)
    return { ...bytes, path: pathToFileURL(path).href }
  }
}

/** Names of segments are unique, wherever they lie. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The files of a job's checkpoints: `_metadata` written once and read whole, directories listed and deleted. */
import { decodeMetadata, encodeMetadata } from '#core/checkpoint/metadata-codec.js'
import { METADATA_FILE, readMetadata, type StoredCheckpoint } from '#core/checkpoint/metadata-file.js'
import { bytesOfMetadata, verifyBytes, withRelativePaths } from '#core/checkpoint/state-files.js'
import type { CheckpointMetadata, StateBytes } from '#core/checkpoint/state-handles.js'
import { PathAlreadyExists, PathNotFound } from '#core/fs/errors.js'
import type { FileStatus } from '#core/fs/file-system.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import { logger } from '#core/log/logger.js'
import { backoffDelay } from '#core/time/backoff.js'
import { sleep, type Environment } from '#core/time/environment.js'
import { mayPass, retrying, type RetryPolicy } from '#core/time/retrying.js'
import { checkpointNumber, sharedDirectory } from './checkpoint-paths.js'
import { MetadataExists } from './errors.js'

/** State may be anything: its owner reads it, nobody else. */
const PRIVATE_DIRECTORY = 0o700
const PRIVATE_FILE = 0o600
/** Deletions at once. */
const PARALLEL_DELETES = 4
/** Half a minute in all: about what a NameNode needs to fail over. */
const DELETE_RETRY: RetryPolicy = { tries: 8, first: 500, most: 10_000 }

const log = logger('CheckpointStore')

export class CheckpointStore {
  readonly #fileSystems: FileSystems
  readonly #environment: Environment

  constructor(fileSystems: FileSystems, environment: Environment) {
    this.#fileSystems = fileSystems
    this.#environment = environment
  }

  /** A full URI. @throws FS_UNSUPPORTED_SCHEME */
  resolve(path: string): string {
    const uri = this.#fileSystems.resolve(path)
    this.#fileSystems.of(uri)
    return uri
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.#fileSystems.of(directory).mkdirs(directory, PRIVATE_DIRECTORY)
  }

  /** Each block there, with its length and checksum. @throws CHECKPOINT_FILE_*, FS_* */
  verify(bytes: Iterable<StateBytes>): Promise<void> {
    return verifyBytes(this.#fileSystems, bytes)
  }

  /**
   * Writes `_metadata` under another name, then gives it its own: a reader finds all of it or nothing, and what is there is never replaced.
   * Its size in bytes. @throws CHECKPOINT_METADATA_EXISTS, FS_*
   */
  async write(directory: string, metadata: CheckpointMetadata): Promise<number> {
    const file = `${directory}/${METADATA_FILE}`
    const fileSystem = this.#fileSystems.of(file)
    const bytes = encodeMetadata(withRelativePaths(metadata, directory), file)
    decodeMetadata(bytes, file) // what could not be read back is not a checkpoint
    const temporary = `${directory}/.${METADATA_FILE}.${metadata.epoch}-${this.#environment.random.bytes(4).toString('hex')}`
    const writer = await fileSystem.create(temporary, { permission: PRIVATE_FILE })
    try {
      await writer.write(bytes)
      await writer.close()
    } catch (error) {
      await writer.abort()
      throw error
    }
    try {
      await fileSystem.rename(temporary, file)
    } catch (error) {
      await fileSystem.delete(temporary).catch(() => false)
      if (PathAlreadyExists.is(error)) throw new MetadataExists({ file }, { cause: error })
      throw error
    }
    return bytes.length
  }

  /** @throws CHECKPOINT_NOT_FOUND, CHECKPOINT_METADATA_*, FS_* */
  read(path: string): Promise<StoredCheckpoint> {
    return readMetadata(this.#fileSystems, this.resolve(path))
  }

  /** Reads it and all it refers to. @throws as read and verify */
  async readVerified(path: string): Promise<StoredCheckpoint> {
    const stored = await this.read(path)
    await this.verify(bytesOfMetadata(stored.metadata))
    return stored
  }

  /** Of the job's directory: numbers of all checkpoints, complete or not, ascending. */
  async numbers(job: string): Promise<number[]> {
    const children = await this.#list(job)
    return children
      .filter((child) => child.directory)
      .map((child) => checkpointNumber(child.path))
      .filter((number) => number !== undefined)
      .sort((a, b) => a - b)
  }

  /** What lies in the job's directory: checkpoints' directories and shared files. */
  async contents(job: string): Promise<{ files: string[]; directories: string[] }> {
    const [children, shared] = [await this.#list(job), await this.#list(sharedDirectory(job))]
    const directories = children.filter((child) => child.directory && checkpointNumber(child.path) !== undefined)
    return {
      files: shared.filter((child) => !child.directory).map((child) => child.path),
      directories: directories.map(({ path }) => path),
    }
  }

  /** Of the directory nothing but its name stays. As delete. */
  async empty(directory: string): Promise<void> {
    const children = await retrying(this.#environment, DELETE_RETRY, () => this.#list(directory)).catch((error: unknown) => {
      log.warn(
        `${directory} is not needed any more and could not be emptied: ${error instanceof Error ? error.message : String(error)}`,
        error,
      )
      return []
    })
    await this.delete(
      children.map(({ path }) => path),
      [],
    )
  }

  /** Files first, then directories with all in them. What fails is tried again a few times; what stays is named in the log. */
  async delete(files: readonly string[], directories: readonly string[]): Promise<void> {
    for (const paths of [files, directories]) {
      let failed = await this.#deleteOnce(paths)
      for (let tried = 1; failed.some(({ error }) => mayPass(error)) && tried < DELETE_RETRY.tries; tried++) {
        if (tried === 1) log.info(`${failed.length} files or directories could not be deleted yet, ${failed[0]?.path ?? ''} for one.`)
        await sleep(this.#environment, backoffDelay(DELETE_RETRY, tried, this.#environment.random))
        const final = failed.filter(({ error }) => !mayPass(error))
        const again = failed.filter(({ error }) => mayPass(error)).map(({ path }) => path)
        failed = [...final, ...(await this.#deleteOnce(again))]
      }
      for (const { path, error } of failed)
        log.warn(
          `${path} is not needed any more and could not be deleted, it stays: ${error instanceof Error ? error.message : String(error)}`,
          error,
        )
    }
  }

  async #deleteOnce(paths: readonly string[]): Promise<{ path: string; error: unknown }[]> {
    const waiting = [...paths]
    const failed: { path: string; error: unknown }[] = []
    const worker = async () => {
      for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
        try {
          await this.#fileSystems.of(path).delete(path)
        } catch (error) {
          failed.push({ path, error })
        }
      }
    }
    await Promise.all(Array.from({ length: PARALLEL_DELETES }, worker))
    return failed
  }

  async #list(directory: string): Promise<FileStatus[]> {
    try {
      return await this.#fileSystems.of(directory).list(directory)
    } catch (error) {
      if (PathNotFound.is(error)) return []
      throw error
    }
  }
}

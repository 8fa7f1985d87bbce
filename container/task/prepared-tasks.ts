/**
 * What a slot has ready for tasks that are about to come (a rescale prepares them while those of before still run): their program is
 * loaded, their state was read from an earlier checkpoint. Nothing depends on it; what is missing is got when the task starts.
 */
import type { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { VertexId } from '#core/ids/ids.js'
import { keyGroupsOfSubtask } from '#runtime/columnar/hash.js'
import { copyKeyedState } from '#runtime/checkpoint/keyed-restore.js'
import { SegmentCopies } from '#runtime/checkpoint/segment-copies.js'
import type { Preload } from './operator-factory.js'

/** So much of a task's state at most is read beforehand, bytes: it takes that much of the local disk until the task has it. */
const MOST_BYTES = 1024 * 1024 * 1024

export interface PreparedTasksOptions {
  readonly fileSystems: FileSystems
  readonly preload: Preload
  /** For copies of state. */
  readonly directory: string
}

export class PreparedTasks {
  readonly #options: PreparedTasksOptions
  readonly #copies = new Map<VertexId, SegmentCopies>()

  constructor(options: PreparedTasksOptions) {
    this.#options = options
  }

  /** Resolves when everything is ready. Takes the place of what was prepared for a task of that vertex before. */
  async prepare(task: TaskDeploymentDescriptor): Promise<void> {
    const { fileSystems, preload, directory } = this.#options
    const { vertexId, subtaskIndex, maxParallelism, parallelism, restore } = task
    this.#copies.get(vertexId)?.close()
    const copies = new SegmentCopies(directory, MOST_BYTES)
    this.#copies.set(vertexId, copies)
    await preload(task)
    const keyGroups = keyGroupsOfSubtask(subtaskIndex, maxParallelism, parallelism)
    for (const { keyed } of restore?.operators ?? []) await copyKeyedState(fileSystems, { handles: keyed, keyGroups }, copies)
  }

  /** What was read for that task, if anything was: the caller closes it. */
  take({ vertexId }: TaskDeploymentDescriptor): SegmentCopies | undefined {
    const copies = this.#copies.get(vertexId)
    this.#copies.delete(vertexId)
    return copies
  }

  /** Nothing that was prepared will come. */
  clear(): void {
    for (const copies of this.#copies.values()) copies.close()
    this.#copies.clear()
  }
}

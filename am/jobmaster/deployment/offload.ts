/**
 * What all subtasks of a vertex share is written once per vertex: inline in each descriptor while it is small, else as a blob that
 * each worker fetches once. Flink's MaybeOffloaded<TaskInformation>.
 */
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { VertexId } from '#core/ids/ids.js'
import { BlobTooLarge, MAX_BLOB_BYTES, type SubmittedTask } from '#core/rpc/gateways/blob.js'
import type { BlobWriter } from '../../blob/blob-server.js'

export class Offloading {
  readonly #blobs: BlobWriter
  readonly #minSize: number
  readonly #operators = new Map<VertexId, SubmittedTask['operators']>()

  /** `minSize`: bytes; what is larger goes into a blob. */
  constructor(blobs: BlobWriter, minSize: number) {
    this.#blobs = blobs
    this.#minSize = minSize
  }

  /** The descriptor as it is sent. All of one job; operators of a vertex never change. @throws BLOB_TOO_LARGE */
  submission(task: TaskDeploymentDescriptor): SubmittedTask {
    const known = this.#operators.get(task.vertexId)
    if (known !== undefined) return { ...task, operators: known }
    const operators = this.#offload(task)
    this.#operators.set(task.vertexId, operators)
    return { ...task, operators }
  }

  #offload({ jobId, vertexName, operators }: TaskDeploymentDescriptor): SubmittedTask['operators'] {
    const bytes = Buffer.from(JSON.stringify(operators), 'utf8')
    if (bytes.length > MAX_BLOB_BYTES)
      throw new BlobTooLarge({ what: `The plan of '${vertexName}'`, bytes: bytes.length, limit: MAX_BLOB_BYTES })
    return bytes.length > this.#minSize ? this.#blobs.put(jobId, bytes) : operators
  }
}

/** Puts what barriers had overtaken back to where it was: into the input channels and result partitions of a task that begins. */
import { nameOfStateBytes, readStateBytes } from '#core/checkpoint/state-bytes.js'
import type { InFlightData, StateBytes } from '#core/checkpoint/state-handles.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { Schema } from '#core/types/schema.js'
import { decodeInFlight } from '#runtime/checkpoint/in-flight.js'
import { batchBytes } from '#runtime/columnar/batch-bytes.js'
import type { ResultPartition } from '../network/result-partition.js'
import type { Overtaken } from '../network/subpartition.js'
import { InvalidDeployment } from '../task/errors.js'
import type { TaskInputs } from '../task/task-inputs.js'

/** @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING, TASK_INVALID_DEPLOYMENT when there is no such channel */
export async function restoreInFlight(
  task: string,
  data: InFlightData,
  fileSystems: FileSystems,
  inputs: TaskInputs,
  partitions: readonly ResultPartition[],
): Promise<void> {
  for (const { edgeId, subpartition, bytes } of data.outputs) {
    const partition = partitions.find(({ descriptor }) => descriptor.edgeId === edgeId)
    if (partition === undefined || subpartition >= partition.descriptor.numSubpartitions) throw unknown(task, edgeId, subpartition)
    partition.preload(subpartition, await elementsOf(fileSystems, bytes, partition.descriptor.schema))
  }
  for (const { edgeId, channel, bytes } of data.inputs) {
    const schema = inputs.schemaOf(edgeId)
    if (schema === undefined) throw unknown(task, edgeId, channel)
    if (!inputs.preload(edgeId, channel, await elementsOf(fileSystems, bytes, schema))) throw unknown(task, edgeId, channel)
  }
}

async function elementsOf(fileSystems: FileSystems, bytes: StateBytes, schema: Schema): Promise<Overtaken[]> {
  const elements = decodeInFlight(await readStateBytes(fileSystems, bytes), schema, nameOfStateBytes(bytes))
  return elements.map((element) => (element.kind === 'data' ? { ...element, bytes: batchBytes(element.batch) } : element))
}

function unknown(task: string, edgeId: string, channel: number): Error {
  return new InvalidDeployment({
    task,
    problem: `its checkpoint has data in flight for channel ${channel} of edge ${edgeId}, which there is not`,
  })
}

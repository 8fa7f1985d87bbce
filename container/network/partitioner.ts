/** How the rows of a batch find their subpartitions. Pure: each row of each batch goes to exactly one (BROADCAST: to every one). */
import type { Partitioner } from '#core/graph/job-graph.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { gatherBatch } from '#runtime/columnar/gather.js'
import { hashRows, keyGroupOf, subtaskOfKeyGroup } from '#runtime/columnar/hash.js'

export type Emit = (subpartition: number, batch: Batch) => void
/** `full`: whether a subpartition has no room; only those that may choose ask. */
export type Distribute = (batch: Batch, emit: Emit, full: (subpartition: number) => boolean) => void

/** Below this share of its batch a selection is copied, so that it does not pin the whole batch. */
const COPY_BELOW = 1 / 8

export function distributor(partitioner: Partitioner, numSubpartitions: number, maxParallelism: number): Distribute {
  if (partitioner.kind === 'BROADCAST') {
    return (batch, emit) => {
      for (let i = 0; i < numSubpartitions; i++) emit(i, batch)
    }
  }
  if (numSubpartitions === 1) return (batch, emit) => emit(0, batch)
  switch (partitioner.kind) {
    case 'HASH':
      return byHash(partitioner.keys, numSubpartitions, maxParallelism)
    case 'GLOBAL':
      return (batch, emit) => emit(0, batch)
    case 'FORWARD':
    case 'REBALANCE':
    case 'RESCALE':
      return inTurn(numSubpartitions)
    case 'SHUFFLE':
      return byTarget(numSubpartitions, (batch) =>
        Int32Array.from({ length: batch.length }, () => Math.floor(Math.random() * numSubpartitions)),
      )
    case 'CUSTOM':
      return byTarget(numSubpartitions, (batch) => customTargets(batch, partitioner.column, numSubpartitions))
  }
}

/** True when any subpartition with room will do, so that one slow consumer does not hold up the others. */
export function anySubpartition(partitioner: Partitioner): boolean {
  return partitioner.kind === 'REBALANCE' || partitioner.kind === 'RESCALE'
}

function inTurn(numSubpartitions: number): Distribute {
  let next = 0
  return (batch, emit, full) => {
    let target = next
    for (let tried = 0; tried < numSubpartitions && full(target); tried++) target = (target + 1) % numSubpartitions
    next = (target + 1) % numSubpartitions
    emit(target, batch)
  }
}

/** Key → hash → key group → subtask (Flink's KeyGroupRangeAssignment). */
function byHash(keys: readonly number[], numSubpartitions: number, maxParallelism: number): Distribute {
  const subtasks = Int32Array.from({ length: maxParallelism }, (_, keyGroup) =>
    subtaskOfKeyGroup(keyGroup, maxParallelism, numSubpartitions),
  )
  return byTarget(numSubpartitions, (batch) => {
    const targets = hashRows(batch, keys)
    for (let row = 0; row < targets.length; row++) {
      targets[row] = subtasks[keyGroupOf(targets[row] as number, maxParallelism)] as number
    }
    return targets
  })
}

/** The rows' own choice. @throws when it names a subtask that there is not: the operator before has checked it */
function customTargets(batch: Batch, column: number, numSubpartitions: number): Int32Array {
  const vector = batch.columns[column]
  if (vector?.kind !== 'int32') throw new Error(`column ${column} holds no subtasks`)
  const targets = new Int32Array(batch.length)
  for (let row = 0; row < targets.length; row++) {
    const target = vector.values[batch.position(row)] as number
    if (target < 0 || target >= numSubpartitions) throw new Error(`a row for subtask ${target} of ${numSubpartitions}`)
    targets[row] = target
  }
  return targets
}

/** Each row to the subpartition that `targetsOf` names for it. */
function byTarget(numSubpartitions: number, targetsOf: (batch: Batch) => Int32Array): Distribute {
  return (batch, emit) => {
    const targets = targetsOf(batch)
    const length = batch.length
    const counts = new Int32Array(numSubpartitions)
    for (let row = 0; row < length; row++) counts[targets[row] as number] = (counts[targets[row] as number] as number) + 1
    const positions: (Int32Array | undefined)[] = new Array<Int32Array | undefined>(numSubpartitions)
    for (let target = 0; target < numSubpartitions; target++) {
      const count = counts[target] as number
      if (count === length) return emit(target, batch)
      if (count > 0) positions[target] = new Int32Array(count)
    }
    counts.fill(0)
    for (let row = 0; row < length; row++) {
      const target = targets[row] as number
      const at = counts[target] as number
      ;(positions[target] as Int32Array)[at] = batch.position(row)
      counts[target] = at + 1
    }
    for (let target = 0; target < numSubpartitions; target++) {
      const rows = positions[target]
      if (rows === undefined) continue
      emit(target, rows.length < length * COPY_BELOW ? gatherBatch(batch, rows) : batch.select(rows))
    }
  }
}

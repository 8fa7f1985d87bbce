/**
 * Keyed state on its way back: handles of earlier subtasks in, rows of this subtask out. Of a row's versions in a chain of segments the
 * newest counts: segments are read newest first, and an id that was seen, as a row or as removed, is done.
 */
import type { KeyedStateHandle, StateBytes, StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import { schemaToString } from '#core/types/schema.js'
import { gatherBatch } from '../columnar/gather.js'
import type { RestoredRows } from '../state/snapshot.js'
import { stateMemory } from '../state/state-memory.js'
import { StateIncompatible } from './errors.js'
import { SeenIds } from './seen-ids.js'
import type { SegmentCopies } from './segment-copies.js'
import type { BlockRows } from './segment-format.js'
import { SegmentReader } from './segment-reader.js'

/**
 * So much stays in memory between check and use, within what the slot gives to a table's arrays: it is there beside the state that it becomes,
 * and goes block by block as that grows.
 */
const KEEP_BYTES = 256 * 1024 * 1024

export interface KeyedRestore {
  /** For messages. */
  readonly operator: string
  /** The operator's own tables. */
  readonly tables: readonly StateTableDescriptor[]
  /** Paths are full URIs. */
  readonly handles: readonly KeyedStateHandle[]
  /** Of this subtask, both inclusive. */
  readonly keyGroups: { readonly first: number; readonly last: number }
  /** Of some of the segments: they were read before. */
  readonly copies?: SegmentCopies | undefined
}

/**
 * Resolves when everything that is needed has been checked (lengths and checksums, tables against the operator's own): from then on rows
 * may be handed out.
 * @throws STATE_INCOMPATIBLE, CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING
 */
export async function openKeyedState(fileSystems: FileSystems, restore: KeyedRestore): Promise<AsyncIterable<RestoredRows>> {
  for (const handle of restore.handles) checkTables(restore.operator, restore.tables, handle)
  let room = Math.min(KEEP_BYTES, stateMemory.arrayBytes)
  const opened: { readonly handle: KeyedStateHandle; readonly newestFirst: readonly SegmentReader[] }[] = []
  for (const handle of restore.handles) {
    const readers: SegmentReader[] = []
    for (const segment of [...handle.segments].reverse()) {
      const keyGroups = keyGroupsWanted(handle, segment, restore.keyGroups)
      const reader = await SegmentReader.open(fileSystems, segment, { keepBytes: room, keyGroups, copies: restore.copies })
      readers.push(reader)
      room -= reader.keptBytes
    }
    opened.push({ handle, newestFirst: readers })
  }
  return rowsOf(opened, restore)
}

/**
 * Reads and checks now what `openKeyedState` will ask for.
 * @throws CHECKPOINT_FILE_CORRUPT, CHECKPOINT_FILE_MISSING, STATE_SPILL_FAILED
 */
export async function copyKeyedState(
  fileSystems: FileSystems,
  { handles, keyGroups }: Pick<KeyedRestore, 'handles' | 'keyGroups'>,
  copies: SegmentCopies,
): Promise<void> {
  for (const handle of handles)
    for (const segment of handle.segments)
      await SegmentReader.copy(fileSystems, segment, copies, keyGroupsWanted(handle, segment, keyGroups))
}

/** Of which key groups blocks are read; undefined: all. */
function keyGroupsWanted(
  handle: KeyedStateHandle,
  segment: StateBytes,
  own: KeyedRestore['keyGroups'],
): KeyedRestore['keyGroups'] | undefined {
  // An id may have been given to a row of another key group later: only where nothing older is hidden by it may a row be left out unseen.
  return isWhole(handle, own) || segment !== handle.segments[0] ? undefined : own
}

/** @throws STATE_INCOMPATIBLE. A table that the state does not have begins empty. */
export function checkTables(operator: string, tables: readonly StateTableDescriptor[], handle: KeyedStateHandle): void {
  for (const stored of handle.tables) {
    const incompatible = (change: string) => new StateIncompatible({ operator, table: stored.name, change })
    const own = tables.find(({ name }) => name === stored.name)
    if (own === undefined) throw incompatible('the operator has no such state any more')
    if (own.version !== stored.version)
      throw incompatible(`it was written as version ${stored.version}, the operator reads version ${own.version}`)
    const [before, now] = [schemaToString(stored.schema), schemaToString(own.schema)]
    if (before !== now) throw incompatible(`its columns were ${before}, the operator has ${now}`)
  }
}

async function* rowsOf(
  opened: readonly { readonly handle: KeyedStateHandle; readonly newestFirst: readonly SegmentReader[] }[],
  { tables, keyGroups }: KeyedRestore,
): AsyncGenerator<RestoredRows> {
  for (const [number, { handle, newestFirst }] of opened.entries()) {
    const whole = isWhole(handle, keyGroups)
    for (const { name, schema } of tables) {
      const seen = new SeenIds()
      for (const reader of newestFirst) {
        for await (const block of reader.blocks(name, schema)) {
          const rows = newRows(block, seen, whole ? undefined : keyGroups)
          if (rows === undefined) continue
          yield { handle: number, table: name, ...rows }
          // The operator has taken them in and asks for more: as between two batches.
          stateMemory.trim()
        }
      }
    }
  }
}

function isWhole(handle: KeyedStateHandle, { first, last }: KeyedRestore['keyGroups']): boolean {
  return handle.firstKeyGroup >= first && handle.lastKeyGroup <= last
}

/** What of the block counts; marks all its ids as seen. */
function newRows(
  { batch, ids, keyGroups, removed }: BlockRows,
  seen: SeenIds,
  range: KeyedRestore['keyGroups'] | undefined,
): Pick<RestoredRows, 'batch' | 'ids' | 'keyGroups'> | undefined {
  const rows = new Int32Array(ids.length)
  let count = 0
  for (let row = 0; row < ids.length; row++) {
    const group = keyGroups[row] as number
    if (seen.add(ids[row] as number) && (range === undefined || (group >= range.first && group <= range.last))) rows[count++] = row
  }
  for (let i = 0; i < removed.length; i++) seen.add(removed[i] as number)
  if (count === 0 || batch === undefined) return undefined
  if (count === ids.length) return { batch, ids, keyGroups }
  const positions = rows.subarray(0, count)
  return {
    batch: gatherBatch(batch, positions),
    ids: Int32Array.from(positions, (row) => ids[row] as number),
    keyGroups: Uint16Array.from(positions, (row) => keyGroups[row] as number),
  }
}

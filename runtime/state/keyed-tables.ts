/** An operator's keyed tables together: its snapshots, table after table, and the notices of what became of them. */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { ChangedRows } from './changed-rows.js'
import type { RowsSnapshot } from './rows-snapshot.js'
import type { KeyedRows, KeyedSnapshot, SnapshotRequest } from './snapshot.js'
import type { StoredTable } from './stored-table.js'

export class KeyedTables {
  readonly #tables: { readonly table: StoredTable; readonly changes: ChangedRows }[] = []

  /** In the order of declaration: rows may refer to ids of tables before theirs. Report changes of its rows to what is returned. */
  add(table: StoredTable): ChangedRows {
    const changes = new ChangedRows(table)
    this.#tables.push({ table, changes })
    return changes
  }

  /** For Stateful.stateTables. */
  descriptors(): StateTableDescriptor[] {
    return this.#tables.map(({ table }) => table.descriptor)
  }

  /** For Stateful.snapshotState: all tables as of now; undefined: there are none. */
  snapshot(request: SnapshotRequest, maxParallelism: number): KeyedSnapshot | undefined {
    if (this.#tables.length === 0) return undefined
    return new TablesSnapshot(
      this.#tables.map(({ changes }) => ({ changes, rows: changes.snapshot(request.checkpointId, request.full, maxParallelism) })),
    )
  }

  checkpointComplete(checkpointId: number): void {
    for (const { changes } of this.#tables) changes.complete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    for (const { changes } of this.#tables) changes.abort(checkpointId)
  }
}

interface OpenTable {
  readonly changes: ChangedRows
  readonly rows: RowsSnapshot
}

class TablesSnapshot implements KeyedSnapshot {
  readonly #tables: OpenTable[]

  constructor(tables: OpenTable[]) {
    this.#tables = tables
  }

  next(): KeyedRows | undefined {
    for (let table = this.#tables[0]; table !== undefined; table = this.#tables[0]) {
      const rows = table.rows.next()
      if (rows !== undefined) return rows
      table.changes.end(table.rows)
      this.#tables.shift()
    }
    return undefined
  }

  get keptBytes(): number {
    return this.#tables.reduce((sum, { rows }) => sum + rows.keptBytes, 0)
  }

  close(): void {
    for (const { changes, rows } of this.#tables) {
      changes.end(rows)
      rows.close()
    }
    this.#tables.length = 0
  }
}

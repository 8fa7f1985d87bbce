/**
 * The keys of a row in the order the last row had them. Rows of a file nearly always repeat it, so the fast path only
 * compares bytes: `{"a":`, then `,"b":`, …
 */
export interface RowLayout {
  /** `"name"` with quotes, as it stood in the text. */
  readonly keys: readonly Uint8Array[]
  /** Column of the table for each key; -1: the table does not have it. */
  readonly columns: Int32Array
}

export function layoutOf(keys: readonly Uint8Array[], columns: readonly number[]): RowLayout {
  return { keys, columns: Int32Array.from(columns) }
}

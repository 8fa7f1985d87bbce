/** What a changelog row does. The codes are Flink's `RowKind` byte values. */
export const RowKind = { INSERT: 0, UPDATE_BEFORE: 1, UPDATE_AFTER: 2, DELETE: 3 } as const
export type RowKind = (typeof RowKind)[keyof typeof RowKind]

/** `+I`, `-U`, `+U`, `-D`, indexed by RowKind. */
export const ROW_KIND_SYMBOLS = ['+I', '-U', '+U', '-D'] as const

/** True where the row takes away an earlier one: -U and -D. */
export function isRetraction(kind: RowKind): boolean {
  return kind === RowKind.UPDATE_BEFORE || kind === RowKind.DELETE
}

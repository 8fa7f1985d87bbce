/**
 * A part of a file, handed to one subtask. Bounds are bytes and may fall anywhere: the part is moved to line starts when it
 * is read, so that parts that meet never share a row nor leave one out.
 *
 *   bounds    start            end = next part's start
 *   file  …aaa\nbb|bb\nccccc\ndd|dd\neee…
 *   read           └ccccc\ndddd\n┘
 */
import * as z from '#core/zod.js'
import type { FileStatus, FileSystem } from '#core/fs/file-system.js'

export const SplitSchema = z.object({
  path: z.string().min(1),
  start: z.int().min(0),
  end: z.int().min(0),
  /** Length of the whole file when it was listed: bytes that come later are not read. */
  fileLength: z.int().min(0),
  /** Of a part that was begun: where its next row starts. */
  position: z.int().min(0).optional(),
})
export type Split = z.infer<typeof SplitSchema>

/** Files larger than this are cut, where their format allows. */
export const MAX_SPLIT_BYTES = 64 * 1024 * 1024
/** How much is read at once to find the line end behind a part. */
const LINE_END_STEP_BYTES = 64 * 1024

const NEWLINE = 10

/** Parts of at most `maxBytes`, about equal in size; one when it cannot be cut; none of an empty file. */
export function splitFile(file: FileStatus, splittable: boolean, maxBytes = MAX_SPLIT_BYTES): Split[] {
  const { path, length } = file
  const parts = splittable ? Math.ceil(length / maxBytes) : Math.min(1, length)
  return Array.from({ length: parts }, (_, i) => ({
    path,
    start: Math.floor((length * i) / parts),
    end: Math.floor((length * (i + 1)) / parts),
    fileLength: length,
  }))
}

/**
 * The bytes of the rows that belong to a part: from `position`, or else from the first line that starts at or behind `start`, to the
 * end of the last line that starts before `end`. `onStart` hears where in the file the first of these bytes is, before they come.
 */
export async function* readSplit(
  fileSystem: FileSystem,
  split: Split,
  onStart: (offset: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const { path, start, end, fileLength, position } = split
  if (position !== undefined && position >= end) return
  // A line starts at `start` if the byte before it is a newline.
  let skipping = position === undefined && start > 0
  let offset = position ?? Math.max(0, start - 1)
  if (!skipping) onStart(offset)
  let last = -1
  for await (const chunk of fileSystem.read(path, offset, end - offset)) {
    let from = 0
    if (skipping) {
      from = chunk.indexOf(NEWLINE) + 1
      offset += from === 0 ? chunk.length : from
      if (from === 0) continue
      skipping = false
      onStart(offset)
    }
    last = chunk[chunk.length - 1] ?? last
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from)
  }
  // The last line may go on behind the end, unless no line starts in this part at all.
  if (skipping || last === NEWLINE || end >= fileLength) return
  for (let from = end; from < fileLength; from += LINE_END_STEP_BYTES) {
    for await (const chunk of fileSystem.read(path, from, Math.min(LINE_END_STEP_BYTES, fileLength - from))) {
      const newline = chunk.indexOf(NEWLINE)
      if (newline < 0) {
        yield chunk
        continue
      }
      yield chunk.subarray(0, newline + 1)
      return
    }
  }
}

/** Newlines before `offset`: to name a line of a part. Undefined when that is too far to look. */
export async function countLines(fileSystem: FileSystem, path: string, offset: number): Promise<number | undefined> {
  if (offset > MAX_COUNTED_BYTES) return undefined
  let lines = 0
  if (offset > 0) {
    for await (const chunk of fileSystem.read(path, 0, offset)) for (const byte of chunk) if (byte === NEWLINE) lines++
  }
  return lines
}

const MAX_COUNTED_BYTES = 1024 * 1024 * 1024

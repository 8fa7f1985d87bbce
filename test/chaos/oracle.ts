/**
 * Whether committed files hold exactly what the job must have written: computed from the ids alone, without the engine. Every line is
 * whole; every id is there once, with its key, its window and the number of ids of that key in that window.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEYS, IDS_PER_WINDOW } from './job.js'

export interface Verdict {
  readonly rows: number
  readonly missing: number
  readonly duplicate: number
  readonly torn: number
  readonly wrong: number
  readonly examples: readonly string[]
}

const MAX_EXAMPLES = 10

/** The files that are visible in a local directory. */
export function judgeDirectory(directory: string, lastId: number): Verdict {
  const names = readdirSync(directory).filter((each) => each.startsWith('part-'))
  return judge(
    names.map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') })),
    lastId,
  )
}

export function describeVerdict({ rows, missing, duplicate, torn, wrong }: Verdict): string {
  return `${rows} rows, ${missing} missing, ${duplicate} duplicate, ${torn} torn, ${wrong} wrong`
}

/** `lastId`: ids 0 … lastId were to be written. */
export function judge(files: Iterable<{ readonly name: string; readonly text: string }>, lastId: number): Verdict {
  const seen = new Uint8Array(lastId + 1)
  const examples: string[] = []
  let rows = 0
  let duplicate = 0
  let torn = 0
  let wrong = 0
  const example = (text: string) => examples.length < MAX_EXAMPLES && examples.push(text)
  for (const { name, text } of files) {
    if (text !== '' && !text.endsWith('\n')) {
      torn++
      example(`${name} ends within a line`)
    }
    for (const line of text.split('\n')) {
      if (line === '') continue
      rows++
      const cells = /^(\d+),(\d+),(\d+),(\d+)$/.exec(line)
      const [id, k, w, n] = (cells ?? []).slice(1).map(Number)
      if (id === undefined || id > lastId) {
        torn++
        example(`${name}: '${line}'`)
        continue
      }
      if (seen[id] === 1) {
        duplicate++
        example(`id ${id} again, in ${name}`)
      }
      seen[id] = 1
      if (k !== id % KEYS || w !== Math.floor(id / IDS_PER_WINDOW) || n !== idsOf(k, w, lastId)) {
        wrong++
        example(`${name}: '${line}', n should be ${idsOf(k ?? 0, w ?? 0, lastId)}`)
      }
    }
  }
  let missing = 0
  for (let id = 0; id <= lastId; id++) {
    if (seen[id] === 1) continue
    missing++
    if (missing <= 3) example(`id ${id} is missing`)
  }
  return { rows, missing, duplicate, torn, wrong, examples }
}

/** How many ids of 0 … lastId with that key lie in that window. */
function idsOf(k: number, w: number, lastId: number): number {
  const from = w * IDS_PER_WINDOW
  const to = Math.min(from + IDS_PER_WINDOW - 1, lastId)
  const upTo = (bound: number) => (bound < k ? 0 : Math.floor((bound - k) / KEYS) + 1)
  return upTo(to) - upTo(from - 1)
}

export function isExact(verdict: Verdict): boolean {
  return verdict.missing === 0 && verdict.duplicate === 0 && verdict.torn === 0 && verdict.wrong === 0
}

/**
 * The job under test and what it must have written. Ids in order, dealt out in turn to the source's subtasks; every id goes to a file with
 * the time it was made, and ids are counted per key in windows of event time: keyed state, an exchange, a two-phase sink. It has no end: it
 * is stopped with a savepoint, so each subtask's ids are a prefix of those it has to make.
 */
export const KEYS = 10
const MS_PER_ID = 10
const WINDOW_MS = 1_000
const IDS_PER_WINDOW_AND_KEY = WINDOW_MS / MS_PER_ID / KEYS

export interface JobFolders {
  /** `hdfs://…` */
  readonly rows: string
  readonly windows: string
}

/** `rate`: ids per second. `lastId`: it ends by itself then; undefined: practically never. */
export function tickingJob({ rows, windows }: JobFolders, rate: number, lastId = 1_000_000_000): string {
  return `CREATE TABLE ticks (
  n BIGINT,
  ts AS TO_TIMESTAMP_LTZ(n * ${MS_PER_ID}, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH (
  'connector' = 'datagen', 'rows-per-second' = '${rate}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '${lastId}'
);
CREATE TABLE ticked (n BIGINT, made TIMESTAMP_LTZ(3)) WITH ('connector' = 'filesystem', 'path' = '${rows}', 'format' = 'csv');
CREATE TABLE counted (k BIGINT, w TIMESTAMP(3), c BIGINT) WITH ('connector' = 'filesystem', 'path' = '${windows}', 'format' = 'csv');
EXECUTE STATEMENT SET BEGIN
INSERT INTO ticked SELECT n, CURRENT_ROW_TIMESTAMP() FROM ticks;
INSERT INTO counted
SELECT k, window_start, COUNT(*)
FROM (SELECT window_start, window_end, MOD(n, ${KEYS}) AS k FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND)))
GROUP BY k, window_start, window_end;
END;
`
}

export interface Verdict {
  readonly rows: number
  readonly windows: number
  /** What is not as it must be, a few of each kind; empty: exactly once. */
  readonly faults: readonly string[]
  /** When the rows were made, ascending; wall clock, ms. */
  readonly times: Float64Array
}

/** `parallelism`: of the source, which does not change. `lastId`: of a job that ended by itself, it has made all of them. */
export function judge(rowTexts: readonly string[], windowTexts: readonly string[], parallelism: number, lastId?: number): Verdict {
  const faults: string[] = []
  const fault = (text: string) => faults.length < 20 && faults.push(text)
  const made: { n: number; at: number }[] = []
  for (const line of rowTexts.flatMap(linesOf)) {
    const [, n, at] = /^(\d+),"([^"]+)"$/.exec(line) ?? []
    if (n === undefined || at === undefined) fault(`torn row '${line}'`)
    else made.push({ n: Number(n), at: Date.parse(at.replace(' ', 'T')) })
  }
  const ids = made.map(({ n }) => n).sort((a, b) => a - b)
  const next = Array.from({ length: parallelism }, (_, subtask) => subtask)
  let last = -1
  for (const id of ids) {
    const subtask = id % parallelism
    if (id === last) fault(`id ${id} twice`)
    else if (id !== next[subtask]) fault(`id ${next[subtask]} is missing before ${id}`)
    next[subtask] = id + parallelism
    last = id
  }
  if (lastId !== undefined && ids.length !== lastId + 1) fault(`${ids.length} ids instead of ${lastId + 1}`)
  const seen = new Set<string>()
  let windows = 0
  for (const line of windowTexts.flatMap(linesOf)) {
    const [, k, w, c] = /^(\d+),"([^"]+)",(\d+)$/.exec(line) ?? []
    windows++
    if (seen.has(`${k} ${w}`)) fault(`the window of key ${k} at ${w} twice`)
    seen.add(`${k} ${w}`)
    const begin = Date.parse(`${(w ?? '').replace(' ', 'T')}Z`)
    if (Number(c) !== idsIn(Number(k), begin, lastId)) fault(`wrong count or torn window '${line}'`)
  }
  if (ids.length > 0 && windows < expectedWindows(Math.min(...next), lastId)) fault(`${windows} windows are too few for ${ids.length} ids`)
  return { rows: ids.length, windows, faults, times: Float64Array.from(made, ({ at }) => at).sort() }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

function idsIn(key: number, begin: number, lastId: number | undefined): number {
  if (lastId === undefined) return IDS_PER_WINDOW_AND_KEY
  const first = begin / MS_PER_ID
  return Array.from({ length: WINDOW_MS / MS_PER_ID }, (_, i) => first + i).filter((id) => id % KEYS === key && id <= lastId).length
}

/** Those that the watermark had passed well before the stop, and all of a job that has ended. `next`: the least id that is not there. */
function expectedWindows(next: number, lastId: number | undefined): number {
  const passed = lastId === undefined ? next * MS_PER_ID - 20_000 : (lastId + 1) * MS_PER_ID
  return Math.max(0, Math.floor(passed / WINDOW_MS)) * KEYS
}

/** The longest time without a row between two moments of the wall clock, ms. */
export function longestPause(times: Float64Array, from: number, to: number): number {
  let longest = 0
  let last = from
  for (const at of times) {
    if (at < from) continue
    if (at > to) break
    longest = Math.max(longest, at - last)
    last = at
  }
  return Math.max(longest, to - last)
}

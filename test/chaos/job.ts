/**
 * The job under test: ids in order over 1,000 keys, counted per key in windows of ten seconds of event time, and each id joined with its
 * window's count: two sources, keyed and windowed state, a join with unbounded state, a two-phase sink.
 */
export const KEYS = 1_000
export const WINDOW_MS = 10_000
/** Of event time from one id to the next: at 4,000 ids per second a window ends every 0.6 s. */
const MS_PER_ID = 4
export const IDS_PER_WINDOW = WINDOW_MS / MS_PER_ID

/**
 * `rate`: ids per second of each of the two scans. A subtask that has several parts of the sequence after a change of parallelism makes
 * them batch by batch in turn: so much are ids out of order at most, and the watermark allows for it.
 */
export function chaosJob(output: string, rate: number, lastId: number): string {
  const source = (name: string) => `
CREATE TABLE ${name} (
  id BIGINT,
  ts AS TO_TIMESTAMP_LTZ(id * ${MS_PER_ID}, 3),
  WATERMARK FOR ts AS ts - INTERVAL '20' SECOND
) WITH (
  'connector' = 'datagen',
  'rows-per-second' = '${rate}',
  'fields.id.kind' = 'sequence',
  'fields.id.start' = '0',
  'fields.id.end' = '${lastId}'
);`
  return `${source('ids')}${source('counted')}
CREATE TABLE results (id BIGINT, k BIGINT, w BIGINT, n BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = '${output}'
);
INSERT INTO results
SELECT a.id, a.k, a.w, b.n
FROM (SELECT id, MOD(id, ${KEYS}) AS k, id / ${IDS_PER_WINDOW} AS w FROM ids) AS a
JOIN (
  SELECT k, CAST(MIN(id) AS BIGINT) / ${IDS_PER_WINDOW} AS w, COUNT(*) AS n
  FROM (
    SELECT window_start, window_end, id, MOD(id, ${KEYS}) AS k
    FROM TABLE(TUMBLE(TABLE counted, DESCRIPTOR(ts), INTERVAL '${WINDOW_MS / 1000}' SECOND))
  )
  GROUP BY k, window_start, window_end
) AS b
ON a.k = b.k AND a.w = b.w;
`
}

/** Enough ids for that many kills and recoveries; afterwards the job ends by itself. */
export function lastIdFor(kills: number, rate: number): number {
  return Math.ceil((kills * SECONDS_PER_KILL + SECONDS_AT_EITHER_END) * rate)
}

const SECONDS_PER_KILL = 4
const SECONDS_AT_EITHER_END = 20

/**
 * The job under test: ids in order over 1,000 keys, counted per key in windows of ten seconds of event time, and each id joined with its
 * window's count: two sources, keyed and windowed state, a join with unbounded state, a two-phase sink.
 */
export const KEYS = 1_000
export const WINDOW_MS = 10_000

/** `rate`: ids per second of each of the two scans; the id is the event time in ms. */
export function chaosJob(output: string, rate: number, lastId: number): string {
  const source = (name: string) => `
CREATE TABLE ${name} (
  id BIGINT,
  ts AS TO_TIMESTAMP_LTZ(id, 3),
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
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
FROM (SELECT id, MOD(id, ${KEYS}) AS k, id / ${WINDOW_MS} AS w FROM ids) AS a
JOIN (
  SELECT k, CAST(MIN(id) AS BIGINT) / ${WINDOW_MS} AS w, COUNT(*) AS n
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

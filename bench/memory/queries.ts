/** Endless queries whose state grows past any memory, as scripts. `rate`: rows/s of each table; `keys`: distinct keys, drawn at random. */
export interface Load {
  readonly rate: number
  readonly keys: number
}

/** Two tables of unique keys and 100-character strings, joined. */
function join({ rate }: Load): string {
  const table = (name: string): string => `
CREATE TABLE ${name} (id BIGINT, s STRING) WITH (
  'connector' = 'datagen', 'rows-per-second' = '${rate}', 'fields.s.length' = '100',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '4000000000'
);`
  return `${table('a')}${table('b')}
CREATE TABLE results (id BIGINT, s STRING, t STRING) WITH ('connector' = 'blackhole');
INSERT INTO results SELECT a.id, a.s, b.s FROM a JOIN b ON a.id = b.id;
`
}

const events = ({ rate, keys }: Load): string => `
CREATE TABLE events (k BIGINT, v BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '${rate}',
  'fields.k.min' = '0', 'fields.k.max' = '${keys - 1}', 'fields.v.min' = '0', 'fields.v.max' = '1000000000'
);`

/** One row of state per key. */
const groupBy = (load: Load): string => `${events(load)}
CREATE TABLE results (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO results SELECT k, COUNT(*), SUM(v) FROM events GROUP BY k;
`

/** A set of values per key: a thousandth of the keys, the rest of them as values. */
const distinct = (load: Load): string => `${events(load)}
CREATE TABLE results (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO results SELECT k / 1000, COUNT(DISTINCT k) FROM events GROUP BY k / 1000;
`

/** Counts per key that change, and the least of them per thousand keys. */
const minOfChanges = (load: Load): string => `${events(load)}
CREATE TABLE results (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO results SELECT k / 1000, MIN(s) FROM (SELECT k, SUM(v) AS s FROM events GROUP BY k) GROUP BY k / 1000;
`

/** A window of ten minutes of every key. */
const window = ({ rate, keys }: Load): string => `
CREATE TABLE events (k BIGINT, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH (
  'connector' = 'datagen', 'rows-per-second' = '${rate}',
  'fields.k.min' = '0', 'fields.k.max' = '${keys - 1}', 'fields.v.min' = '0', 'fields.v.max' = '1000000000'
);
CREATE TABLE results (k BIGINT, n BIGINT, e TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO results SELECT k, COUNT(*), window_end
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' MINUTES)) GROUP BY k, window_start, window_end;
`

export const QUERIES: Readonly<Record<string, (load: Load) => string>> = {
  join,
  'group-by': groupBy,
  distinct,
  'min-of-changes': minOfChanges,
  window,
}

-- Flight delays in the United States, first quarter of 2001: which states start late, week by week?
--
-- Reads two file sets, computes event-time windows, joins and aggregates, writes CSV, and shows the worst of it.
-- Relative paths: below the client's directory for local files, below the user's home with -Dfs.default-scheme=hdfs://…

SET 'pipeline.name' = 'flight-delays';
SET 'table.dml-sync' = 'true';

CREATE TABLE flights (
  `date`      STRING,
  delay       INT,
  distance    INT,
  origin      STRING,
  destination STRING,
  departure   AS TO_TIMESTAMP(`date`, 'yyyy/MM/dd HH:mm'),
  WATERMARK FOR departure AS departure - INTERVAL '1' DAY
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/flights',
  'format' = 'json'
);

CREATE TABLE airports (
  iata      STRING,
  name      STRING,
  city      STRING,
  state     STRING,
  country   STRING,
  latitude  DOUBLE,
  longitude DOUBLE
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/airports',
  'format' = 'csv'
);

CREATE TABLE weekly_delays (
  week      TIMESTAMP(3),
  state     STRING,
  airport   STRING,
  flights   BIGINT,
  late      BIGINT,
  delay_min BIGINT
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/weekly-delays',
  'format' = 'csv'
);

-- A row per airport and week (windows begin on Mondays: the epoch was a Thursday).
CREATE VIEW weekly AS
SELECT
  window_start,
  origin,
  COUNT(*) AS flights,
  COUNT(*) FILTER (WHERE delay > 15) AS late,
  SUM(CAST(delay AS BIGINT)) AS delay_min
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(departure), INTERVAL '7' DAY, INTERVAL '4' DAY))
GROUP BY window_start, window_end, origin;

CREATE VIEW weekly_by_airport AS
SELECT w.window_start AS week, a.state, w.origin AS airport, w.flights, w.late, w.delay_min
FROM weekly AS w
JOIN airports AS a ON w.origin = a.iata;

INSERT INTO weekly_delays
SELECT week, state, airport, flights, late, delay_min FROM weekly_by_airport;

-- The ten states with the highest share of late starts, as they change while weeks go by.
SELECT
  state,
  SUM(flights) AS flights,
  SUM(late) AS late,
  CAST(100.0 * SUM(late) / SUM(flights) AS DECIMAL(5, 1)) AS late_percent,
  SUM(delay_min) / SUM(flights) AS average_delay
FROM weekly_by_airport
GROUP BY state
HAVING SUM(flights) >= 200
ORDER BY late_percent DESC, state
LIMIT 10;

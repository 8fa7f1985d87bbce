/** 97 statements of Flink's SQL dialect and six wrong ones. */
const statements: [name: string, text: string][] = []
const add = (name: string, text: string): void => {
  statements.push([name, text])
}
add(
  'ddl-watermark',
  `CREATE TABLE bids (auction BIGINT, bidder BIGINT, price DECIMAL(10,2), ts TIMESTAMP(3), cost AS price * 0.9, pt AS PROCTIME(), part INT METADATA FROM 'partition' VIRTUAL, evt TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (auction) NOT ENFORCED) COMMENT 'all ''bids''' PARTITIONED BY (bidder) WITH ('connector'='kafka','topic'='b')`,
)
add(
  'ddl-nested',
  `CREATE TEMPORARY TABLE IF NOT EXISTS c.d.t (a ARRAY<ROW<x INT, y STRING NOT NULL>>, m MAP<STRING, MULTISET<INT>>, r ROW(\`k\` INT, v VARCHAR(10)), b VARBINARY(8), z TIMESTAMP(3) WITH LOCAL TIME ZONE) WITH ('connector'='datagen')`,
)
add(
  'ddl-like',
  `CREATE TABLE t2 (WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE) WITH ('x'='y') LIKE t1 (EXCLUDING ALL INCLUDING CONSTRAINTS OVERWRITING WATERMARKS)`,
)
add('ctas', `CREATE TABLE t3 WITH ('connector'='filesystem') AS SELECT a, COUNT(*) AS c FROM t1 GROUP BY a`)
add('ddl-distributed', `CREATE TABLE t4 (a INT, b STRING) DISTRIBUTED BY HASH(a) INTO 4 BUCKETS WITH ('connector'='x')`)
add('replace-ctas', `CREATE OR REPLACE TABLE t5 AS SELECT 1 AS a`)
add('create-view', `CREATE TEMPORARY VIEW IF NOT EXISTS v (a, b) COMMENT 'v' AS SELECT a, b FROM t`)
add('create-func', `CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS myf AS 'com.x.F' LANGUAGE JAVA USING JAR '/a/b.jar', JAR '/c.jar'`)
add('create-catalog', `CREATE CATALOG hive WITH ('type'='hive','hive-conf-dir'='/etc')`)
add('create-db', `CREATE DATABASE IF NOT EXISTS c.db COMMENT 'x' WITH ('a'='b')`)
add(
  'mat-table',
  `CREATE MATERIALIZED TABLE mt PARTITIONED BY (ds) WITH ('format'='json') FRESHNESS = INTERVAL '30' SECOND REFRESH_MODE = CONTINUOUS AS SELECT ds, COUNT(*) c FROM o GROUP BY ds`,
)
add('alter-add', `ALTER TABLE t ADD (c1 INT COMMENT 'x' FIRST, c2 STRING AFTER a, WATERMARK FOR ts AS ts)`)
add('alter-modify', `ALTER TABLE t MODIFY c1 DOUBLE`)
add('alter-set', `ALTER TABLE t SET ('a'='b')`)
add('alter-rename', `ALTER TABLE IF EXISTS a.b RENAME TO a.c`)
add('drop', `DROP TEMPORARY TABLE IF EXISTS a.b.c`)
add('drop-db', `DROP DATABASE IF EXISTS db CASCADE`)
add('insert-multi', `INSERT INTO sink (a, b) VALUES (1, 'x'), (2, U&'\\0041'), (CAST(NULL AS INT), 'it''s')`)
add('insert-overwrite', `INSERT OVERWRITE p PARTITION (ds='2020-01-01') SELECT a, b FROM t`)
add('stmt-set', `EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT * FROM x; INSERT INTO b SELECT * FROM y WHERE id > 3; END`)
add('begin-stmt-set', `BEGIN STATEMENT SET`)
add('explain', `EXPLAIN CHANGELOG_MODE, ESTIMATED_COST, JSON_EXECUTION_PLAN SELECT a FROM t`)
add('explain-plan', `EXPLAIN PLAN FOR INSERT INTO s SELECT * FROM t`)
add('show-tables', `SHOW TABLES FROM c.db LIKE 'a%'`)
add('show-create', `SHOW CREATE TABLE c.d.t`)
add('show-columns', `SHOW COLUMNS FROM t NOT LIKE '%x'`)
add('show-jobs', `SHOW JOBS`)
add('stop-job', `STOP JOB '228d70913eab60dda85c5e7f78b5782c' WITH SAVEPOINT WITH DRAIN`)
add('describe', `DESCRIBE EXTENDED t`)
add('set', `SET 'execution.runtime-mode' = 'streaming'`)
add('reset', `RESET 'a.b'`)
add('use', `USE CATALOG hive`)
add('use-modules', `USE MODULES hive, core`)
add('load-module', `LOAD MODULE hive WITH ('hive-version'='3.1.3')`)
add('add-jar', `ADD JAR '/x/y.jar'`)
add('truncate', `TRUNCATE TABLE t`)
add('delete', `DELETE FROM t WHERE a = 1`)
add('update', `UPDATE t SET a = a + 1, b = 'x' WHERE c IS NOT NULL`)
add('call', `CALL sys.generate_n(4, 'x')`)
add('analyze', `ANALYZE TABLE s PARTITION (y=2022) COMPUTE STATISTICS FOR COLUMNS a, b`)
add(
  'tumble',
  `SELECT window_start, window_end, SUM(price) FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '10' MINUTES)) GROUP BY window_start, window_end`,
)
add('tumble-named', `SELECT * FROM TABLE(TUMBLE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '10' MINUTES))`)
add(
  'hop',
  `SELECT window_start, COUNT(DISTINCT b) FILTER (WHERE p > 1) AS c FROM TABLE(HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES)) GROUP BY GROUPING SETS ((window_start, window_end, a), (window_start, window_end))`,
)
add(
  'cumulate',
  `SELECT window_start, window_end, SUM(p) FROM TABLE(CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '2' MINUTES, INTERVAL '1' HOUR)) GROUP BY CUBE(a, b), window_start, window_end`,
)
add(
  'session-tvf',
  `SELECT a, SUM(p) FROM TABLE(SESSION(TABLE bids PARTITION BY a, DESCRIPTOR(ts), INTERVAL '5' MINUTES)) GROUP BY a, window_start, window_end`,
)
add('legacy-group-window', `SELECT TUMBLE_START(ts, INTERVAL '1' DAY) AS s, SUM(a) FROM o GROUP BY TUMBLE(ts, INTERVAL '1' DAY), u`)
add(
  'over',
  `SELECT a, SUM(p) OVER w AS s, ROW_NUMBER() OVER (PARTITION BY a ORDER BY ts DESC) rn FROM t WINDOW w AS (PARTITION BY a ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW)`,
)
add('temporal-join', `SELECT o.id, o.price * r.rate FROM orders AS o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.cur = r.cur`)
add(
  'lookup-join',
  `SELECT /*+ LOOKUP('table'='c','async'='true'), BROADCAST(c) */ o.a, c.n FROM o JOIN c FOR SYSTEM_TIME AS OF o.proc AS c ON o.cid = c.id`,
)
add('hint-options', `SELECT * FROM t /*+ OPTIONS('scan.startup.mode'='earliest-offset') */ AS x`)
add('lateral', `SELECT id, w, l FROM t LEFT JOIN LATERAL TABLE(split(c)) AS T(w, l) ON TRUE`)
add('lateral2', `SELECT id, w FROM t, LATERAL TABLE(split(c)) AS T(w)`)
add('unnest', `SELECT o.id, t.x FROM orders AS o CROSS JOIN UNNEST(o.items) WITH ORDINALITY AS t (x, ord)`)
add(
  'match',
  `SELECT * FROM Ticker MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY rowtime MEASURES START_ROW.rowtime AS s, LAST(PRICE_DOWN.rowtime) AS b, AVG(A.price) AS ap ONE ROW PER MATCH AFTER MATCH SKIP TO LAST PRICE_UP PATTERN (START_ROW PRICE_DOWN+ PRICE_UP{2,4}? X*?) WITHIN INTERVAL '1' HOUR DEFINE PRICE_DOWN AS (LAST(PRICE_DOWN.price, 1) IS NULL AND PRICE_DOWN.price < START_ROW.price) OR PRICE_DOWN.price < LAST(PRICE_DOWN.price, 1), PRICE_UP AS PRICE_UP.price > LAST(PRICE_DOWN.price, 1)) MR`,
)
add('cte', `WITH x AS (SELECT a FROM t), y(b) AS (SELECT a+1 FROM x) SELECT * FROM x JOIN y ON x.a = y.b`)
add('topn', `SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY c ORDER BY s DESC) AS rn FROM p) WHERE rn <= 5`)
add('set-ops', `(SELECT a FROM x UNION ALL SELECT b FROM y) EXCEPT SELECT c FROM z INTERSECT SELECT d FROM w`)
add(
  'in-exists',
  `SELECT * FROM a WHERE x IN (SELECT y FROM b) AND NOT EXISTS (SELECT 1 FROM c WHERE c.k = a.k) AND z NOT BETWEEN SYMMETRIC 1 AND 2 AND s SIMILAR TO 'a%' ESCAPE '!'`,
)
add(
  'case-cast',
  `SELECT CASE a WHEN 1 THEN 'x' ELSE NULL END, TRY_CAST(b AS DECIMAL(10, 2)), ts AT TIME ZONE 'UTC', EXTRACT(YEAR FROM d), TRIM(BOTH ' ' FROM s), SUBSTRING(s FROM 2 FOR 3), POSITION('a' IN s), CEIL(t TO DAY), FLOOR(t TO HOUR), a IS DISTINCT FROM b, DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00', TIME '10:00:00', X'1F', 1.5E3 FROM t`,
)
add(
  'constructors',
  `SELECT ROW(1, 'a'), ARRAY[1, 2], MAP['k', 1], m['k'], arr[1], r.f.g, (r).f, CAST(ROW(1, 'x') AS ROW<a INT, b STRING>), JSON_VALUE(j, '$.a' RETURNING INT DEFAULT 0 ON EMPTY ERROR ON ERROR), JSON_OBJECT(KEY 'a' VALUE 1 NULL ON NULL), LISTAGG(DISTINCT s, ','), j IS JSON OBJECT FROM t`,
)
add('values', `SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t (id, name) ORDER BY id DESC NULLS LAST LIMIT 10 OFFSET 2 ROWS`)
add('fetch', `SELECT a FROM t ORDER BY a OFFSET 1 ROW FETCH NEXT 5 ROWS ONLY`)
add('comments', `-- a line; comment\nSELECT /* block\n; */ a, -- trailing\n 'multi\nline ; string' FROM \`my table\`.\`x\`\`y\``)
add('interval-join', `SELECT * FROM o JOIN s ON o.id = s.oid AND s.ts BETWEEN o.ts AND o.ts + INTERVAL '4' HOUR`)
add('rollup', `SELECT a, b, GROUPING(a), SUM(c) FROM t GROUP BY ROLLUP (a, b) HAVING SUM(c) > 10`)
add('state-ttl-hint', `SELECT /*+ STATE_TTL('o'='1d', 'c'='12h') */ * FROM o JOIN c ON o.a = c.a`)
add(
  'interval-ym',
  `SELECT INTERVAL '10-2' YEAR TO MONTH, INTERVAL '1 10:00:00.5' DAY TO SECOND(3), TIMESTAMPADD(DAY, 1, d), TIMESTAMPDIFF(SECOND, a, b)`,
)
add('semi-lateral-agg', `SELECT a, t.s FROM x, LATERAL (SELECT SUM(b) AS s FROM y WHERE y.k = x.k) t`)
add('tablesample-colon', `SELECT COUNT(*) AS \`count\`, SUM(a) AS total FROM t TABLESAMPLE BERNOULLI(10)`)
add('insert-partial-set', `COMPILE AND EXECUTE PLAN '/p.json' FOR STATEMENT SET BEGIN INSERT INTO a SELECT 1; END`)
add('create-model', `CREATE MODEL m INPUT (x STRING) OUTPUT (y STRING) WITH ('provider'='openai')`)
add('ml-predict', `SELECT * FROM ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(x))`)
// Nexmark
add(
  'nexmark-ddl',
  `CREATE TABLE nexmark (event_type int, person ROW<id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR, state VARCHAR, \`dateTime\` TIMESTAMP(3), extra VARCHAR>, auction ROW<id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT, \`dateTime\` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra VARCHAR>, bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, \`dateTime\` TIMESTAMP(3), extra VARCHAR>, \`dateTime\` AS CASE WHEN event_type = 0 THEN person.\`dateTime\` WHEN event_type = 1 THEN auction.\`dateTime\` ELSE bid.\`dateTime\` END, WATERMARK FOR \`dateTime\` AS \`dateTime\` - INTERVAL '4' SECOND) WITH ('connector' = 'nexmark')`,
)
add(
  'q-view',
  `CREATE VIEW bid AS SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, \`dateTime\`, bid.extra FROM nexmark WHERE event_type = 2`,
)
add('q0', `INSERT INTO s SELECT auction, bidder, price, \`dateTime\`, extra FROM bid`)
add('q1', `INSERT INTO s SELECT auction, bidder, 0.908 * price as price, \`dateTime\`, extra FROM bid`)
add('q2', `INSERT INTO s SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0`)
add(
  'q3',
  `INSERT INTO s SELECT P.name, P.city, P.state, A.id FROM auction AS A INNER JOIN person AS P on A.seller = P.id WHERE A.category = 10 and (P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA')`,
)
add(
  'q4',
  `INSERT INTO s SELECT Q.category, AVG(Q.final) FROM (SELECT MAX(B.price) AS final, A.category FROM auction A, bid B WHERE A.id = B.auction AND B.\`dateTime\` BETWEEN A.\`dateTime\` AND A.expires GROUP BY A.id, A.category) Q GROUP BY Q.category`,
)
add(
  'q5',
  `INSERT INTO s SELECT AuctionBids.auction, AuctionBids.num FROM (SELECT auction, count(*) AS num, window_start AS starttime, window_end AS endtime FROM TABLE(HOP(TABLE bid, DESCRIPTOR(\`dateTime\`), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end) AS AuctionBids JOIN (SELECT max(CountBids.num) AS maxn, CountBids.starttime, CountBids.endtime FROM (SELECT count(*) AS num, window_start AS starttime, window_end AS endtime FROM TABLE(HOP(TABLE bid, DESCRIPTOR(\`dateTime\`), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end) AS CountBids GROUP BY CountBids.starttime, CountBids.endtime) AS MaxBids ON AuctionBids.starttime = MaxBids.starttime AND AuctionBids.endtime = MaxBids.endtime AND AuctionBids.num >= MaxBids.maxn`,
)
add(
  'q6',
  `INSERT INTO s SELECT Q.seller, AVG(Q.final) OVER (PARTITION BY Q.seller ORDER BY Q.\`dateTime\` ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) FROM (SELECT MAX(B.price) AS final, A.seller, B.\`dateTime\` FROM auction AS A, bid AS B WHERE A.id = B.auction and B.\`dateTime\` between A.\`dateTime\` and A.expires GROUP BY A.id, A.seller) AS Q`,
)
add(
  'q7',
  `INSERT INTO s SELECT B.auction, B.price, B.bidder, B.\`dateTime\`, B.extra from bid B JOIN (SELECT MAX(price) AS maxprice, window_end as \`dateTime\` FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(\`dateTime\`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end) B1 ON B.price = B1.maxprice WHERE B.\`dateTime\` BETWEEN B1.\`dateTime\` - INTERVAL '10' SECOND AND B1.\`dateTime\``,
)
add(
  'q8',
  `INSERT INTO s SELECT P.id, P.name, P.starttime FROM (SELECT id, name, window_start AS starttime, window_end AS endtime FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(\`dateTime\`), INTERVAL '10' SECOND)) GROUP BY id, name, window_start, window_end) P JOIN (SELECT seller, window_start AS starttime, window_end AS endtime FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(\`dateTime\`), INTERVAL '10' SECOND)) GROUP BY seller, window_start, window_end) A ON P.id = A.seller AND P.starttime = A.starttime AND P.endtime = A.endtime`,
)
add(
  'q9',
  `INSERT INTO s SELECT id, itemName, description, initialBid, reserve, \`dateTime\`, expires, seller, category, extra, auction, bidder, price, bid_dateTime, bid_extra FROM (SELECT A.*, B.auction, B.bidder, B.price, B.\`dateTime\` AS bid_dateTime, B.extra AS bid_extra, ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.\`dateTime\` ASC) AS rownum FROM auction A, bid B WHERE A.id = B.auction AND B.\`dateTime\` BETWEEN A.\`dateTime\` AND A.expires) WHERE rownum <= 1`,
)
add(
  'q10',
  `INSERT INTO s SELECT auction, bidder, price, \`dateTime\`, extra, DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd'), DATE_FORMAT(\`dateTime\`, 'HH:mm') FROM bid`,
)
add(
  'q11',
  `INSERT INTO s SELECT B.bidder, count(*) as bid_count, SESSION_START(B.\`dateTime\`, INTERVAL '10' SECOND) as starttime, SESSION_END(B.\`dateTime\`, INTERVAL '10' SECOND) as endtime FROM bid B GROUP BY B.bidder, SESSION(B.\`dateTime\`, INTERVAL '10' SECOND)`,
)
add(
  'q12',
  `INSERT INTO s SELECT bidder, count(*) as bid_count, window_start AS starttime, window_end AS endtime FROM TABLE(TUMBLE(TABLE B, DESCRIPTOR(p_time), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end`,
)
add(
  'q13',
  `INSERT INTO s SELECT B.auction, B.bidder, B.price, B.\`dateTime\`, S.\`value\` FROM (SELECT *, PROCTIME() as p_time FROM bid) B JOIN side_input FOR SYSTEM_TIME AS OF B.p_time AS S ON mod(B.auction, 10000) = S.key`,
)
add(
  'q14',
  `INSERT INTO s SELECT auction, bidder, 0.908 * price as price, CASE WHEN HOUR(\`dateTime\`) >= 8 AND HOUR(\`dateTime\`) <= 18 THEN 'dayTime' WHEN HOUR(\`dateTime\`) <= 6 OR HOUR(\`dateTime\`) >= 20 THEN 'nightTime' ELSE 'otherTime' END AS bidTimeType, \`dateTime\`, extra, count_char(extra, 'c') AS c_counts FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000`,
)
add(
  'q15',
  `INSERT INTO s SELECT DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd') as \`day\`, count(*) AS total_bids, count(*) filter (where price < 10000) AS rank1_bids, count(distinct bidder) filter (where price >= 10000 and price < 1000000) AS r2 FROM bid GROUP BY DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd')`,
)
add(
  'q16',
  `INSERT INTO s SELECT channel, DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd') as \`day\`, max(DATE_FORMAT(\`dateTime\`, 'HH:mm')) as \`minute\`, count(*) AS total_bids, count(distinct auction) filter (where price >= 1000000) AS r FROM bid GROUP BY channel, DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd')`,
)
add(
  'q17',
  `INSERT INTO s SELECT auction, DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd') as \`day\`, count(*) AS total_bids, min(price) AS min_price, avg(price) AS avg_price, sum(price) AS sum_price FROM bid GROUP BY auction, DATE_FORMAT(\`dateTime\`, 'yyyy-MM-dd')`,
)
add(
  'q18',
  `INSERT INTO s SELECT auction, bidder, price, channel, url, \`dateTime\`, extra FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY \`dateTime\` DESC) AS rank_number FROM bid) WHERE rank_number <= 1`,
)
add(
  'q19',
  `INSERT INTO s SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rank_number FROM bid) WHERE rank_number <= 10`,
)
add(
  'q20',
  `INSERT INTO s SELECT auction, bidder, price, channel, url, B.\`dateTime\`, B.extra, itemName, description, initialBid, reserve, A.\`dateTime\`, expires, seller, category, A.extra FROM bid AS B INNER JOIN auction AS A on B.auction = A.id WHERE A.category = 10`,
)
add(
  'q21',
  `INSERT INTO s SELECT auction, bidder, price, channel, CASE WHEN lower(channel) = 'apple' THEN '0' WHEN lower(channel) = 'google' THEN '1' ELSE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) END AS channel_id FROM bid where REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) is not null or lower(channel) in ('apple', 'google', 'facebook', 'baidu')`,
)
add(
  'q22',
  `INSERT INTO s SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3) as dir1, SPLIT_INDEX(url, '/', 4) as dir2, SPLIT_INDEX(url, '/', 5) as dir3 FROM bid`,
)
export const STATEMENTS: readonly (readonly [name: string, text: string])[] = statements
export const WRONG: readonly string[] = [
  'SELECT a,, b FROM t',
  'SELECT a FROM t WHER b = 1 AND',
  "CREATE TABLE t (a INTT, b STRING) WITH ('x'=)",
  'SELECT * FROM TABLE(TUMBLE(TABLE b, DESCRIPTOR(ts) INTERVAL 1 MINUTE))',
  "SELECT 'abc FROM t",
  'INSERT sink SELECT 1',
]

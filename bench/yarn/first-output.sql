-- The smallest useful job: one file of HDFS in, one file out. bench-yarn times it from the command on.
SET 'execution.runtime-mode' = 'batch';
CREATE TABLE flights (`date` STRING, delay INT, distance INT, origin STRING, destination STRING)
WITH ('connector' = 'filesystem', 'path' = 'bench/in', 'format' = 'json');
CREATE TABLE counts (origin STRING, flights BIGINT)
WITH ('connector' = 'filesystem', 'path' = 'bench/out', 'format' = 'csv');
INSERT INTO counts SELECT origin, COUNT(*) FROM flights GROUP BY origin;

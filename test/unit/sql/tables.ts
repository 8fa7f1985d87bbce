/** Tables that the tests of planner and validator read and write. */
export const TABLES = `
CREATE TABLE bids (auction BIGINT NOT NULL, bidder BIGINT, price DECIMAL(10, 2), channel STRING, ts TIMESTAMP(3),
  cost AS price * 0.9, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'datagen');
CREATE TABLE people (id BIGINT, name STRING, born DATE, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = '/people', 'format' = 'csv');
CREATE TABLE clicks (who INT, at_ TIMESTAMP_LTZ(3), WATERMARK FOR at_ AS at_) WITH ('connector' = 'datagen');
CREATE TABLE files (a BIGINT, b STRING) WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'csv');
CREATE TABLE lines (a BIGINT, b STRING NOT NULL) WITH ('connector' = 'print');
CREATE VIEW dear AS SELECT auction, price FROM bids WHERE price > 100;
`

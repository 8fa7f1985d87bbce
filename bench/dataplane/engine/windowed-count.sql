-- rows: 30000000, aim: 2000000
-- Windows of a million rows over 100 000 keys; the timestamps are made of the sequence.
SET 'table.dml-sync' = 'true';
CREATE TABLE bids (
  auction BIGINT,
  seq BIGINT,
  made AS TO_TIMESTAMP_LTZ(seq, 3),
  WATERMARK FOR made AS made
) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '30000000',
  'fields.auction.min' = '0', 'fields.auction.max' = '99999',
  'fields.seq.kind' = 'sequence', 'fields.seq.start' = '0', 'fields.seq.end' = '29999999'
);
CREATE TABLE nowhere (window_start TIMESTAMP(3), auction BIGINT, bids BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere
SELECT window_start, auction, COUNT(*)
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(made), INTERVAL '1000' SECOND))
GROUP BY window_start, window_end, auction;

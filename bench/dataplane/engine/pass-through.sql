-- rows: 30000000, aim: 3000000
SET 'table.dml-sync' = 'true';
CREATE TABLE bids (auction BIGINT, bidder BIGINT, price DOUBLE, seq BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '30000000',
  'fields.auction.min' = '0', 'fields.auction.max' = '99999',
  'fields.bidder.min' = '0', 'fields.bidder.max' = '9999',
  'fields.price.min' = '0', 'fields.price.max' = '1000',
  'fields.seq.kind' = 'sequence', 'fields.seq.start' = '0', 'fields.seq.end' = '29999999'
);
CREATE TABLE nowhere (auction BIGINT, bidder BIGINT, price DOUBLE, seq BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT auction, bidder, price, seq FROM bids;

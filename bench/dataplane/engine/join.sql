-- rows: 8000000, aim: 500000
-- Both sides are kept for ever: 4 million rows each over 4 million keys.
SET 'table.dml-sync' = 'true';
CREATE TABLE orders (id BIGINT, amount DOUBLE) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '4000000',
  'fields.id.min' = '0', 'fields.id.max' = '3999999', 'fields.amount.min' = '0', 'fields.amount.max' = '1000'
);
CREATE TABLE payments (id BIGINT, means BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '4000000',
  'fields.id.min' = '0', 'fields.id.max' = '3999999', 'fields.means.min' = '0', 'fields.means.max' = '9'
);
CREATE TABLE nowhere (id BIGINT, amount DOUBLE, means BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT o.id, o.amount, p.means FROM orders o JOIN payments p ON o.id = p.id;

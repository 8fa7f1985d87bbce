-- A row every few milliseconds, through a hash exchange to the printed line. The source stamps each with the clock.
SET 'table.dml-sync' = 'true';
SET 'execution.buffer-timeout.interval' = '0';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE ticks (id BIGINT, made TIMESTAMP_LTZ(3)) WITH (
  'connector' = 'datagen', 'rows-per-second' = '40', 'number-of-rows' = '400', 'scan.parallelism' = '1',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '399'
);
CREATE TABLE lines (id BIGINT, made TIMESTAMP_LTZ(3)) WITH ('connector' = 'print');
INSERT INTO lines SELECT id, MAX(made) FROM ticks GROUP BY id;

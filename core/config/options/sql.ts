import { boolean, duration, integer, oneOf, option, string } from '../option.js'

export const LOCAL_TIME_ZONE = option('table.local-time-zone', string(), {
  default: 'default',
  description: 'Session time zone of TIMESTAMP_LTZ (an IANA name or offset); default: that of the process.',
})
export const DML_SYNC = option('table.dml-sync', boolean(), {
  default: 'false',
  description: 'An INSERT ends when its job has ended, before the next statement begins.',
})
export const SOURCE_IDLE_TIMEOUT = option('table.exec.source.idle-timeout', duration(), {
  default: '0 ms',
  description: 'An input that is silent so long no longer holds back watermarks; 0: never.',
})
export const STATE_TTL = option('table.exec.state.ttl', duration(), {
  default: '0 ms',
  description:
    'In streams without windows a group of GROUP BY and SELECT DISTINCT, and a row that a regular join keeps, is forgotten when it was not written for so long by processing time; 0: never. Other operators keep their state (limits.md).',
})
export const NOT_NULL_ENFORCER = option('table.exec.sink.not-null-enforcer', oneOf('ERROR', 'DROP'), {
  default: 'ERROR',
  description: 'What happens to a row with NULL for a NOT NULL column of the sink.',
})
export const TYPE_LENGTH_ENFORCER = option('table.exec.sink.type-length-enforcer', oneOf('IGNORE', 'TRIM_PAD', 'ERROR'), {
  default: 'IGNORE',
  description: 'What happens to texts and bytes that are not as long as CHAR, VARCHAR, BINARY and VARBINARY columns of the sink say.',
})
export const NESTED_ENFORCER = option('table.exec.sink.nested-constraint-enforcer', oneOf('IGNORE', 'ROWS', 'ROWS_AND_COLLECTIONS'), {
  default: 'IGNORE',
  description: 'Where NOT NULL and lengths of types inside other types are enforced: nowhere, in rows, or in arrays and maps, too.',
})
export const SQL_DIALECT = option('table.sql-dialect', oneOf('DEFAULT'), {
  default: 'DEFAULT',
  description: 'The dialect of statements: there is one.',
})
export const SQL_PARALLELISM = option('table.exec.resource.default-parallelism', integer(-1, 32768), {
  default: '-1',
  description: 'Parallelism of SQL operators; -1: parallelism.default.',
})
export const MAX_COLUMN_WIDTH = option('table.display.max-column-width', integer(1), {
  default: '30',
  description: 'Column width at which the client cuts values.',
})
export const NON_TEMPORAL_SORT = option('__table.exec.sort.non-temporal.enabled__', boolean(), {
  default: 'false',
  description: 'A stream may be sorted by other columns than its time: all its rows come out when it ends.',
})
export const MINI_BATCH_ENABLED = option('table.exec.mini-batch.enabled', boolean(), {
  default: 'false',
  description:
    'GROUP BY emits what a batch of input (up to 1024 rows, none waits) has changed of a group as one change, not as one for each row. allow-latency and size have no effect.',
})

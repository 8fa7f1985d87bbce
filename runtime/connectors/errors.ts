/** What can be wrong with a table's options, and with its data while it runs. */
import { defineError } from '#core/errors/define-error.js'

export const ConnectorMissing = defineError('TABLE_CONNECTOR_MISSING', {
  recovery: 'none',
  message: (d: { connectors: string }) =>
    `Table options do not contain an option key 'connector' for discovering a connector. Add 'connector' = '…' to the WITH clause; there are ${d.connectors}.`,
})
export const UnknownConnector = defineError('TABLE_CONNECTOR_UNKNOWN', {
  recovery: 'none',
  message: (d: { connector: string; nearest: string | null; connectors: string }) =>
    `There is no connector '${d.connector}'.${d.nearest === null ? '' : ` Did you mean '${d.nearest}'?`} There are ${d.connectors}.`,
})
export const ConnectorCannot = defineError('TABLE_CONNECTOR_UNSUITABLE', {
  recovery: 'none',
  message: (d: { connector: string; use: 'source' | 'sink' }) =>
    `Connector '${d.connector}' can only be used as a ${d.use === 'source' ? 'sink: such a table cannot be read' : 'source: such a table cannot be written'}.`,
})
export const UnknownTableOption = defineError('TABLE_OPTION_UNKNOWN', {
  recovery: 'none',
  message: (d: { connector: string; unsupported: string; nearest: string | null; supported: string }) =>
    `Unsupported options found for connector '${d.connector}': ${d.unsupported}.` +
    `${d.nearest === null ? '' : ` Did you mean '${d.nearest}'?`} Supported are: ${d.supported}.`,
})
export const MissingTableOption = defineError('TABLE_OPTION_MISSING', {
  recovery: 'none',
  message: (d: { connector: string; key: string; description: string }) =>
    `One or more required options are missing for connector '${d.connector}': '${d.key}' (${d.description})`,
})
export const InvalidTableOption = defineError('TABLE_OPTION_INVALID', {
  recovery: 'none',
  message: (d: { connector: string; key: string; problem: string }) => `Option '${d.key}' of connector '${d.connector}' ${d.problem}.`,
})
export const InvalidTable = defineError('TABLE_OPTIONS_CONFLICT', {
  recovery: 'none',
  message: (d: { connector: string; problem: string }) => `The options of connector '${d.connector}' do not fit: ${d.problem}.`,
})

export const SplitsUnknown = defineError('SOURCE_SPLITS_UNKNOWN', {
  recovery: 'retry-here',
  message: (d: { path: string; table: string }) =>
    `Readers of table '${d.table}' hold parts of ${d.path} that are none of its parts: they begin again from the newest checkpoint`,
})
export const SourcePathNotFound = defineError('SOURCE_PATH_NOT_FOUND', {
  recovery: 'none',
  message: (d: { path: string; table: string }) =>
    `The input path ${d.path} of table '${d.table}' does not exist. Check the table's 'path'; a path without a scheme lies in the default file system (fs.default-scheme).`,
})
export const MalformedRow = defineError('FORMAT_MALFORMED_ROW', {
  recovery: 'none',
  message: (d: {
    problem: string
    format: string
    table: string
    file: string
    line: number | null
    offset: number
    column: number
    field: string | null
    fieldNumber: number | null
    text: string
  }) =>
    `Malformed ${d.format} row in table '${d.table}': ${d.problem}\n` +
    `  at ${d.file}, ${d.line === null ? `in the part that begins at byte ${d.offset}` : `line ${d.line}`}, column ${d.column}` +
    `${d.field === null ? '' : ` (${d.fieldNumber === null ? 'field' : `field ${d.fieldNumber},`} '${d.field}')`}\n` +
    `  row: ${d.text}\n` +
    `  Mend the file, or set '${d.format}.ignore-parse-errors' = 'true' to skip what cannot be read.`,
})
export const SinkPathUnusable = defineError('SINK_PATH_UNUSABLE', {
  recovery: 'none',
  message: (d: { path: string; table: string; problem: string }) => `Table '${d.table}' cannot be written to ${d.path}: ${d.problem}`,
})
export const CommitFailed = defineError('SINK_COMMIT_FAILED', {
  recovery: 'fail-job',
  message: (d: { file: string; problem: string }) => `The result file ${d.file} cannot be made visible: ${d.problem}`,
})
export const NotNullViolated = defineError('SINK_NOT_NULL', {
  recovery: 'none',
  message: (d: { column: string; table: string }) =>
    `Column '${d.column}' is NOT NULL, however, a null value is being written into it. You can set job configuration ` +
    `'table.exec.sink.not-null-enforcer'='DROP' to suppress this exception and drop such records silently. (Table '${d.table}'.)`,
})
export const ValueLengthWrong = defineError('SINK_VALUE_LENGTH', {
  recovery: 'none',
  message: (d: { column: string; type: string; length: number }) =>
    `Column '${d.column}' is ${d.type}, however, a string of length ${d.length} is being written into it. ` +
    `You can set job configuration 'table.exec.sink.type-length-enforcer' to control this behaviour`,
})
export const ConstraintUnsupported = defineError('SINK_CONSTRAINT_UNSUPPORTED', {
  recovery: 'none',
  message: (d: { problem: string; table: string; column: string }) => `${d.problem} (Column '${d.column}' of table '${d.table}'.)`,
})
export const SinkTakesInsertsOnly = defineError('SINK_TAKES_INSERTS_ONLY', {
  recovery: 'none',
  message: (d: { table: string; connector: string; kind: string }) =>
    `Table '${d.table}' (connector '${d.connector}') takes +I rows only, but was given a ${d.kind} row.`,
})

/** What can go wrong on the way from one task to another. */
import { defineError } from '#core/errors/define-error.js'

export const DataConnectionLost = defineError('NETWORK_CONNECTION_LOST', {
  recovery: 'retry-elsewhere',
  message: (d: { peer: string; reason: string | null }) =>
    `The data connection to ${d.peer} broke${d.reason === null ? '' : `: ${d.reason}`}. Its TaskManager is probably lost.`,
})

export const DataConnectFailed = defineError('NETWORK_CONNECT_FAILED', {
  recovery: 'retry-elsewhere',
  message: (d: { peer: string; reason: string }) => `Cannot open a data connection to ${d.peer}: ${d.reason}`,
})

export const PartitionNotFound = defineError('NETWORK_PARTITION_NOT_FOUND', {
  recovery: 'retry-elsewhere',
  message: (d: { producer: string; edge: string; where: string; timeoutMs: number }) =>
    `Task ${d.producer} at ${d.where} did not offer its result for edge ${d.edge} within ${d.timeoutMs} ms`,
})

export const ProtocolViolation = defineError('NETWORK_PROTOCOL_VIOLATION', {
  recovery: 'retry-elsewhere',
  message: (d: { peer: string; problem: string }) => `Bad data frame from ${d.peer}: ${d.problem}`,
})

export const RowTooLarge = defineError('NETWORK_ROW_TOO_LARGE', {
  recovery: 'fail-job',
  message: (d: { bytes: number; limit: number }) =>
    `A row of ${d.bytes} bytes cannot be sent to another TaskManager: the limit is ${d.limit} bytes. Drop or shorten its largest column before the exchange.`,
})

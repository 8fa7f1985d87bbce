/**
 * YARN's identifiers and their texts. In the product an id is its text; the records are made from it when it goes on the wire.
 *
 *   application_<cluster timestamp>_<id, 4+ digits>
 *   appattempt_<cluster timestamp>_<id, 4+>_<attempt, 6+>
 *   container_<cluster timestamp>_<id, 4+>_<attempt, 2+>_<number, 6+>            RM epoch 0
 *   container_e<epoch, 2+>_<cluster timestamp>_<id, 4+>_<attempt, 2+>_<number, 6+>
 *
 * The low 40 bits of a container's id are its number, the rest is the epoch, which grows with each restart of the RM. The attempt
 * in a container id is the one it was allocated to, not the current one. After Java's ContainerId.toString and fromString.
 */
import { defineError } from '#core/errors/define-error.js'
import type { ApplicationAttemptId, ApplicationId, ContainerId, NodeId } from '../proto/yarn-records.js'

export const MalformedIdentifier = defineError('YARN_MALFORMED_IDENTIFIER', {
  recovery: 'none',
  message: (c: { text: string; expected: string }) => `'${c.text}' is not a YARN ${c.expected}`,
})

/** A NodeManager: host and port of its RPC endpoint. */
export type NodeAddress = { readonly host: string; readonly port: number }

const NUMBER_BITS = 40n
const MAX_INT32 = 2n ** 31n - 1n
const MAX_INT64 = 2n ** 63n - 1n

export function formatApplicationId(id: ApplicationId): string {
  return `application_${id.clusterTimestamp}_${pad(id.id, 4)}`
}

export function formatApplicationAttemptId(id: ApplicationAttemptId): string {
  return `appattempt_${id.applicationId.clusterTimestamp}_${pad(id.applicationId.id, 4)}_${pad(id.attemptId, 6)}`
}

export function formatContainerId(id: ContainerId): string {
  const { applicationId, attemptId } = id.appAttemptId
  const raw = BigInt.asUintN(64, id.id)
  const epoch = raw >> NUMBER_BITS
  const number = raw & ((1n << NUMBER_BITS) - 1n)
  const prefix = epoch > 0n ? `container_e${pad(epoch, 2)}` : 'container'
  return `${prefix}_${applicationId.clusterTimestamp}_${pad(applicationId.id, 4)}_${pad(attemptId, 2)}_${pad(number, 6)}`
}

/** Text of a NodeId: key of NM tokens. */
export function formatNode(node: NodeAddress): string {
  return `${node.host}:${node.port}`
}

/** @throws YARN_MALFORMED_IDENTIFIER, as the other parsers here */
export function parseApplicationId(text: string): ApplicationId {
  const parts = /^application_(\d{1,19})_(\d{1,10})$/.exec(text)
  if (parts === null) throw new MalformedIdentifier({ text, expected: 'application id (application_<timestamp>_<number>)' })
  return { clusterTimestamp: bounded(parts[1], MAX_INT64, text), id: Number(bounded(parts[2], MAX_INT32, text)) }
}

export function parseApplicationAttemptId(text: string): ApplicationAttemptId {
  const parts = /^appattempt_(\d{1,19})_(\d{1,10})_(\d{1,10})$/.exec(text)
  if (parts === null)
    throw new MalformedIdentifier({ text, expected: 'application attempt id (appattempt_<timestamp>_<number>_<attempt>)' })
  return {
    applicationId: { clusterTimestamp: bounded(parts[1], MAX_INT64, text), id: Number(bounded(parts[2], MAX_INT32, text)) },
    attemptId: Number(bounded(parts[3], MAX_INT32, text)),
  }
}

export function parseContainerId(text: string): ContainerId {
  const parts = /^container_(?:e(\d{1,8})_)?(\d{1,19})_(\d{1,10})_(\d{1,10})_(\d{1,13})$/.exec(text)
  if (parts === null)
    throw new MalformedIdentifier({ text, expected: 'container id (container_[e<epoch>_]<timestamp>_<application>_<attempt>_<number>)' })
  const epoch = bounded(parts[1] ?? '0', (1n << 23n) - 1n, text)
  const number = bounded(parts[5], (1n << NUMBER_BITS) - 1n, text)
  return {
    appAttemptId: {
      applicationId: { clusterTimestamp: bounded(parts[2], MAX_INT64, text), id: Number(bounded(parts[3], MAX_INT32, text)) },
      attemptId: Number(bounded(parts[4], MAX_INT32, text)),
    },
    id: (epoch << NUMBER_BITS) | number,
  }
}

/** The application that a container belongs to. */
export function applicationOfContainer(containerId: string): string {
  return formatApplicationId(parseContainerId(containerId).appAttemptId.applicationId)
}

export function nodeAddress(node: NodeId): NodeAddress {
  return { host: node.host, port: node.port }
}

function pad(value: number | bigint, digits: number): string {
  return String(value).padStart(digits, '0')
}

function bounded(digits: string | undefined, maximum: bigint, text: string): bigint {
  const value = BigInt(digits ?? '0')
  if (value > maximum) throw new MalformedIdentifier({ text, expected: `identifier: ${digits} is too large` })
  return value
}

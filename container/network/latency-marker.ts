/**
 * Latency markers: a source sends one into each of its outputs every `metrics.latency.interval`. They go with the rows, through buffers
 * and queues and never past them, so how old they are at an operator is how long a row takes to it. They are no part of a checkpoint.
 *
 * On the wire, payload of a LATENCY frame:
 *
 *    0            8             24          28
 *   +------------+-------------+-----------+
 *   | marked at  | operator id | subtask   |
 *   +------------+-------------+-----------+
 *    float64 BE   16 bytes      u32 BE
 */
import type { OperatorId } from '#core/ids/ids.js'
import { ProtocolViolation } from './errors.js'

export interface LatencyMarker {
  /** When the source sent it, ms since the epoch. */
  readonly markedTime: number
  /** The source. */
  readonly operatorId: OperatorId
  readonly subtaskIndex: number
}

/** Markers that may wait in one place of a channel: of a consumer that stands still the newest are dropped. */
export const MAX_WAITING_MARKERS = 256

const MARKER_BYTES = 28

export function encodeLatencyMarker({ markedTime, operatorId, subtaskIndex }: LatencyMarker): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(MARKER_BYTES)
  const view = new DataView(payload.buffer)
  view.setFloat64(0, markedTime)
  payload.set(Buffer.from(operatorId, 'hex').subarray(0, 16), 8)
  view.setUint32(24, subtaskIndex)
  return payload
}

/** @throws NETWORK_PROTOCOL_VIOLATION */
export function decodeLatencyMarker(payload: Uint8Array, peer: string): LatencyMarker {
  const problem = (text: string) => new ProtocolViolation({ peer, problem: `a latency marker ${text}` })
  if (payload.length !== MARKER_BYTES) throw problem(`of ${payload.length} bytes`)
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const markedTime = view.getFloat64(0)
  if (!Number.isFinite(markedTime)) throw problem('without a time')
  const operatorId = Buffer.from(payload.buffer, payload.byteOffset + 8, 16).toString('hex') as OperatorId
  return { markedTime, operatorId, subtaskIndex: view.getUint32(24) }
}

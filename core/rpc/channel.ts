/**
 * An ordered, reliable, message-wise connection between two endpoints: within a thread (channel-pair.ts), or a TLS socket between
 * processes (tls-channel.ts). Messages are plain JSON values.
 */
import { defineError } from '../errors/define-error.js'

export const ConnectFailed = defineError('RPC_CONNECT_FAILED', {
  recovery: 'retry-elsewhere',
  message: (d: { address: string; reason: string }) => `Cannot connect to ${d.address}: ${d.reason}`,
})

export interface Channel {
  send(message: unknown): void
  /** One listener; messages that came before it was set are kept for it. */
  onMessage(listener: (message: unknown) => void): void
  /** Called once when the channel is gone, with the reason when there is one. Later sends are dropped. */
  onClose(listener: (reason?: Error) => void): void
  close(): void
  /** Who is at the other end, for people. */
  readonly peer: string
}

/**
 * Bytes that only one process can read, which has told its public key: X25519 with a key made for this one message, HKDF-SHA-256, AES-256-GCM.
 *
 *   sender's public key (32) | nonce (12) | tag (16) | sealed bytes
 *
 * For secrets on their way through somebody who may see all that passes (YARN's proxy, its logs) and has proven who he is by other means.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = KEY_BYTES + NONCE_BYTES + TAG_BYTES

export interface BoxOwner {
  /** 32 bytes. */
  readonly publicKey: Buffer
  /** @throws Error: it was not sealed for this key and purpose, or was changed */
  open(sealed: Uint8Array): Buffer
}

/** `purpose`: what is sealed for one is not opened for another. */
export function boxOwner(purpose: string): BoxOwner {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const own = rawKey(publicKey)
  return {
    publicKey: own,
    open(sealed) {
      if (sealed.length < HEAD_BYTES) throw new Error(`a sealed message of ${sealed.length} bytes is cut off`)
      const bytes = Buffer.from(sealed)
      const sender = bytes.subarray(0, KEY_BYTES)
      const shared = diffieHellman({ privateKey, publicKey: keyOf(sender) })
      const cipher = createDecipheriv(
        'aes-256-gcm',
        sealingKey(shared, sender, own, purpose),
        bytes.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES),
      )
      cipher.setAuthTag(bytes.subarray(KEY_BYTES + NONCE_BYTES, HEAD_BYTES))
      return Buffer.concat([cipher.update(bytes.subarray(HEAD_BYTES)), cipher.final()])
    },
  }
}

/** @throws Error: that is no public key */
export function sealFor(publicKey: Uint8Array, purpose: string, clear: Uint8Array): Buffer {
  const receiver = Buffer.from(publicKey)
  const own = generateKeyPairSync('x25519')
  const sender = rawKey(own.publicKey)
  const nonce = randomBytes(NONCE_BYTES)
  const shared = diffieHellman({ privateKey: own.privateKey, publicKey: keyOf(receiver) })
  const cipher = createCipheriv('aes-256-gcm', sealingKey(shared, sender, receiver, purpose), nonce)
  const body = Buffer.concat([cipher.update(clear), cipher.final()])
  return Buffer.concat([sender, nonce, cipher.getAuthTag(), body])
}

function sealingKey(shared: Buffer, sender: Buffer, receiver: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', shared, Buffer.concat([sender, receiver]), purpose, 32))
}

function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
}

function keyOf(raw: Buffer): KeyObject {
  if (raw.length !== KEY_BYTES) throw new Error(`a public key has ${KEY_BYTES} bytes, not ${raw.length}`)
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') }, format: 'jwk' })
}

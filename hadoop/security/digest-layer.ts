/**
 * The security layers of DIGEST-MD5 (RFC 2831, section 2.3 and 2.4), as Java implements them.
 *
 *   auth-int    message | mac (10) | 00 01 | sequence (4, BE)
 *   auth-conf   E(message | padding | mac (10)) | 00 01 | sequence (4, BE)
 *
 * mac = first 10 bytes of HMAC-MD5(Ki, sequence | message). One sequence per direction, from 0. The cipher's state runs on from
 * message to message. rc4: no padding. 3des: two-key EDE in CBC, padding of 1..8 bytes that each hold their count.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { Rc4 } from './rc4.js'
import type { SecurityLayer } from './sasl-mechanism.js'

export type DigestCipher = '3des' | 'rc4'

const MAC_BYTES = 10
const TRAILER_BYTES = 6
const MESSAGE_TYPE = 1
const SIGNING = {
  client: 'Digest session key to client-to-server signing key magic constant',
  server: 'Digest session key to server-to-client signing key magic constant',
}
const SEALING = {
  client: 'Digest H(A1) to client-to-server sealing key magic constant',
  server: 'Digest H(A1) to server-to-client sealing key magic constant',
}

type Side = 'client' | 'server'
interface Transform {
  update(input: Uint8Array): Uint8Array
}

/** `ha1`: the 16 raw bytes. `side`: who we are; a test plays the server. */
export function digestLayer(options: { ha1: Buffer; cipher: DigestCipher | undefined; peerMaxBuffer: number; side: Side }): SecurityLayer {
  const { ha1, cipher, side } = options
  const peer = side === 'client' ? 'server' : 'client'
  const sendMacKey = md5(ha1, SIGNING[side])
  const receiveMacKey = md5(ha1, SIGNING[peer])
  const encrypt = cipher === undefined ? undefined : encryptor(cipher, md5(ha1, SEALING[side]))
  const decrypt = cipher === undefined ? undefined : decryptor(cipher, md5(ha1, SEALING[peer]))
  const blockSize = cipher === '3des' ? 8 : 1
  let sendSequence = 0
  let receiveSequence = 0

  return {
    protection: cipher === undefined ? 'auth-int' : 'auth-conf',
    // Padding, mac and trailer come on top of the clear bytes.
    maxClearBytes: Math.max(1, options.peerMaxBuffer - MAC_BYTES - TRAILER_BYTES - 8),

    wrap(clear) {
      const sequence = uint32(sendSequence)
      const mac = macOf(sendMacKey, sequence, clear)
      const pad = blockSize === 1 ? 0 : blockSize - ((clear.length + MAC_BYTES) % blockSize)
      const body = Buffer.concat([clear, Buffer.alloc(pad, pad), mac])
      sendSequence = (sendSequence + 1) >>> 0
      return Buffer.concat([encrypt === undefined ? body : encrypt.update(body), Buffer.from([0, MESSAGE_TYPE]), sequence])
    },

    unwrap(wrapped) {
      if (wrapped.length < MAC_BYTES + TRAILER_BYTES) throw new Error(`protected message of ${wrapped.length} bytes is too short`)
      const trailer = Buffer.from(wrapped.buffer, wrapped.byteOffset + wrapped.length - TRAILER_BYTES, TRAILER_BYTES)
      const sealed = wrapped.subarray(0, wrapped.length - TRAILER_BYTES)
      if (trailer.readUInt16BE(0) !== MESSAGE_TYPE) throw new Error('protected message has an unknown version')
      if (trailer.readUInt32BE(2) !== receiveSequence)
        throw new Error(`protected message has sequence number ${trailer.readUInt32BE(2)}, expected ${receiveSequence}`)
      if (decrypt !== undefined && sealed.length % blockSize !== 0)
        throw new Error('protected message is not a whole number of cipher blocks')
      const body = decrypt === undefined ? sealed : decrypt.update(sealed)
      const mac = body.subarray(body.length - MAC_BYTES)
      let end = body.length - MAC_BYTES
      if (blockSize > 1) {
        // A wrong count leaves the mac to fail: the answer must not tell padding errors from mac errors.
        const pad = body[end - 1] ?? 0
        end -= pad >= 1 && pad <= blockSize && pad <= end ? pad : 0
      }
      const clear = body.subarray(0, end)
      if (!timingSafeEqual(mac, macOf(receiveMacKey, uint32(receiveSequence), clear)))
        throw new Error('protected message has a wrong authentication code')
      receiveSequence = (receiveSequence + 1) >>> 0
      return clear
    },
  }
}

function macOf(key: Buffer, sequence: Buffer, clear: Uint8Array): Buffer {
  return createHmac('md5', key).update(sequence).update(clear).digest().subarray(0, MAC_BYTES)
}

/** Key of `Kic`, `Kcc` …: MD5(HA1 + constant); both ciphers use all 16 bytes of HA1. */
function md5(ha1: Buffer, constant: string): Buffer {
  return createHash('md5').update(ha1).update(constant, 'latin1').digest()
}

function encryptor(cipher: DigestCipher, key: Buffer): Transform {
  return cipher === 'rc4' ? new Rc4(key) : createCipheriv('des-ede3-cbc', tripleDesKey(key), key.subarray(8, 16)).setAutoPadding(false)
}
function decryptor(cipher: DigestCipher, key: Buffer): Transform {
  return cipher === 'rc4' ? new Rc4(key) : createDecipheriv('des-ede3-cbc', tripleDesKey(key), key.subarray(8, 16)).setAutoPadding(false)
}

/** Bytes 0-6 make DES key 1, bytes 7-13 key 2; the order is K1 K2 K1. */
export function tripleDesKey(key: Buffer): Buffer {
  const first = desKey(key.subarray(0, 7))
  const second = desKey(key.subarray(7, 14))
  return Buffer.concat([first, second, first])
}

/** Spreads 56 bits over 8 bytes, seven in the high bits of each, odd parity in the lowest. */
function desKey(seven: Buffer): Buffer {
  const bits = BigInt(`0x${seven.toString('hex')}`)
  const key = Buffer.alloc(8)
  for (let i = 0; i < 8; i++) {
    const part = Number((bits >> BigInt(49 - 7 * i)) & 0x7fn)
    let ones = 0
    for (let bit = part; bit !== 0; bit >>= 1) ones += bit & 1
    key[i] = (part << 1) | (ones % 2 === 0 ? 1 : 0)
  }
  return key
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

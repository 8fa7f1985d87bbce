/**
 * SASL DIGEST-MD5 with a Hadoop token (RFC 2831; SaslRpcClient and TokenAuth of Hadoop). User name and password are the base64 of the
 * token's identifier and password. Every application master needs it, since YARN's servers take nothing else from one.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { RandomSource } from '#core/time/environment.js'
import type { Token } from '../proto/token.js'
import { digestLayer, type DigestCipher } from './digest-layer.js'
import type { QualityOfProtection, SaslMechanism, SaslMethod, ServerIdentity } from './sasl-mechanism.js'

export const DIGEST_MD5 = 'DIGEST-MD5'

const STRONGEST_FIRST: readonly QualityOfProtection[] = ['auth-conf', 'auth-int', 'auth']
/** 3DES first: it is OpenSSL's; single DES and shortened RC4 are not offered at all. */
const CIPHERS: readonly DigestCipher[] = ['3des', 'rc4']
const MAX_BUFFER = 65_536
const NONCE_COUNT = '00000001'
const MAX_CHALLENGE = 16_384

export interface DigestOptions {
  readonly random: RandomSource
  /** Acceptable protection, most wanted first; undefined: the strongest that the server offers. */
  readonly protection?: readonly QualityOfProtection[] | undefined
  /** Ciphers to use for auth-conf, most wanted first. */
  readonly ciphers?: readonly DigestCipher[] | undefined
}

/** Authentication by token. `token` is asked for at each connection, so that the newest is used. */
export function tokenMethod(token: () => Token, options: DigestOptions): SaslMethod {
  return { method: 'TOKEN', mechanism: DIGEST_MD5, start: (server) => digestMd5(token(), server, options) }
}

export function digestMd5(token: Token, server: ServerIdentity, options: DigestOptions): SaslMechanism {
  const username = Buffer.from(token.identifier).toString('base64')
  const password = Buffer.from(token.password).toString('base64')
  const digestUri = `${server.protocol}/${server.serverId}`
  let chosen:
    { ha1: Buffer; expected: string; quality: QualityOfProtection; cipher: DigestCipher | undefined; peerMaxBuffer: number } | undefined
  let verified = false

  function verify(text: Uint8Array): void {
    if (chosen === undefined) throw new Error('the server confirmed an authentication that has not begun')
    const given = Buffer.from(parseDirectives(Buffer.from(text).toString('utf8')).get('rspauth') ?? '', 'latin1')
    const expected = Buffer.from(chosen.expected, 'latin1')
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new Error('it does not know the password of the token (wrong rspauth)')
    verified = true
  }

  return {
    respond(challenge) {
      // Some servers send rspauth as a last challenge instead of with SUCCESS; it is answered by nothing.
      if (chosen !== undefined) {
        verify(challenge)
        return new Uint8Array(0)
      }
      if (challenge.length > MAX_CHALLENGE) throw new Error(`its challenge has ${challenge.length} bytes`)
      const directives = parseDirectives(Buffer.from(challenge).toString('utf8'))
      const nonce = directives.get('nonce')
      if (nonce === undefined) throw new Error('its challenge holds no nonce')
      const algorithm = directives.get('algorithm')
      if (algorithm !== undefined && algorithm !== 'md5-sess') throw new Error(`it wants the digest algorithm ${algorithm}`)
      const quality = chooseQuality(directives.get('qop'), options.protection)
      const cipher = quality === 'auth-conf' ? chooseCipher(directives.get('cipher'), options.ciphers ?? CIPHERS) : undefined
      const realm = directives.get('realm') ?? ''
      const cnonce = options.random.bytes(30).toString('base64')
      const ha1 = digestHa1({ username, realm, password, nonce, cnonce })
      const inputs = { ha1, nonce, cnonce, quality, digestUri }
      chosen = {
        ha1,
        quality,
        cipher,
        expected: digestResponse({ ...inputs, fromServer: true }),
        peerMaxBuffer: peerBuffer(directives.get('maxbuf')),
      }
      const answer = [
        'charset=utf-8',
        `username="${quoted(username)}"`,
        `realm="${quoted(realm)}"`,
        `nonce="${quoted(nonce)}"`,
        `nc=${NONCE_COUNT}`,
        `cnonce="${quoted(cnonce)}"`,
        `digest-uri="${quoted(digestUri)}"`,
        `maxbuf=${MAX_BUFFER}`,
        `response=${digestResponse({ ...inputs, fromServer: false })}`,
        `qop=${quality}`,
      ]
      if (cipher !== undefined) answer.push(`cipher="${cipher}"`)
      return Buffer.from(answer.join(','), 'utf8')
    },

    finish(text) {
      if (!verified) verify(text)
      const { ha1, quality, cipher, peerMaxBuffer } = chosen!
      return quality === 'auth' ? undefined : digestLayer({ ha1, cipher, peerMaxBuffer, side: 'client' })
    },
  }
}

/** The 16 raw bytes of HA1: H( H(username:realm:password) ":" nonce ":" cnonce ), the inner hash raw. */
export function digestHa1(from: { username: string; realm: string; password: string; nonce: string; cnonce: string }): Buffer {
  const secret = createHash('md5').update(`${from.username}:${from.realm}:${from.password}`, 'utf8').digest()
  return createHash('md5').update(secret).update(`:${from.nonce}:${from.cnonce}`, 'utf8').digest()
}

/** `response` of the client, or `rspauth` of the server. */
export function digestResponse(from: {
  ha1: Buffer
  nonce: string
  cnonce: string
  quality: QualityOfProtection
  digestUri: string
  fromServer: boolean
}): string {
  const a2 = `${from.fromServer ? '' : 'AUTHENTICATE'}:${from.digestUri}${from.quality === 'auth' ? '' : `:${'0'.repeat(32)}`}`
  return hex(`${from.ha1.toString('hex')}:${from.nonce}:${NONCE_COUNT}:${from.cnonce}:${from.quality}:${hex(a2)}`)
}
function hex(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex')
}

/** `key=value, key="value, with commas"`; of repeated keys the first counts. */
export function parseDirectives(text: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  const pattern = /\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]*))\s*(?:,|$)/gy
  let end = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const key = match[1]!.toLowerCase()
    if (!directives.has(key)) directives.set(key, match[2] === undefined ? (match[3] ?? '') : match[2].replace(/\\(.)/g, '$1'))
    end = pattern.lastIndex
    if (end >= text.length) break
  }
  if (end < text.length && text.slice(end).replace(/[\s,]/g, '') !== '') throw new Error('its challenge is malformed')
  return directives
}

function chooseQuality(offer: string | undefined, wanted: readonly QualityOfProtection[] | undefined): QualityOfProtection {
  const offered = (offer ?? 'auth').split(',').map((word) => word.trim())
  const quality = (wanted ?? STRONGEST_FIRST).find((one) => offered.includes(one))
  if (quality === undefined) {
    throw new Error(
      `it offers the protection ${offered.join(', ')}, and hadoop.rpc.protection here allows only ${(wanted ?? STRONGEST_FIRST).join(', ')}`,
    )
  }
  return quality
}

function chooseCipher(offer: string | undefined, wanted: readonly DigestCipher[]): DigestCipher {
  const offered = (offer ?? '').split(',').map((word) => word.trim())
  const cipher = wanted.find((one) => offered.includes(one))
  if (cipher === undefined)
    throw new Error(`for privacy it offers the ciphers ${offered.join(', ')}, and only ${wanted.join(', ')} are supported`)
  return cipher
}

function peerBuffer(text: string | undefined): number {
  const value = Number(text ?? MAX_BUFFER)
  return Number.isInteger(value) && value > 64 && value <= 0xffffff ? value : MAX_BUFFER
}

function quoted(text: string): string {
  return text.replace(/["\\]/g, '\\$&')
}

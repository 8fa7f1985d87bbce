/**
 * The seam between SASL in Hadoop RPC and one mechanism. DIGEST-MD5 (digest-md5.ts) is one, GSSAPI (gssapi/sasl-gssapi.ts)
 * another, which may ask a KDC: every step may be asynchronous.
 */

/** Order of strength: auth < auth-int < auth-conf. */
export type QualityOfProtection = 'auth' | 'auth-int' | 'auth-conf'

/** What every message goes through after a negotiation that ended in integrity or privacy. One per connection, stateful. */
export interface SecurityLayer {
  readonly protection: Exclude<QualityOfProtection, 'auth'>
  /** Most clear bytes per `wrap`, from the peer's buffer size. */
  readonly maxClearBytes: number
  wrap(clear: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** @throws an Error when the message is forged, repeated or out of order; the connection must then be dropped */
  unwrap(wrapped: Uint8Array): Uint8Array | Promise<Uint8Array>
}

export interface SaslMechanism {
  /** Answer to a challenge; to an empty one when the server's NEGOTIATE carried none. */
  respond(challenge: Uint8Array): Uint8Array | Promise<Uint8Array>
  /**
   * The server said SUCCESS with this token. Verifies the server.
   * @returns the layer, undefined for plain `auth`
   * @throws an Error when the server did not prove itself
   */
  finish(token: Uint8Array): SecurityLayer | undefined | Promise<SecurityLayer | undefined>
}

/** What the server says about the mechanism that was chosen. */
export interface ServerIdentity {
  readonly protocol: string
  readonly serverId: string
  /** Name or address that we connected to. */
  readonly host: string
}

/** One way to authenticate, tried when the server offers its method with its mechanism. */
export interface SaslMethod {
  /** Hadoop's AuthMethod. */
  readonly method: 'TOKEN' | 'KERBEROS' | 'PLAIN'
  readonly mechanism: string
  /** What the connection context says afterwards: a token's user is the server's to know; a Kerberos user is named. */
  readonly contextUser?: string | undefined
  start(server: ServerIdentity): SaslMechanism | Promise<SaslMechanism>
}

const NAMES: Readonly<Record<string, QualityOfProtection>> = { authentication: 'auth', integrity: 'auth-int', privacy: 'auth-conf' }

/**
 * Reads `hadoop.rpc.protection`: a list of authentication | integrity | privacy, most wanted first.
 * @returns undefined when nothing is configured: then the strongest that the server offers is taken
 * @throws RangeError naming the word that is none of them
 */
export function parseRpcProtection(text: string | undefined): readonly QualityOfProtection[] | undefined {
  const words = (text ?? '')
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')
  if (words.length === 0) return undefined
  return words.map((word) => {
    const quality = NAMES[word]
    if (quality === undefined) throw new RangeError(`hadoop.rpc.protection: '${word}' is none of ${Object.keys(NAMES).join(', ')}`)
    return quality
  })
}

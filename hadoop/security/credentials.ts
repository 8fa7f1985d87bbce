/**
 * Hadoop's credentials: the file behind HADOOP_TOKEN_FILE_LOCATION and the `tokens` of a launch context.
 *
 *   "HDTS" | format byte | format 0: vint count, per token { Text alias, byte[] identifier, byte[] password, Text kind, Text service },
 *                                    vint count, per secret { Text alias, byte[] value }
 *                        | format 1: one delimited CredentialsProto
 *
 * Format 0 is written, which YARN itself writes too. Zeros behind the end are ignored: buffers that the RM's REST layer made have them.
 */
import { readDelimited } from '../proto/message.js'
import { CredentialsFile } from '../proto/security-messages.js'
import type { Token } from '../proto/token.js'
import { readToken } from './tokens.js'
import { MalformedWritable, WritableReader, vlongBytes, writableBytes, writableText } from './writable.js'

export interface Credentials {
  /** By alias: free text, usually the token's service; may be empty (the AMRM token's is). */
  readonly tokens: ReadonlyMap<string, Token>
  readonly secrets: ReadonlyMap<string, Buffer>
}

const MAGIC = Buffer.from('HDTS', 'latin1')
const WHAT = 'the credentials file'
/** Far above any real file. */
export const MAX_CREDENTIALS_BYTES = 16 * 1024 * 1024

export const NO_CREDENTIALS: Credentials = { tokens: new Map(), secrets: new Map() }

/** @throws HADOOP_MALFORMED_WRITABLE, HADOOP_MALFORMED_MESSAGE */
export function readCredentials(bytes: Uint8Array): Credentials {
  if (bytes.length > MAX_CREDENTIALS_BYTES) throw new MalformedWritable({ what: WHAT, problem: `it has ${bytes.length} bytes` })
  if (bytes.length < 5 || !MAGIC.equals(bytes.subarray(0, 4)))
    throw new MalformedWritable({ what: WHAT, problem: "it does not begin with 'HDTS'" })
  switch (bytes[4]) {
    case 0:
      return readWritableForm(new WritableReader(bytes, WHAT, 5))
    case 1:
      return readProtobufForm(readDelimited(bytes, 5).bytes)
    default:
      throw new MalformedWritable({ what: WHAT, problem: `unknown format ${bytes[4]}` })
  }
}

export function writeCredentials(credentials: Credentials): Buffer {
  const parts: Uint8Array[] = [MAGIC, Buffer.from([0]), vlongBytes(credentials.tokens.size)]
  for (const [alias, token] of credentials.tokens) {
    parts.push(
      writableText(alias),
      writableBytes(token.identifier),
      writableBytes(token.password),
      writableText(token.kind),
      writableText(token.service),
    )
  }
  parts.push(vlongBytes(credentials.secrets.size))
  for (const [alias, value] of credentials.secrets) parts.push(writableText(alias), writableBytes(value))
  return Buffer.concat(parts)
}

/** Without the tokens of a kind. A worker's credentials must not hold YARN_AM_RM_TOKEN: with it, it could act as the master. */
export function withoutToken(credentials: Credentials, kind: string): Credentials {
  return { tokens: new Map([...credentials.tokens].filter(([, token]) => token.kind !== kind)), secrets: credentials.secrets }
}

/** By kind, since the alias and service of the AMRM token are empty. */
export function findToken(credentials: Credentials, kind: string): Token | undefined {
  for (const token of credentials.tokens.values()) if (token.kind === kind) return token
  return undefined
}

export function withToken(credentials: Credentials, alias: string, token: Token): Credentials {
  return { tokens: new Map([...credentials.tokens, [alias, token]]), secrets: credentials.secrets }
}

export function withSecret(credentials: Credentials, alias: string, value: Uint8Array): Credentials {
  return { tokens: credentials.tokens, secrets: new Map([...credentials.secrets, [alias, Buffer.from(value)]]) }
}

/** `newer` tokens take the place of those of the same kind and service, whatever their alias; the rest of `base` stays. */
export function mergeTokens(base: Credentials, newer: Credentials): Credentials {
  const replaced = new Set([...newer.tokens.values()].map((token) => `${token.kind} ${token.service}`))
  const kept = [...base.tokens].filter(([alias, token]) => !newer.tokens.has(alias) && !replaced.has(`${token.kind} ${token.service}`))
  return { tokens: new Map([...kept, ...newer.tokens]), secrets: base.secrets }
}

export function withoutSecret(credentials: Credentials, alias: string): Credentials {
  return { tokens: credentials.tokens, secrets: new Map([...credentials.secrets].filter(([name]) => name !== alias)) }
}

function readWritableForm(reader: WritableReader): Credentials {
  const tokens = new Map<string, Token>()
  const secrets = new Map<string, Buffer>()
  for (let count = reader.count(); count > 0; count--) tokens.set(reader.text(), readToken(reader))
  for (let count = reader.count(); count > 0; count--) secrets.set(reader.text(), reader.bytes())
  return { tokens, secrets }
}

function readProtobufForm(bytes: Uint8Array): Credentials {
  const file = CredentialsFile.decode(bytes)
  const tokens = new Map<string, Token>()
  const secrets = new Map<string, Buffer>()
  for (const { alias, token } of file.tokens) if (token !== undefined) tokens.set(alias, token)
  for (const { alias, secret } of file.secrets) if (secret !== undefined) secrets.set(alias, Buffer.from(secret))
  return { tokens, secrets }
}

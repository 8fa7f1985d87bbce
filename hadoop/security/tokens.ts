/** Tokens: kinds, their text form for REST and WebHDFS, their identifiers for logs, and the rewriting that YARN demands. */
import type { Token } from '../proto/token.js'
import { AmRmTokenIdentifier, YarnDelegationTokenIdentifier } from '../proto/security-messages.js'
import { WritableReader, writableBytes, writableText } from './writable.js'

export type { Token } from '../proto/token.js'

export const TokenKind = {
  amRm: 'YARN_AM_RM_TOKEN',
  nm: 'NMToken',
  container: 'ContainerToken',
  rmDelegation: 'RM_DELEGATION_TOKEN',
  hdfsDelegation: 'HDFS_DELEGATION_TOKEN',
  webHdfsDelegation: 'WEBHDFS delegation',
  swebHdfsDelegation: 'SWEBHDFS delegation',
} as const

/** "Url string": base64url without padding of identifier, password, kind, service. */
export function encodeToken(token: Token): string {
  return Buffer.concat([
    writableBytes(token.identifier),
    writableBytes(token.password),
    writableText(token.kind),
    writableText(token.service),
  ]).toString('base64url')
}

/** @throws HADOOP_MALFORMED_WRITABLE; its text never holds the token's */
export function decodeToken(text: string): Token {
  const reader = new WritableReader(Buffer.from(text, 'base64url'), 'the token')
  return readToken(reader)
}

export function readToken(reader: WritableReader): Token {
  return { identifier: reader.bytes(), password: reader.bytes(), kind: reader.text(), service: reader.text() }
}

/**
 * A delegation token got over WebHDFS, as YARN needs it in credentials: same identifier and password, kind
 * HDFS_DELEGATION_TOKEN, the service of the NameNode's RPC endpoint. With the WebHDFS kind the submission ends in "Failed to renew token".
 *
 * @param service `ip:port` of the RPC endpoint, in HA `ha-hdfs:<nameservice>`; the token's own when absent
 */
export function asHdfsDelegationToken(token: Token, service?: string): Token {
  return { ...token, kind: TokenKind.hdfsDelegation, service: service ?? token.service }
}

/** An RM delegation token got by REST has no service, and the RM refuses it so: set `ip:port` of its client endpoint (HA: all, by comma). */
export function withService(token: Token, service: string): Token {
  return { ...token, service }
}

export const decodeAmRmTokenIdentifier = (token: Token): AmRmTokenIdentifier => AmRmTokenIdentifier.decode(token.identifier)

/** What both delegation tokens say about themselves. Times in ms since the epoch. */
export interface DelegationTokenInfo {
  readonly owner: string
  readonly renewer: string
  readonly realUser: string
  readonly issueDate: number
  readonly maxDate: number
  readonly sequenceNumber: number
  readonly masterKeyId: number
}

/** Undefined for other kinds. @throws HADOOP_MALFORMED_WRITABLE, HADOOP_MALFORMED_MESSAGE */
export function delegationTokenInfo(token: Token): DelegationTokenInfo | undefined {
  switch (token.kind) {
    case TokenKind.hdfsDelegation:
    case TokenKind.webHdfsDelegation:
    case TokenKind.swebHdfsDelegation: {
      const reader = new WritableReader(token.identifier, `the identifier of the ${token.kind} token`)
      const version = reader.byte()
      if (version !== 0) reader.fail(`unknown version ${version}`)
      return {
        owner: reader.text(),
        renewer: reader.text(),
        realUser: reader.text(),
        issueDate: Number(reader.vlong()),
        maxDate: Number(reader.vlong()),
        sequenceNumber: reader.vint(),
        masterKeyId: reader.vint(),
      }
    }
    case TokenKind.rmDelegation: {
      const id = YarnDelegationTokenIdentifier.decode(token.identifier)
      return {
        owner: id.owner ?? '',
        renewer: id.renewer ?? '',
        realUser: id.realUser ?? '',
        issueDate: Number(id.issueDate ?? 0n),
        maxDate: Number(id.maxDate ?? 0n),
        sequenceNumber: id.sequenceNumber ?? 0,
        masterKeyId: id.masterKeyId,
      }
    }
    default:
      return undefined
  }
}

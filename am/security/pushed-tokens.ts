/**
 * Delegation tokens that a client pushes to a running master (`weft tokens push`), for applications whose user has no keytab there. They come by YARN's
 * proxy, sealed for a key that this process has made; what is in them is looked at before it replaces anything.
 */
import { defineError } from '#core/errors/define-error.js'
import { boxOwner } from '#core/security/sealed-box.js'
import { TOKEN_PUSH_PURPOSE, type TokensHeld } from '#core/rest/token-responses.js'
import type { Clock } from '#core/time/environment.js'
import { shortName } from '#hadoop/conf/auth-to-local.js'
import type { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { readCredentials, type Credentials } from '#hadoop/security/credentials.js'
import { delegationTokenInfo, TokenKind, type DelegationTokenInfo, type Token } from '#hadoop/security/tokens.js'

/** `reason`: begins in the middle of a sentence. */
export const PushedTokensRefused = defineError('MASTER_PUSHED_TOKENS_REFUSED', {
  recovery: 'none',
  message: (d: { reason: string }) => `The tokens are not taken: ${d.reason}.`,
})

export interface PushedTokensOptions {
  readonly hadoop: HadoopConfiguration
  /** Of the application. */
  readonly owner: string
  readonly clock: Clock
  /** Those that are used now. */
  held(): Credentials
  take(credentials: Credentials): Promise<void>
}

export interface PushedTokens {
  held(): TokensHeld
  /** @throws MASTER_PUSHED_TOKENS_REFUSED */
  push(sealed: Uint8Array): Promise<TokensHeld>
}

export function pushedTokens(options: PushedTokensOptions): PushedTokens {
  const { hadoop, owner, clock } = options
  const box = boxOwner(TOKEN_PUSH_PURPOSE)
  const held = (): TokensHeld => ({
    key: box.publicKey.toString('base64url'),
    tokens: hdfsTokens(options.held()).map(([token, { maxDate, issueDate }]) => ({
      kind: token.kind,
      service: token.service,
      'issue-date': issueDate,
      'max-date': maxDate,
    })),
  })
  return {
    held,
    async push(sealed) {
      const credentials = opened(sealed)
      const problem = refusal(credentials, options.held(), clock.now(), (name) => shortName(name, hadoop) === owner)
      if (problem !== undefined) throw new PushedTokensRefused({ reason: problem })
      await options.take(credentials)
      return held()
    },
  }

  function opened(sealed: Uint8Array): Credentials {
    let clear: Buffer
    try {
      clear = box.open(sealed)
    } catch (error) {
      throw new PushedTokensRefused(
        { reason: 'they are not sealed for this JobManager; it may have been started anew meanwhile' },
        { cause: error },
      )
    }
    try {
      return readCredentials(clear)
    } catch (error) {
      throw new PushedTokensRefused({ reason: (error as Error).message }, { cause: error })
    }
  }
}

/** Why they may not take the place of those that are used; undefined: they may. Pure. */
export function refusal(credentials: Credentials, held: Credentials, now: number, isOwner: (name: string) => boolean): string | undefined {
  if (credentials.secrets.size > 0) return 'there are other secrets among them'
  if (credentials.tokens.size === 0) return 'there are none'
  const known = new Map(hdfsTokens(held).map(([token, info]) => [token.service, info]))
  for (const token of credentials.tokens.values()) {
    const info = infoOf(token)
    if (info === undefined) return `a ${token.kind.slice(0, 60)} token is among them, and only those of HDFS are used`
    if (!isOwner(info.owner)) return `one is ${info.owner.slice(0, 60)}'s, and the application is somebody else's`
    if (info.maxDate <= now) return `the one of ${token.service} has ended at ${new Date(info.maxDate).toISOString()}`
    // Whoever repeats an earlier push must not take newer ones away.
    const before = known.get(token.service)
    if (before !== undefined && info.issueDate < before.issueDate) return `the one of ${token.service} is older than the one that is used`
  }
  return undefined
}

function hdfsTokens(credentials: Credentials): [Token, DelegationTokenInfo][] {
  return [...credentials.tokens.values()].flatMap((token) => {
    const info = infoOf(token)
    return info === undefined ? [] : [[token, info] as [Token, DelegationTokenInfo]]
  })
}

/** Undefined: no token of HDFS, or one that cannot be read. */
function infoOf(token: Token): DelegationTokenInfo | undefined {
  if (token.kind !== TokenKind.hdfsDelegation) return undefined
  try {
    const info = delegationTokenInfo(token)
    return info !== undefined && Number.isSafeInteger(info.maxDate) && Math.abs(info.maxDate) < 8.64e15 ? info : undefined
  } catch {
    return undefined
  }
}

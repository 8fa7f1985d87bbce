/** GET and PUT /delegation-tokens: what `weft tokens push` and the master say to each other. */

/** What is sealed for a push is opened for nothing else. */
export const TOKEN_PUSH_PURPOSE = 'weft delegation tokens, pushed'

export interface TokensHeld {
  /** Public key (base64url) of this attempt of the master, to seal tokens for. */
  readonly key: string
  /** Those of HDFS that it uses now; dates in ms since the epoch. */
  readonly tokens: readonly {
    readonly kind: string
    readonly service: string
    readonly 'issue-date': number
    readonly 'max-date': number
  }[]
}

/**
 * The newest delegation tokens of a master on YARN, whoever brings them (its own login by keytab, or a client with `weft tokens push`): stored where the
 * master's file systems read them, served to the workers, and put into later containers.
 */
import type { GatewayHandlers } from '#core/rpc/gateway.js'
import type { DelegationTokensGateway } from '#core/rpc/gateways/delegation-tokens.js'
import { mergeTokens, NO_CREDENTIALS, writeCredentials, type Credentials } from '#hadoop/security/credentials.js'

/** Workers ask so often; tokens are renewed long before their end. */
const ASK_AGAIN_MS = 5_000

export class TokenSupply {
  readonly #store: (credentials: Credentials) => Promise<void>
  #version = 0
  #newest: Credentials | undefined
  #storing: Promise<void> = Promise.resolve()

  /** `store`: puts tokens where this process's file systems look for them. */
  constructor(store: (credentials: Credentials) => Promise<void>) {
    this.#store = store
  }

  /** All that have come since the master started; undefined: none, those of the submission are used. */
  get newest(): Credentials | undefined {
    return this.#newest
  }

  /** One after the other. Nothing has changed when it throws. */
  put(credentials: Credentials): Promise<void> {
    const done = this.#storing.then(async () => {
      const merged = mergeTokens(this.#newest ?? NO_CREDENTIALS, credentials)
      await this.#store(merged)
      this.#newest = merged
      this.#version++
    })
    this.#storing = done.catch(() => undefined)
    return done
  }

  readonly handlers: GatewayHandlers<typeof DelegationTokensGateway> = {
    newest: ({ version }) => ({
      version: this.#version,
      askAgainMs: ASK_AGAIN_MS,
      ...(this.#newest === undefined || version === this.#version
        ? {}
        : { credentials: writeCredentials(this.#newest).toString('base64') }),
    }),
  }
}

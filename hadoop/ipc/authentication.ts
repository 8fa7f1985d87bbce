/** The SASL conversation at the start of a connection: which method, and what is said in which order. */
import type { InferInput } from '../proto/message.js'
import type { RpcSasl, SaslAuth } from '../proto/rpc-messages.js'
import { isLoginFailure } from '../security/errors.js'
import type { SaslMechanism, SaslMethod, SecurityLayer } from '../security/sasl-mechanism.js'
import { CannotAuthenticate, ProtocolViolation, ServerNotTrusted } from './errors.js'

/** Who we are to a server. */
export interface Authentication {
  /** For SIMPLE, and where SASL ends in SIMPLE. Absent: never fall back to SIMPLE. */
  readonly user?: string | undefined
  /** The proxy's own name, when it acts for `user`. */
  readonly realUser?: string | undefined
  /** Tried in the order in which the server offers them. Empty: SIMPLE without SASL. */
  readonly methods: readonly SaslMethod[]
}

type SaslReply = InferInput<typeof RpcSasl>

export type SaslStep =
  | { readonly type: 'send'; readonly message: SaslReply }
  /** Authenticated. `method` undefined: SIMPLE, by the user's name. */
  | { readonly type: 'done'; readonly method: SaslMethod | undefined; readonly layer: SecurityLayer | undefined; readonly last?: SaslReply }

/** One conversation. The first message, NEGOTIATE, is the caller's. */
export class SaslConversation {
  readonly #server: string
  readonly #host: string
  readonly #authentication: Authentication
  #method: SaslMethod | undefined
  #mechanism: SaslMechanism | undefined
  #negotiations = 0

  constructor(server: string, host: string, authentication: Authentication) {
    this.#server = server
    this.#host = host
    this.#authentication = authentication
  }

  /** @throws HADOOP_RPC_CANNOT_AUTHENTICATE, HADOOP_RPC_SERVER_NOT_TRUSTED, HADOOP_RPC_PROTOCOL_VIOLATION */
  async onMessage(message: RpcSasl): Promise<SaslStep> {
    switch (message.state) {
      case 'NEGOTIATE':
        return this.#onNegotiate(message.auths)
      case 'CHALLENGE': {
        const mechanism = this.#begun('CHALLENGE')
        return {
          type: 'send',
          message: { state: 'RESPONSE', token: await this.#guard(() => mechanism.respond(message.token ?? new Uint8Array(0)), []) },
        }
      }
      case 'SUCCESS': {
        if (this.#mechanism === undefined) {
          // A server without security skips the negotiation.
          if (this.#authentication.user === undefined)
            this.#cannot(['SIMPLE'], 'it accepts anybody without proof, which is not allowed here')
          return { type: 'done', method: undefined, layer: undefined }
        }
        const mechanism = this.#mechanism
        const layer = await this.#guard(() => mechanism.finish(message.token ?? new Uint8Array(0)), undefined)
        return { type: 'done', method: this.#method, layer }
      }
      default:
        throw new ProtocolViolation({ server: this.#server, problem: `SASL message ${message.state} from a server` })
    }
  }

  async #onNegotiate(offered: readonly SaslAuth[]): Promise<SaslStep> {
    if (++this.#negotiations > 2)
      this.#cannot(
        offered.map((auth) => auth.method),
        'it refused our choice',
      )
    const found = this.#choose(offered)
    if (found === 'SIMPLE') {
      const simple = offered.find((auth) => auth.method === 'SIMPLE')!
      return { type: 'done', method: undefined, layer: undefined, last: { state: 'INITIATE', auths: [withoutChallenge(simple)] } }
    }
    const { auth, method } = found
    this.#method = method
    const names = offered.map((one) => one.method)
    const mechanism = await this.#guard(
      () => method.start({ protocol: auth.protocol ?? '', serverId: auth.serverId ?? '', host: this.#host }),
      names,
    )
    this.#mechanism = mechanism
    const token = await this.#guard(() => mechanism.respond(auth.challenge ?? new Uint8Array(0)), names)
    // The server compares the entry with the one it sent: only the challenge may be missing.
    return { type: 'send', message: { state: 'INITIATE', token, auths: [withoutChallenge(auth)] } }
  }

  #choose(offered: readonly SaslAuth[]): { auth: SaslAuth; method: SaslMethod } | 'SIMPLE' {
    for (const auth of offered) {
      if (auth.method === 'SIMPLE' && this.#authentication.user !== undefined) return 'SIMPLE'
      const method = this.#authentication.methods.find((one) => one.method === auth.method && one.mechanism === auth.mechanism)
      if (method !== undefined) return { auth, method }
    }
    const names = offered.map((auth) => auth.method)
    for (const own of this.#authentication.methods) {
      const other = offered.find((auth) => auth.method === own.method)
      if (other !== undefined)
        this.#cannot(names, `it wants the mechanism ${other.mechanism} for ${own.method}, and only ${own.mechanism} is supported`)
    }
    if (names.includes('KERBEROS') && !this.#authentication.methods.some((own) => own.method === 'KERBEROS')) {
      this.#cannot(names, `it demands Kerberos; ${this.#have()}`)
    }
    return this.#cannot(names, this.#have())
  }

  #have(): string {
    const own: string[] = this.#authentication.methods.map((method) => method.method)
    if (this.#authentication.user !== undefined) own.push('SIMPLE')
    return own.length === 0 ? 'there is nothing here to authenticate with' : `only ${own.join(' and ')} is available here`
  }

  #begun(state: string): SaslMechanism {
    if (this.#mechanism === undefined) throw new ProtocolViolation({ server: this.#server, problem: `SASL ${state} before NEGOTIATE` })
    return this.#mechanism
  }

  /** Runs a step of the mechanism. `offered` undefined: a failure means that the server did not prove itself. */
  async #guard<T>(step: () => T | Promise<T>, offered: readonly string[] | undefined): Promise<T> {
    try {
      return await step()
    } catch (error) {
      if (isLoginFailure(error)) throw error
      const problem = error instanceof Error ? error.message : String(error)
      if (offered === undefined || /rspauth/.test(problem)) throw new ServerNotTrusted({ server: this.#server, problem }, { cause: error })
      throw new CannotAuthenticate(
        { server: this.#server, offered: offered.length > 0 ? offered : [this.#method?.method ?? ''], problem },
        { cause: error },
      )
    }
  }

  #cannot(offered: readonly string[], problem: string): never {
    throw new CannotAuthenticate({ server: this.#server, offered, problem })
  }
}

function withoutChallenge(auth: SaslAuth): SaslAuth {
  const { challenge: _challenge, ...rest } = auth
  return rest
}

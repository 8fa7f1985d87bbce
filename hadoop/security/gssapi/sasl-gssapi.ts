/**
 * SASL GSSAPI (RFC 4752) for Hadoop RPC. After Kerberos' own exchange the server sends, wrapped, what protection it takes and how much it can
 * hold, and is answered in kind:
 *
 *   layers (1 none, 2 integrity, 4 privacy) | maximum size of a wrapped message (3 bytes, BE) | in the answer: authorization id (none)
 *
 * Everything behind that goes through GSS_Wrap when integrity or privacy was agreed on.
 */
import type { HadoopConfiguration } from '../../conf/hadoop-configuration.js'
import { GssFlag } from './library.js'
import type { GssConversation, KerberosLogin } from '../kerberos-login.js'
import type { QualityOfProtection, SaslMechanism, SaslMethod, SecurityLayer, ServerIdentity } from '../sasl-mechanism.js'

export const GSSAPI = 'GSSAPI'

const LAYER: Readonly<Record<QualityOfProtection, number>> = { auth: 1, 'auth-int': 2, 'auth-conf': 4 }
const STRONGEST_FIRST: readonly QualityOfProtection[] = ['auth-conf', 'auth-int', 'auth']
const MAX_BUFFER = 0xffffff
const DEFAULT_BUFFER = 65_536

export interface GssapiOptions {
  readonly login: KerberosLogin
  /** Whom calls are made for, if not the login's own; the server must allow it. */
  readonly effectiveUser?: string | undefined
  /** Acceptable protection, most wanted first; undefined: the strongest that the server offers. */
  readonly protection?: readonly QualityOfProtection[] | undefined
  /** The principal that the configuration names for the server, `_HOST` allowed; the server must claim to be that. */
  readonly serverPrincipal: { readonly property: string; readonly value: string | undefined }
}

export function kerberosMethod(options: GssapiOptions): SaslMethod {
  return {
    method: 'KERBEROS',
    mechanism: GSSAPI,
    get contextUser() {
      return options.effectiveUser ?? options.login.principal()
    },
    async start(server) {
      const flags = GssFlag.mutual | GssFlag.replay | GssFlag.sequence | GssFlag.integrity | GssFlag.confidentiality
      return saslGssapi(await options.login.converse(servicePrincipal(options.serverPrincipal, server), flags), options.protection)
    },
  }
}

/**
 * The principal to ask a ticket for: the configured one. @throws an Error when the server says that it is somebody else, or when nothing is
 * configured: any server of the realm could then pose as this one
 */
export function servicePrincipal(configured: GssapiOptions['serverPrincipal'], server: ServerIdentity): string {
  const { property, value } = configured
  if (value === undefined || value === '') throw new Error(`${property} is not set, so that nobody could tell the server from another one`)
  const principal = value.replace('_HOST', server.host.toLowerCase())
  const [name = ''] = principal.split('@')
  const claimed = `${server.protocol}/${server.serverId}`
  if (name.toLowerCase() !== claimed.toLowerCase())
    throw new Error(`it says that it is ${claimed}, and ${property} is ${value}${value === principal ? '' : ` (${principal})`}`)
  return principal
}

/** The principals of RPC servers. */
export const ServerPrincipal = {
  resourceManager: (conf: HadoopConfiguration) => principalOf(conf, 'yarn.resourcemanager.principal'),
  nameNode: (conf: HadoopConfiguration) => principalOf(conf, 'dfs.namenode.kerberos.principal'),
} as const

function principalOf(conf: HadoopConfiguration, property: string): GssapiOptions['serverPrincipal'] {
  return { property, value: conf.get(property) }
}

/** Contexts whose connection is gone: a layer has no end of its own. */
const forgotten = new FinalizationRegistry<GssConversation>((conversation) => conversation.close())

export function saslGssapi(conversation: GssConversation, protection: readonly QualityOfProtection[] | undefined): SaslMechanism {
  let established = false
  let begun = false
  let chosen: { quality: QualityOfProtection; peerBuffer: number } | undefined

  return {
    async respond(challenge) {
      if (!established) {
        const { output, done } = await conversation.step(begun ? challenge : undefined)
        begun = true
        established = done
        return output
      }
      if (chosen !== undefined) throw new Error('it sent a challenge too many')
      const offer = conversation.library.unwrap(conversation.context, challenge).clear
      if (offer.length !== 4) throw new Error(`its offer of protection has ${offer.length} bytes`)
      const quality = chooseLayer(offer[0] ?? 0, protection)
      const size = offer.readUIntBE(1, 3)
      chosen = { quality, peerBuffer: size === 0 ? DEFAULT_BUFFER : size }
      const answer = Buffer.alloc(4)
      answer[0] = LAYER[quality]
      answer.writeUIntBE(quality === 'auth' ? 0 : MAX_BUFFER, 1, 3)
      return conversation.library.wrap(conversation.context, false, answer)
    },

    finish(token) {
      if (chosen === undefined) throw new Error('it said yes before it proved who it is')
      if (token.length > 0) throw new Error('it sent more than was agreed on')
      if (chosen.quality === 'auth') {
        conversation.close()
        return undefined
      }
      return gssLayer(conversation, chosen.quality, chosen.peerBuffer)
    },
  }
}

function chooseLayer(offered: number, protection: readonly QualityOfProtection[] | undefined): QualityOfProtection {
  const found = (protection ?? STRONGEST_FIRST).find((quality) => (offered & LAYER[quality]) !== 0)
  if (found !== undefined) return found
  const names = STRONGEST_FIRST.filter((quality) => (offered & LAYER[quality]) !== 0)
  throw new Error(
    `it offers the protection ${names.join(', ') || 'none'}, and hadoop.rpc.protection allows ${(protection ?? []).join(', ')}`,
  )
}

function gssLayer(conversation: GssConversation, quality: 'auth-int' | 'auth-conf', peerBuffer: number): SecurityLayer {
  const { library, context } = conversation
  const confidential = quality === 'auth-conf'
  const layer: SecurityLayer = {
    protection: quality,
    maxClearBytes: Math.max(1, library.wrapSizeLimit(context, confidential, peerBuffer)),
    wrap: (clear) => library.wrap(context, confidential, clear),
    unwrap(wrapped) {
      const { clear, confidential: was } = library.unwrap(context, wrapped)
      if (confidential && !was) throw new Error('protected message is not encrypted')
      return clear
    },
  }
  forgotten.register(layer, conversation)
  return layer
}

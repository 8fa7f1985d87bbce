/** Delegation tokens that a client pushes: what the master has, and newer ones for it. Only on Kerberized clusters. */
import * as z from '#core/zod.js'
import { PushedTokensRefused } from '../security/pushed-tokens.js'
import type { MasterView } from './master-view.js'
import { requestBody } from './parameters.js'
import { notFound, RestRefused } from './rest-error.js'
import type { RestRequest, Route } from './route.js'

/** Hundreds of tokens; what comes in a URL is limited by Node before. */
const MAX_SEALED_CHARACTERS = 256 * 1024

/** A credentials file that is sealed for the key that GET tells, base64url. */
const PushBody = z.object({ sealed: z.string().max(MAX_SEALED_CHARACTERS) })

export const TOKEN_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/delegation-tokens', right: 'VIEW', handle: (master) => tokensOf(master).held() },
  { method: 'PUT', path: '/delegation-tokens', right: 'MODIFY', handle: push },
]

function tokensOf({ pushedTokens }: MasterView) {
  if (pushedTokens === undefined) throw notFound('This JobManager uses no delegation tokens: its cluster has no Kerberos')
  return pushedTokens
}

async function push(master: MasterView, request: RestRequest) {
  const tokens = tokensOf(master)
  const { sealed } = requestBody(request, PushBody, 'DelegationTokensRequestBody')
  try {
    return await tokens.push(Buffer.from(sealed, 'base64url'))
  } catch (error) {
    if (PushedTokensRefused.is(error)) throw new RestRefused({ status: 400, message: error.message })
    throw error
  }
}

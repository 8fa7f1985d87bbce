/** Keeps a worker's delegation tokens as new as the master's: asks for them, and stores them in its token file, from where all its threads read. */
import { DelegationTokensGateway } from '#core/rpc/gateways/delegation-tokens.js'
import { logger } from '#core/log/logger.js'
import { ConnectionLost, Fenced, UnknownEndpoint, type RpcConnection } from '#core/rpc/rpc-connection.js'
import type { Environment, Millis } from '#core/time/environment.js'

const RETRY_MS: Millis = 5_000
const CALL_TIMEOUT_MS: Millis = 30_000
const log = logger('TaskManager')

/** Resolves when this master is gone, or renews no tokens. Never rejects. */
export async function followTokens(
  connection: Pick<RpcConnection, 'gateway'>,
  epoch: number,
  /** Puts a credentials file's tokens where file systems look for them. */
  store: (credentials: Buffer) => Promise<void>,
  environment: Environment,
): Promise<void> {
  const master = connection.gateway(DelegationTokensGateway, 'delegationtokens', epoch, CALL_TIMEOUT_MS)
  let version = 0
  for (;;) {
    let pause = RETRY_MS
    try {
      const answer = await master.newest({ version })
      pause = answer.askAgainMs
      if (answer.credentials !== undefined) {
        await store(Buffer.from(answer.credentials, 'base64'))
        log.info('Took over new delegation tokens.')
        version = answer.version
      }
    } catch (error) {
      if (ConnectionLost.is(error) || UnknownEndpoint.is(error) || Fenced.is(error)) return
      log.warn('New delegation tokens did not arrive; asking again', error)
    }
    await new Promise<void>((resolve) => environment.timers.after(pause, resolve, true))
  }
}

/**
 * Hadoop's delegation tokens, renewed by the master, on their way to the workers. A worker asks again and again: a lost answer or a
 * new master needs no care.
 */
import * as z from '../../zod.js'
import { call, gateway } from '../gateway.js'

/** A credentials file of that size holds hundreds of tokens. */
const MAX_CREDENTIALS_CHARACTERS = 1024 * 1024

/** Served by the master at 'delegationtokens' on Kerberized clusters; calls carry its epoch. */
export const DelegationTokensGateway = gateway('DelegationTokens', {
  newest: call(
    /** What the worker has; 0: what it was started with. */
    z.object({ version: z.int().min(0) }),
    z.object({
      version: z.int().min(0),
      /** A credentials file (base64) with the delegation tokens only; absent: the worker has the newest. */
      credentials: z.string().max(MAX_CREDENTIALS_CHARACTERS).optional(),
      askAgainMs: z.int().min(1),
    }),
  ),
})

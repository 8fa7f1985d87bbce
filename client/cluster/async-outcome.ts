/** What was triggered at a master and takes its time (a savepoint, say): its outcome. */
import { defineError } from '#core/errors/define-error.js'
import type { FailureCause } from '#core/rest/checkpoint-responses.js'
import { sleep, systemEnvironment, type Environment } from '#core/time/environment.js'
import { MasterUnreachable, type MasterClient } from './master-client.js'

export const OperationFailed = defineError('CLI_OPERATION_FAILED', {
  recovery: 'none',
  message: (d: { what: string; reason: string }) => `${d.what} failed: ${d.reason}`,
})

const POLL_MS = 200
/** A proxy or a master that is replaced is away for a moment. */
const UNREACHABLE_PATIENCE_MS = 15_000

/** Waits as long as it takes. @throws CLI_OPERATION_FAILED, CLIENT_MASTER_* */
export async function outcome(
  master: Pick<MasterClient, 'outcome'>,
  path: string,
  triggerId: string,
  what: string,
  environment: Environment = systemEnvironment,
): Promise<Readonly<Record<string, unknown>>> {
  const { clock } = environment
  let lastAnswer = clock.monotonic()
  for (;;) {
    try {
      const { status, operation } = await master.outcome(path, triggerId)
      lastAnswer = clock.monotonic()
      if (status.id === 'COMPLETED') {
        const cause = (operation as { 'failure-cause'?: FailureCause })['failure-cause']
        if (cause !== undefined) throw new OperationFailed({ what, reason: withoutFrames(cause['stack-trace']) })
        return operation as Readonly<Record<string, unknown>>
      }
    } catch (error) {
      if (!MasterUnreachable.is(error) || clock.monotonic() - lastAnswer > UNREACHABLE_PATIENCE_MS) throw error
    }
    await sleep(environment, POLL_MS)
  }
}

/** Messages of the error and its causes; where in the code it happened helps nobody here. */
function withoutFrames(trace: string): string {
  return trace
    .split('\n')
    .filter((line) => !/^\s+at /.test(line))
    .map((line) => line.replace(/^(Caused by: )?[A-Z][A-Z0-9_]+: /, '$1'))
    .join('\n')
}

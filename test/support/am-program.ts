/**
 * A small application master for tests on a real cluster: no streaming, only hadoop/. It asks for containers that write what they got
 * (arguments, environment) and sleep; what it sees goes as JSON lines into a file.
 *
 *   node am-program.js <plan.json>
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { systemEnvironment } from '#core/time/environment.js'
import type { HostPort } from '#hadoop/conf/addresses.js'
import { findToken, readCredentials, withSecret, withoutToken } from '#hadoop/security/credentials.js'
import { parseRpcProtection } from '#hadoop/security/sasl-mechanism.js'
import { TokenKind } from '#hadoop/security/tokens.js'
import { AmRmClient } from '#hadoop/yarn/am-rm/am-rm-client.js'
import type { AllocatedContainer, AmRmEvent } from '#hadoop/yarn/am-rm/events.js'
import { NmClient } from '#hadoop/yarn/am-nm/nm-client.js'
import { containerLaunchContext } from '#hadoop/yarn/launch-context.js'
import { parseApplicationAttemptId } from '#hadoop/yarn/identifiers.js'

export interface AmPlan {
  readonly directory: string
  readonly addresses: readonly HostPort[]
  readonly protection: string
  readonly containers: number
  /** Argument and variable that each container writes down. */
  readonly text: string
  /** `end-early`: the first attempt exits with 5 while its containers run. */
  readonly scenario: 'once' | 'wait-for-resync' | 'end-early' | 'reject'
}

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as AmPlan
const record = (entry: Record<string, unknown>): void =>
  appendFileSync(
    join(plan.directory, 'am.jsonl'),
    `${JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`,
  )

const credentials = readCredentials(readFileSync(process.env['HADOOP_TOKEN_FILE_LOCATION']!))
const token = findToken(credentials, TokenKind.amRm)!
const events: AmRmEvent[] = []
const nodes = new NmClient({ environment: systemEnvironment, protection: parseRpcProtection(plan.protection) })
const client = new AmRmClient({
  addresses: plan.addresses,
  token,
  protection: parseRpcProtection(plan.protection),
  environment: systemEnvironment,
  requestIntervalMs: 100,
  onEvent(event) {
    events.push(event)
    if (event.type === 'nmTokens') nodes.setTokens(event.tokens)
    // Tokens stay out of the file.
    if (event.type !== 'nmTokens' && event.type !== 'amRmToken')
      record(JSON.parse(JSON.stringify(event, (key, value: unknown) => (key === 'token' ? undefined : value))) as Record<string, unknown>)
  },
})

async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (let waited = 0; waited < 120_000; waited += 100) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await pause(100)
  }
  throw new Error(`waited in vain for ${what}`)
}
function event<K extends AmRmEvent['type']>(type: K, test: (event: Extract<AmRmEvent, { type: K }>) => boolean = () => true) {
  return events.find((one): one is Extract<AmRmEvent, { type: K }> => one.type === type && test(one as Extract<AmRmEvent, { type: K }>))
}
const completed = (): string[] => events.flatMap((one) => (one.type === 'completed' ? one.containers.map((container) => container.id) : []))

async function startAll(containers: readonly AllocatedContainer[]): Promise<void> {
  const context = containerLaunchContext({
    resources: [],
    environment: { WEFT_TEST_TEXT: plan.text },
    expandedEnvironment: { WEFT_TEST_DIRECTORY: '{{PWD}}' },
    command: {
      argv: [
        'bash',
        '-c',
        'printf "%s\\n--\\n%s\\n--\\n%s" "$1" "$WEFT_TEST_TEXT" "$WEFT_TEST_DIRECTORY" > "$0/$CONTAINER_ID.part"; cp "$HADOOP_TOKEN_FILE_LOCATION" "$0/$CONTAINER_ID.tokens"; mv "$0/$CONTAINER_ID.part" "$0/$CONTAINER_ID.txt"; exec sleep 600',
        plan.directory,
        plan.text,
      ],
    },
    credentials: withSecret(withoutToken(credentials, 'none'), 'test.secret', Buffer.from('for the workers')),
  })
  await Promise.all(containers.map((container) => nodes.start({ ...container, context })))
  // A second start of the same container is told from a failed one.
  await Promise.all(containers.map((container) => nodes.start({ ...container, context })))
  for (const container of containers) {
    await until(`${container.id} to run`, async () => {
      const report = await nodes.status(container)
      return report?.subState === 'RUNNING' && existsSync(join(plan.directory, `${container.id}.txt`))
    })
    record({ type: 'running', id: container.id })
  }
}

async function main(): Promise<void> {
  const attempt = parseApplicationAttemptId(client.applicationAttemptId).attemptId
  record({
    type: 'begun',
    attemptId: client.applicationAttemptId,
    aliases: [...credentials.tokens.keys()],
    secrets: [...credentials.secrets.keys()],
    text: process.env['WEFT_TEST_TEXT'],
  })
  client.register({ host: '', rpcPort: -1, trackingUrl: '' })
  const registered = await until('the registration', () => event('registered'))
  if (plan.scenario === 'reject') {
    client.setAsks([
      { priority: 1, memoryMb: 256, vcores: 1, count: plan.containers },
      { priority: 2, memoryMb: registered.maximum.memoryMb + 1, vcores: 1, count: 1 },
    ])
    await until('the refusal', () => event('asksRejected'))
  } else if (attempt === 1) {
    client.setAsks([{ priority: 1, memoryMb: 256, vcores: 1, count: plan.containers }])
  }
  let containers = [...registered.previousContainers]
  if (attempt === 1) {
    containers = await until('containers', () => {
      const all = events.flatMap((one) => (one.type === 'allocated' ? one.containers : []))
      return all.length >= plan.containers && all
    })
    await startAll(containers)
    if (plan.scenario === 'end-early') process.exit(5)
  } else {
    for (const container of containers) record({ type: 'survivor', id: container.id, report: await nodes.status(container) })
  }
  if (plan.scenario === 'wait-for-resync') {
    record({ type: 'ready-for-restart' })
    await until('the resynchronization', () => event('registered', (one) => one.resynchronized))
    client.setAsks([{ priority: 1, memoryMb: 256, vcores: 1, count: 1 }])
    const extra = await until('a container of the restarted RM', () =>
      event('allocated', (one) => one.containers.some(({ id }) => !containers.some((old) => old.id === id))),
    )
    await startAll(extra.containers)
    containers = [...containers, ...extra.containers]
  }
  // One is stopped on its node, the others are given back to the ResourceManager.
  const [first, ...others] = containers
  if (first !== undefined) await nodes.stop(first)
  client.release(others.map(({ id }) => id))
  await until('all to complete', () => containers.every(({ id }) => completed().includes(id)))
  client.finish({ status: 'SUCCEEDED', diagnostics: 'all done', trackingUrl: '' })
  await until('the end', () => event('finished'))
  nodes.close()
}

main().catch((error: unknown) => {
  record({ type: 'crashed', error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exit(1)
})

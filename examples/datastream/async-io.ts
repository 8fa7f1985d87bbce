/** Calls to other services, many at a time. `npx weft run examples/datastream/async-io.ts` */
import { AsyncDataStream, AsyncRetryStrategies, StreamExecutionEnvironment, Types, type DataStream } from 'weft'

async function show<T>(what: string, stream: DataStream<T>, sorted: boolean): Promise<void> {
  const elements: string[] = []
  for await (const element of await stream.executeAndCollect(what)) elements.push(JSON.stringify(element))
  console.log(`${what}: ${(sorted ? elements.sort() : elements).join(' ')}`)
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export async function main(): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const ids = () => env.fromSequence(1, 4)
  // The first calls are the slowest.
  const lookUp = async (id: number): Promise<string[]> => {
    await pause(10 * (5 - id))
    return [`user ${id}`]
  }

  await show(
    'ordered',
    AsyncDataStream.orderedWait(ids(), { asyncInvoke: lookUp }, { timeout: '10 s', capacity: 4, type: Types.STRING }),
    false,
  )
  await show('unordered', AsyncDataStream.unorderedWait(ids(), { asyncInvoke: lookUp }, { timeout: '10 s' }), true)

  const tries = new Map<number, number>()
  const unreliable = async (id: number): Promise<string[]> => {
    tries.set(id, (tries.get(id) ?? 0) + 1)
    if (tries.get(id) === 1) throw new Error('busy')
    return [`user ${id} at try ${tries.get(id)}`]
  }
  await show(
    'retried',
    AsyncDataStream.orderedWait(ids(), { asyncInvoke: unreliable }, { retry: AsyncRetryStrategies.fixedDelay(3, '10 ms') }),
    false,
  )
  await show(
    'retried later',
    AsyncDataStream.orderedWait(
      ids(),
      { asyncInvoke: async (id) => [id] },
      { retry: AsyncRetryStrategies.exponentialBackoff(3, '10 ms', '1 s') },
    ),
    false,
  )
  await show(
    'timed out',
    AsyncDataStream.orderedWait(
      ids(),
      {
        asyncInvoke: async (id) => {
          if (id === 2) await pause(60_000)
          return [`user ${id}`]
        },
        timeout: (id) => [`nobody ${id}`],
      },
      { timeout: '50 ms' },
    ),
    false,
  )
}

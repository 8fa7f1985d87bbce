/** The datagen source: values per second, one column of each kind. */
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { BIGINT, DOUBLE, INT, STRING, timestamp, type LogicalType } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import type { MicroCase, MicroCases } from '../measure.js'

const SEQUENCE = { kind: 'sequence', start: '1', end: '2000000000' }

async function datagen(name: string, type: LogicalType, options: Readonly<Record<string, string>>): Promise<MicroCase> {
  const of = schema(['c', type])
  const source = await loadSource({
    op: 'source',
    connector: 'datagen',
    tableName: 'bench',
    options: {
      connector: 'datagen',
      'rows-per-second': '1000000000',
      ...Object.fromEntries(Object.entries(options).map(([key, value]) => [`fields.c.${key}`, value])),
    },
    schema: of,
    projection: [0],
    bounded: false,
  })
  let rows = 0
  await source.open?.(
    {
      jobId: '0'.repeat(32) as JobId,
      attemptNumber: 0,
      operatorId: '0'.repeat(32) as OperatorId,
      operatorName: 'bench',
      subtaskIndex: 0,
      parallelism: 1,
      maxParallelism: 128,
      keyGroups: { first: 0, last: 127 },
      inputSchemas: [],
      outputSchema: of,
      configuration: Configuration.empty,
      environment: systemEnvironment,
      fileSystems: new FileSystems('/'),
      requestCoordinator: () => Promise.reject(new Error('no coordinator')),
      printLine: () => undefined,
      countLate: () => undefined,
      counter: () => ({ inc: () => undefined, count: 0 }),
      schedule: (delay, action) => systemEnvironment.timers.after(delay, action),
      nextTurn: () => Promise.resolve(),
    },
    { collect: (batch) => void (rows += batch.length), emitWatermark: () => undefined },
  )
  await source.poll()
  return {
    name: `datagen: ${name}`,
    unit: 'rows',
    async run() {
      const before = rows
      // Awaiting each poll would measure the promises.
      for (let i = 0; i < 16; i++) {
        const polled = source.poll()
        if (polled instanceof Promise) await polled
      }
      return rows - before
    },
  }
}

export const datagenCases: MicroCases = {
  'datagen-int': () => datagen('INT random', INT, {}),
  'datagen-int-sequence': () => datagen('INT sequence', INT, SEQUENCE),
  'datagen-bigint': () => datagen('BIGINT random, 0 to 10^12', BIGINT, { min: '0', max: '1000000000000' }),
  'datagen-bigint-sequence': () => datagen('BIGINT sequence', BIGINT, SEQUENCE),
  'datagen-double': () => datagen('DOUBLE random', DOUBLE, {}),
  'datagen-timestamp': () => datagen('TIMESTAMP random', timestamp(3), { 'max-past': '1 h' }),
  'datagen-string': () => datagen('STRING random, 10 characters', STRING, { length: '10' }),
  'datagen-string-sequence': () => datagen('STRING sequence', STRING, SEQUENCE),
}

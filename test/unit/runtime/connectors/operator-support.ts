/** What a task gives an operator, for tests: everything real but the coordinator, which is a function. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { JobId, OperatorId } from '#core/ids/ids.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import type { Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import type { CoordinatorContext } from '#runtime/connectors/connector.js'
import type { Operator, OperatorContext, Output, SourceOperator } from '#runtime/operators/operator.js'
import { rowsOf } from '../formats/decode-support.js'

export const JOB = '0123456789abcdef0123456789abcdef' as JobId
export const OPERATOR = 'fedcba9876543210fedcba9876543210' as OperatorId

export async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-connectors-'))
  try {
    await test(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export interface TestContext extends OperatorContext {
  readonly lines: { line: string; stderr: boolean }[]
}

export interface ContextOptions {
  readonly directory?: string
  readonly fileSystems?: FileSystems
  readonly subtask?: number
  readonly parallelism?: number
  readonly attempt?: number
  readonly operatorId?: OperatorId
  readonly environment?: Environment
  readonly coordinator?: (event: unknown) => Promise<unknown>
}

export function operatorContext(options: ContextOptions = {}): TestContext {
  const lines: { line: string; stderr: boolean }[] = []
  const environment = options.environment ?? systemEnvironment
  return {
    jobId: JOB,
    attemptNumber: options.attempt ?? 0,
    operatorId: options.operatorId ?? OPERATOR,
    operatorName: 'test',
    subtaskIndex: options.subtask ?? 0,
    parallelism: options.parallelism ?? 1,
    maxParallelism: 128,
    keyGroups: { first: 0, last: 127 },
    inputSchemas: [],
    outputSchema: { fields: [] },
    configuration: Configuration.empty,
    environment,
    fileSystems: options.fileSystems ?? new FileSystems(options.directory ?? '/'),
    requestCoordinator: options.coordinator ?? (() => Promise.reject(new Error('no coordinator'))),
    printLine: (line, stderr) => void lines.push({ line, stderr }),
    countLate: () => undefined,
    counter: () => ({ inc: () => undefined, count: 0 }),
    schedule: (delay, action) => environment.timers.after(delay, action),
    nextTurn: () => Promise.resolve(),
    lines,
  }
}

export function coordinatorContext(options: ContextOptions = {}): CoordinatorContext {
  const { jobId, operatorId, parallelism, configuration, environment, fileSystems } = operatorContext(options)
  return { jobId, operatorId, parallelism, configuration, environment, fileSystems }
}

/** Collects what an operator emits. */
export function collectingOutput(): Output & { readonly batches: Batch[]; rows(): Value[][] } {
  const batches: Batch[] = []
  return { batches, collect: (batch) => void batches.push(batch), emitWatermark: () => undefined, rows: () => batches.flatMap(rowsOf) }
}

/** Polls a source to its end, as a task does. */
export async function drain(source: SourceOperator, context: OperatorContext): Promise<Batch[]> {
  const output = collectingOutput()
  await source.open?.(context, output)
  try {
    while ((await source.poll()) === 'more');
  } catch (error) {
    await source.close?.(true)
    throw error
  }
  await source.close?.(false)
  return output.batches
}

/** Runs a sink over batches, as a task does; returns its committables. */
export async function runSink(sink: Operator, context: OperatorContext, batches: readonly Batch[]): Promise<readonly unknown[]> {
  await sink.open?.(context, collectingOutput())
  for (const batch of batches) await sink.processBatch(batch, 0)
  await sink.endInput(0)
  const committables = (await sink.prepareCommit?.()) ?? []
  await sink.close?.(false)
  return committables
}

export function sourceSpec(schema: Schema, options: Record<string, string>): SpecOf<'source'> {
  return {
    op: 'source',
    connector: options['connector'] ?? 'filesystem',
    tableName: 'default_catalog.default_database.t',
    options,
    schema,
    projection: schema.fields.map((_, i) => i),
    bounded: true,
  }
}

export function sinkSpec(schema: Schema, options: Record<string, string>, notNullEnforcer: 'ERROR' | 'DROP' = 'ERROR'): SpecOf<'sink'> {
  return {
    op: 'sink',
    connector: options['connector'] ?? 'filesystem',
    tableName: 'default_catalog.default_database.t',
    options,
    schema,
    notNullEnforcer,
  }
}

/**
 * All connectors: a new one is added to CONNECTORS, and nowhere else. What a planner needs is loaded at once and light;
 * readers, writers and coordinators are imported when one is used.
 */
import type { SpecOf } from '#core/graph/operator-spec.js'
import { nearest } from '#core/config/nearest.js'
import type { Schema } from '#core/types/schema.js'
import type { Operator, SourceOperator } from '../operators/operator.js'
import { findFormat, formatNames } from '../formats/registry.js'
import { blackholeConnector } from './blackhole/factory.js'
import type { CoordinatorContext, SinkCommitter, SplitEnumerator, TableConnector } from './connector.js'
import { datagenConnector } from './datagen/factory.js'
import {
  ConnectorCannot,
  ConnectorMissing,
  InvalidTable,
  InvalidTableOption,
  MissingTableOption,
  UnknownConnector,
  UnknownTableOption,
} from './errors.js'
import { formatOptions } from './format-options.js'
import { filesystemConnector } from './filesystem/factory.js'
import { nexmarkConnector } from './nexmark/factory.js'
import { nexmarkSideConnector } from './nexmark-side/factory.js'
import { printConnector } from './print/factory.js'

type SourceSpec = SpecOf<'source'>
type SinkSpec = SpecOf<'sink'>

/** A connector and where its parts are. */
export interface ConnectorEntry {
  readonly connector: TableConnector
  source?(): Promise<{ createSource(spec: SourceSpec): SourceOperator | Promise<SourceOperator> }>
  enumerator?(): Promise<{ createEnumerator(spec: SourceSpec, context: CoordinatorContext): SplitEnumerator }>
  sink?(): Promise<{ createSink(spec: SinkSpec): Operator | Promise<Operator> }>
  committer?(): Promise<{ createCommitter(spec: SinkSpec, context: CoordinatorContext): SinkCommitter }>
}

const CONNECTORS: readonly ConnectorEntry[] = [
  {
    connector: filesystemConnector,
    source: () => import('./filesystem/source.js'),
    enumerator: () => import('./filesystem/enumerator.js'),
    sink: () => import('./filesystem/sink.js'),
    committer: () => import('./filesystem/committer.js'),
  },
  { connector: datagenConnector, source: () => import('./datagen/source.js') },
  { connector: nexmarkConnector, source: () => import('./nexmark/source.js') },
  { connector: nexmarkSideConnector, source: () => import('./nexmark-side/source.js') },
  { connector: printConnector, sink: () => import('./print/sink.js') },
  { connector: blackholeConnector, sink: () => import('./blackhole/sink.js') },
]

export function connectorNames(): string[] {
  return CONNECTORS.map((entry) => entry.connector.identifier)
}

export function findConnector(identifier: string): TableConnector | undefined {
  return CONNECTORS.find((entry) => entry.connector.identifier === identifier)?.connector
}

/** @throws TABLE_CONNECTOR_UNKNOWN */
export function connectorEntry(identifier: string): ConnectorEntry {
  const entry = CONNECTORS.find((candidate) => candidate.connector.identifier === identifier)
  if (entry !== undefined) return entry
  const names = connectorNames()
  throw new UnknownConnector({ connector: identifier, nearest: nearest(identifier, names) ?? null, connectors: quotedList(names) })
}

/** Parallelism that the table itself asks for, or undefined. */
export function tableParallelism(options: Readonly<Record<string, string>>, use: 'source' | 'sink'): number | undefined {
  return findConnector(options['connector'] ?? '')?.parallelism?.(options, use)
}

/** True: the table's rows are read as changes of any kind. */
export function readsChanges(options: Readonly<Record<string, string>>): boolean {
  return ofChanges(options)
}

/** The row kinds that the table takes; undefined: it is written by no connector. */
export function sinkChangelog(options: Readonly<Record<string, string>>): 'append' | 'all' | undefined {
  const own = findConnector(options['connector'] ?? '')?.sink?.changelog
  return own === 'append' && ofChanges(options) ? 'all' : own
}

function ofChanges(options: Readonly<Record<string, string>>): boolean {
  const connector = findConnector(options['connector'] ?? '')
  return connector?.formats === true && findFormat(options['format'] ?? '')?.changelog === true
}

/**
 * Checks a table's WITH options against its connector and format, for one use. `schema`: the physical columns.
 * @throws TABLE_CONNECTOR_MISSING, TABLE_CONNECTOR_UNKNOWN, TABLE_CONNECTOR_UNSUITABLE, TABLE_OPTION_UNKNOWN,
 *   TABLE_OPTION_MISSING, TABLE_OPTION_INVALID, TABLE_OPTIONS_CONFLICT
 */
export function validateTable(options: Readonly<Record<string, string>>, schema: Schema, use: 'source' | 'sink'): void {
  const identifier = options['connector']
  if (identifier === undefined) throw new ConnectorMissing({ connectors: quotedList(connectorNames()) })
  const { connector } = connectorEntry(identifier)
  if (connector[use] === undefined) throw new ConnectorCannot({ connector: identifier, use })

  const format = connector.formats === true ? requiredFormat(identifier, options) : undefined
  const known = [
    ...connector.options.flatMap((option) =>
      option.key.includes('#') ? schema.fields.map((field) => ({ ...option, key: option.key.replace('#', field.name) })) : [option],
    ),
    ...(format?.options.map((option) => ({ ...option, key: `${format.identifier}.${option.key}`, required: false })) ?? []),
  ]
  const byKey = new Map(known.map((option) => [option.key, option]))
  const general = new Set(['connector', ...(connector.formats === true ? ['format'] : [])])
  const unsupported = Object.keys(options).filter((key) => !byKey.has(key) && !general.has(key))
  if (unsupported.length > 0) {
    throw new UnknownTableOption({
      connector: identifier,
      unsupported: quotedList(unsupported.sort()),
      nearest: nearest(unsupported[0] ?? '', [...byKey.keys(), ...general]) ?? null,
      supported: quotedList(
        [
          ...general,
          ...connector.options.map((option) => option.key),
          ...known.filter((o) => format !== undefined && o.key.startsWith(`${format.identifier}.`)).map((o) => o.key),
        ].sort(),
      ),
    })
  }
  for (const option of known) {
    const value = options[option.key]
    if (value === undefined) {
      if (option.required === true)
        throw new MissingTableOption({ connector: identifier, key: option.key, description: option.description })
      continue
    }
    const problem = option.check?.(value, schema)
    if (problem !== undefined) throw new InvalidTableOption({ connector: identifier, key: option.key, problem })
  }
  if (format !== undefined) {
    const problem = format.validate?.(formatOptions(options, format.identifier), schema)
    if (problem !== undefined) throw new InvalidTable({ connector: identifier, problem })
  }
  connector.validate?.(options, schema, use)
}

function requiredFormat(connector: string, options: Readonly<Record<string, string>>) {
  const name = options['format']
  if (name === undefined) throw new MissingTableOption({ connector, key: 'format', description: `one of ${quotedList(formatNames())}` })
  const format = findFormat(name)
  if (format !== undefined) return format
  const close = nearest(name, formatNames())
  throw new InvalidTableOption({
    connector,
    key: 'format',
    problem: `names no format: '${name}'.${close === undefined ? '' : ` Did you mean '${close}'?`} There are ${quotedList(formatNames())}`,
  })
}

function quotedList(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

/**
 * The connectors of SQL tables as sources and sinks of streams: elements are rows with the declared fields, in columns.
 *
 * ```ts
 * const Flight = Types.ROW({ origin: Types.STRING, delay: Types.INT })
 * const flights = env.fromSource(TableSource.of({ connector: 'filesystem', path: 'examples/data/flights', format: 'json' }, Flight))
 * flights.sinkTo(TableSink.of({ connector: 'filesystem', path: '/tmp/out', format: 'csv' }, Flight))
 * ```
 */
import type { TypeInformation } from '#runtime/operators/process/type-information.js'

/** Options as in the WITH clause of CREATE TABLE. */
export type ConnectorOptions = Readonly<Record<string, string>> & { readonly connector: string }

/** A table to read. */
export class TableSource<T> {
  readonly connector: string
  readonly options: ConnectorOptions
  readonly type: TypeInformation<T>

  private constructor(options: ConnectorOptions, type: TypeInformation<T>) {
    this.connector = options.connector
    this.options = options
    this.type = type
  }

  /** `type`: Types.ROW with the columns of the table, in the order of the file where the format goes by position. */
  static of<T>(options: ConnectorOptions, type: TypeInformation<T>): TableSource<T> {
    if (type.kind !== 'row') throw new TypeError('TableSource.of needs a Types.ROW: the columns of the table')
    return new TableSource(options, type)
  }
}

/** A table to write. */
export class TableSink<T> {
  readonly connector: string
  readonly options: ConnectorOptions
  readonly type: TypeInformation<T>

  private constructor(options: ConnectorOptions, type: TypeInformation<T>) {
    this.connector = options.connector
    this.options = options
    this.type = type
  }

  static of<T>(options: ConnectorOptions, type: TypeInformation<T>): TableSink<T> {
    if (type.kind !== 'row') throw new TypeError('TableSink.of needs a Types.ROW: the columns of the table')
    return new TableSink(options, type)
  }
}

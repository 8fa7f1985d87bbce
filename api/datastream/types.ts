/**
 * `Types`: what elements of a stream are. Declared rows lie in columns; anything else travels as it is. Flink's Types.
 *
 * ```ts
 * const Bid = Types.ROW({ auction: Types.INT, price: Types.DOUBLE, bidder: Types.NULLABLE(Types.STRING) })
 * type Bid = ElementOf<typeof Bid>            // { auction: number; price: number; bidder: string | null }
 * const bids = env.fromCollection([{ auction: 1, price: 9.5, bidder: null }], Bid)
 * ```
 */
import type { LogicalType } from '#core/types/logical-type.js'
import type { ElementOf, TypeInformation } from '#runtime/operators/process/type-information.js'

const MAX_STRING = 2_147_483_647

const atomic = <T>(type: LogicalType): TypeInformation<T> => ({ kind: 'atomic', type })

/** Elements of a row with these fields. */
export type RowOf<F extends Readonly<Record<string, TypeInformation>>> = { [K in keyof F]: ElementOf<F[K]> }

export const Types = {
  BOOLEAN: atomic<boolean>({ kind: 'BOOLEAN', nullable: false }),
  /** 32 bits. */
  INT: atomic<number>({ kind: 'INT', nullable: false }),
  /** 64 bits, exact: bigint. */
  LONG: atomic<bigint>({ kind: 'BIGINT', nullable: false }),
  /** Any JavaScript number. */
  DOUBLE: atomic<number>({ kind: 'DOUBLE', nullable: false }),
  STRING: atomic<string>({ kind: 'VARCHAR', length: MAX_STRING, nullable: false }),
  /** Days since 1970-01-01. */
  DATE: atomic<number>({ kind: 'DATE', nullable: false }),
  /** Milliseconds since the epoch, of a clock without zone. */
  TIMESTAMP: atomic<number>({ kind: 'TIMESTAMP', precision: 3, nullable: false }),
  /** Milliseconds since the epoch. */
  INSTANT: atomic<number>({ kind: 'TIMESTAMP_LTZ', precision: 3, nullable: false }),
  /** Exact decimals as text: '12.30'. Up to 38 digits. */
  DECIMAL: (precision: number, scale: number): TypeInformation<string> => {
    if (!Number.isInteger(precision) || precision < 1 || precision > 38 || !Number.isInteger(scale) || scale < 0 || scale > precision)
      throw new RangeError(`DECIMAL(${precision}, ${scale}): the precision is 1 to 38, the scale 0 to the precision`)
    return atomic({ kind: 'DECIMAL', precision, scale, nullable: false })
  },
  /** The type, or null. */
  NULLABLE: <T>(type: TypeInformation<T>): TypeInformation<T | null> => {
    if (type.kind === 'generic') return { kind: 'generic' }
    if (type.kind === 'row') throw new TypeError('Types.NULLABLE takes the type of a field, not a row')
    return { kind: 'atomic', type: { ...type.type, nullable: true } as LogicalType }
  },
  /** A plain object with these fields, one column each. A field without a declared type is Types.GENERIC(). */
  ROW: <F extends Readonly<Record<string, TypeInformation>>>(fields: F): TypeInformation<RowOf<F>> => {
    const names = Object.keys(fields)
    if (names.length === 0) throw new TypeError('Types.ROW needs at least one field')
    return {
      kind: 'row',
      schema: {
        fields: names.map((name) => {
          if (name === '' || name.startsWith('$')) throw new TypeError(`Types.ROW: '${name}' cannot be the name of a field`)
          return { name, type: fieldType(name, fields[name] as TypeInformation) }
        }),
      },
    }
  },
  /**
   * Any structured value: objects, arrays, Map, Set, Date, bigint, typed arrays, … What streams are that declare nothing. Not functions or
   * class instances: they arrive as plain objects once they leave the thread.
   */
  GENERIC: <T>(): TypeInformation<T> => ({ kind: 'generic' }),
} as const

function fieldType(name: string, type: TypeInformation): LogicalType {
  switch (type.kind) {
    case 'atomic':
      return type.type
    case 'generic':
      return { kind: 'RAW', nullable: true }
    case 'row':
      throw new TypeError(`Types.ROW: field '${name}' is a row itself; declare it as Types.GENERIC()`)
  }
}

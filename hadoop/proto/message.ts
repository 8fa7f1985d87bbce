/**
 * Protocol buffer messages (proto2) declared in TypeScript: one declaration gives the type, the encoder and the decoder.
 * The wire level (varints, UTF-8, bounds) is @bufbuild/protobuf's; what is here is the declaration and proto2's rules:
 *
 * - `required` fields must be there in both directions; `optional` with a default reads as the default when absent;
 * - unknown fields and unknown enum values are skipped, since old and new Hadoop mix freely;
 * - repeated scalars are written unpacked and read packed or unpacked; of a singular field that occurs twice the last wins;
 * - int64 and uint64 are bigint; bytes are copied out of the buffer they were read from;
 * - nesting deeper than MAX_DEPTH is refused.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { MalformedMessage } from './malformed-message.js'

const MAX_DEPTH = 64

export interface WireForm<T> {
  readonly name: string
  readonly wireType: WireType
  write(writer: BinaryWriter, value: T): void
  /** Undefined: a value this side does not know (an enum constant added later); the field then counts as absent. */
  read(reader: BinaryReader, depth: number): T | undefined
}

export interface Message<Out, In = Out> extends WireForm<unknown> {
  /** Types only; never set. */
  readonly $out?: Out
  readonly $in?: (value: In) => void
  encode(value: In): Uint8Array<ArrayBuffer>
  /** @throws HADOOP_MALFORMED_MESSAGE */
  decode(bytes: Uint8Array): Out
}
/** The decoded value of a message. */
export type Infer<M> = M extends { readonly $out?: infer Out } ? Exclude<Out, undefined> : never
/** What the encoder accepts: repeated fields and fields with a default may be left out. */
export type InferInput<M> = M extends { readonly $in?: (value: infer In) => void } ? In : never

type Label = 'required' | 'optional' | 'default' | 'repeated'
export interface Field<T, I, L extends Label> {
  readonly number: number
  readonly form: WireForm<unknown>
  readonly label: L
  readonly fallback?: T
  readonly $t?: T
  readonly $i?: I
}
type Fields = Readonly<Record<string, Field<unknown, unknown, Label>>>

type Simplify<T> = { [K in keyof T]: T[K] } & {}
type KeysOf<F extends Fields, L extends Label> = {
  [K in keyof F]: F[K] extends Field<unknown, unknown, infer A> ? (A extends L ? K : never) : never
}[keyof F]
type Value<F> = F extends { readonly $t?: infer T } ? Exclude<T, undefined> : never
type Input<F> = F extends { readonly $i?: infer I } ? Exclude<I, undefined> : never
type OutOf<F extends Fields> = Simplify<
  { [K in KeysOf<F, 'required' | 'default'>]: Value<F[K]> } & { [K in KeysOf<F, 'optional'>]?: Value<F[K]> } & {
    [K in KeysOf<F, 'repeated'>]: Value<F[K]>[]
  }
>
type InOf<F extends Fields> = Simplify<
  { readonly [K in KeysOf<F, 'required'>]: Input<F[K]> } & {
    readonly [K in KeysOf<F, 'optional' | 'default'>]?: Input<F[K]> | undefined
  } & {
    readonly [K in KeysOf<F, 'repeated'>]?: readonly Input<F[K]>[] | undefined
  }
>

type OutOfForm<W> = W extends Message<infer Out, infer _In> ? Out : W extends WireForm<infer T> ? T : never
type InOfForm<W> = W extends Message<infer _Out, infer In> ? In : W extends WireForm<infer T> ? T : never
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a bound, not a value
type AnyForm = WireForm<any>

export function required<W extends AnyForm>(number: number, form: W): Field<OutOfForm<W>, InOfForm<W>, 'required'> {
  return { number, form, label: 'required' }
}
export function optional<W extends AnyForm>(number: number, form: W): Field<OutOfForm<W>, InOfForm<W>, 'optional'> {
  return { number, form, label: 'optional' }
}
/** Optional on the wire, never absent for the reader. A value equal to the default is still written when given. */
export function withDefault<W extends AnyForm>(
  number: number,
  form: W,
  fallback: OutOfForm<W>,
): Field<OutOfForm<W>, InOfForm<W>, 'default'> {
  return { number, form, label: 'default', fallback }
}
export function repeated<W extends AnyForm>(number: number, form: W): Field<OutOfForm<W>, InOfForm<W>, 'repeated'> {
  return { number, form, label: 'repeated' }
}

function scalar<T>(name: string, wireType: WireType, write: (w: BinaryWriter, v: T) => unknown, read: (r: BinaryReader) => T): WireForm<T> {
  return { name, wireType, write: (writer, value) => void write(writer, value), read }
}

export const int32 = scalar<number>(
  'int32',
  WireType.Varint,
  (w, v) => w.int32(v),
  (r) => r.int32(),
)
export const uint32 = scalar<number>(
  'uint32',
  WireType.Varint,
  (w, v) => w.uint32(v),
  (r) => r.uint32(),
)
export const sint32 = scalar<number>(
  'sint32',
  WireType.Varint,
  (w, v) => w.sint32(v),
  (r) => r.sint32(),
)
export const int64 = scalar<bigint>(
  'int64',
  WireType.Varint,
  (w, v) => w.int64(v),
  (r) => BigInt(r.int64()),
)
export const uint64 = scalar<bigint>(
  'uint64',
  WireType.Varint,
  (w, v) => w.uint64(v),
  (r) => BigInt(r.uint64()),
)
export const bool = scalar<boolean>(
  'bool',
  WireType.Varint,
  (w, v) => w.bool(v),
  (r) => r.bool(),
)
export const float = scalar<number>(
  'float',
  WireType.Bit32,
  (w, v) => w.float(v),
  (r) => r.float(),
)
export const double = scalar<number>(
  'double',
  WireType.Bit64,
  (w, v) => w.double(v),
  (r) => r.double(),
)
export const string = scalar<string>(
  'string',
  WireType.LengthDelimited,
  (w, v) => w.string(v),
  (r) => r.string(),
)
export const bytes = scalar<Uint8Array>(
  'bytes',
  WireType.LengthDelimited,
  (w, v) => w.bytes(v),
  (r) => Uint8Array.from(r.bytes()),
)

/** `constants`: name to number. Values are the names. */
export function enumeration<const C extends Readonly<Record<string, number>>>(
  name: string,
  constants: C,
): WireForm<keyof C & string> & { readonly constants: C } {
  const names = new Map<number, keyof C & string>(Object.entries(constants).map(([key, number]) => [number, key]))
  return {
    name,
    constants,
    wireType: WireType.Varint,
    write: (writer, value) => {
      const number = constants[value]
      if (number === undefined)
        throw new MalformedMessage({ message: name, problem: `'${String(value)}' is none of ${Object.keys(constants).join(', ')}` })
      writer.int32(number)
    },
    read: (reader) => names.get(reader.int32()),
  }
}

/** For messages that contain themselves. */
export function lazy<Out, In>(form: () => Message<Out, In>): Message<Out, In> {
  return {
    get name() {
      return form().name
    },
    wireType: WireType.LengthDelimited,
    write: (writer, value) => form().write(writer, value),
    read: (reader, depth) => form().read(reader, depth),
    encode: (value) => form().encode(value),
    decode: (buffer) => form().decode(buffer),
  }
}

export function message<F extends Fields>(name: string, fields: F): Message<OutOf<F>, InOf<F>> & { readonly fields: F } {
  const declared = Object.entries(fields).map(([key, field]) => ({ key, ...field }))
  // Hadoop's own encoder writes in order of field numbers; so do we, which makes byte-for-byte comparison possible.
  declared.sort((a, b) => a.number - b.number)
  const byNumber = new Map(declared.map((field) => [field.number, field]))
  if (byNumber.size !== declared.length) throw new Error(`${name}: a field number is used twice`)

  function writeBody(writer: BinaryWriter, value: Readonly<Record<string, unknown>>): void {
    for (const { key, number, form, label } of declared) {
      const given = value[key]
      if (label === 'repeated') {
        for (const item of (given as readonly unknown[] | undefined) ?? []) {
          writer.tag(number, form.wireType)
          form.write(writer, item)
        }
      } else if (given !== undefined) {
        writer.tag(number, form.wireType)
        form.write(writer, given)
      } else if (label === 'required') {
        throw new MalformedMessage({ message: name, problem: `required field '${key}' is missing` })
      }
    }
  }

  function readBody(reader: BinaryReader, depth: number): Record<string, unknown> {
    if (depth > MAX_DEPTH) throw new MalformedMessage({ message: name, problem: `nested deeper than ${MAX_DEPTH}` })
    const value: Record<string, unknown> = {}
    for (const { key, label, fallback } of declared) {
      if (label === 'repeated') value[key] = []
      else if (label === 'default') value[key] = fallback
    }
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag()
      const field = byNumber.get(number)
      if (field === undefined) {
        reader.skip(wireType, number)
        continue
      }
      const { key, form, label } = field
      if (wireType === form.wireType) {
        const item = form.read(reader, depth + 1)
        if (item === undefined) continue
        if (label === 'repeated') (value[key] as unknown[]).push(item)
        else value[key] = item
      } else if (label === 'repeated' && wireType === WireType.LengthDelimited) {
        const packed = new BinaryReader(reader.bytes())
        while (packed.pos < packed.len) {
          const item = form.read(packed, depth + 1)
          if (item !== undefined) (value[key] as unknown[]).push(item)
        }
      } else {
        throw new MalformedMessage({ message: name, problem: `field ${number} ('${key}') has wire type ${wireType}, not ${form.wireType}` })
      }
    }
    for (const { key, label } of declared) {
      if (label === 'required' && value[key] === undefined)
        throw new MalformedMessage({ message: name, problem: `required field '${key}' is missing` })
    }
    return value
  }

  function decodeAt(buffer: Uint8Array, depth: number): Record<string, unknown> {
    try {
      return readBody(new BinaryReader(buffer), depth)
    } catch (error) {
      if (MalformedMessage.is(error)) throw error
      throw new MalformedMessage({ message: name, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
    }
  }

  return {
    name,
    fields,
    wireType: WireType.LengthDelimited,
    write: (writer, value) => {
      writer.fork()
      writeBody(writer, value as Record<string, unknown>)
      writer.join()
    },
    read: (reader, depth) => decodeAt(reader.bytes(), depth),
    encode: (value) => {
      const writer = new BinaryWriter()
      writeBody(writer, value as Record<string, unknown>)
      return writer.finish()
    },
    decode: (buffer) => decodeAt(buffer, 0) as OutOf<F>,
  }
}

/** Messages one after the other, each behind its length as a varint ("delimited"). */
export function delimited(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter()
  for (const part of parts) writer.bytes(part)
  return writer.finish()
}

/** Reads one delimited message at `offset`; `end` is the offset behind it. */
export function readDelimited(buffer: Uint8Array, offset: number): { bytes: Uint8Array; end: number } {
  const reader = new BinaryReader(buffer)
  reader.pos = offset
  try {
    const part = reader.bytes()
    return { bytes: part, end: reader.pos }
  } catch (error) {
    throw new MalformedMessage(
      { message: 'delimited message', problem: error instanceof Error ? error.message : String(error) },
      { cause: error },
    )
  }
}

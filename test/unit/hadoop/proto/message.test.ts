import { BinaryReader } from '@bufbuild/protobuf/wire'
import { expect } from 'chai'
import fc from 'fast-check'
import { MalformedMessage } from '#hadoop/proto/malformed-message.js'
import {
  bool,
  bytes,
  enumeration,
  float,
  int32,
  int64,
  lazy,
  message,
  optional,
  readDelimited,
  repeated,
  required,
  sint32,
  string,
  uint32,
  withDefault,
  delimited,
  type Message,
} from '#hadoop/proto/message.js'
import { ContainerStatus, ResourceRequest, SerializedException } from '#hadoop/proto/yarn-records.js'

const Inner = message('test.Inner', { name: required(1, string), big: withDefault(2, int64, -1n) })
const Outer = message('test.Outer', {
  small: optional(1, int32),
  inner: optional(2, Inner),
  many: repeated(3, Inner),
  raw: optional(4, bytes),
  flag: withDefault(5, bool, true),
  colour: optional(6, enumeration('test.Colour', { RED: 1, GREEN: 2 })),
  numbers: repeated(7, int32),
  signed: optional(8, sint32),
  unsigned: optional(9, uint32),
  share: optional(10, float),
})

describe('a declared message', () => {
  it('comes back as it was written, whatever its values', () => {
    const inner = fc.record(
      { name: fc.string({ unit: 'grapheme' }), big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
      { noNullPrototype: true },
    )
    const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    const outer = fc.record(
      {
        small: int,
        inner,
        many: fc.array(inner, { maxLength: 5 }),
        raw: fc.uint8Array(),
        flag: fc.boolean(),
        colour: fc.constantFrom('RED' as const, 'GREEN' as const),
        numbers: fc.array(int, { maxLength: 20 }),
        signed: int,
        unsigned: fc.nat(0xffffffff),
        share: fc.float({ noNaN: true, noDefaultInfinity: true }),
      },
      { requiredKeys: ['many', 'numbers', 'flag'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(outer, (value) => {
        expect(Outer.decode(Outer.encode(value))).to.deep.equal(value)
      }),
    )
  })

  it('gives defaults and empty lists for what is absent', () => {
    expect(Outer.decode(new Uint8Array(0))).to.deep.equal({ many: [], flag: true, numbers: [] })
    expect(ContainerStatus.decode(new Uint8Array(0)).exitStatus).to.equal(-1000)
  })

  it('skips unknown fields and unknown enum constants', () => {
    const Newer = message('test.Newer', {
      small: optional(1, int32),
      colour: optional(6, enumeration('test.Colour', { RED: 1, GREEN: 2, BLUE: 3 })),
      extra: optional(100, string),
      nested: repeated(101, Inner),
      fixed: optional(102, float),
    })
    const newer = Newer.encode({ small: 7, colour: 'BLUE', extra: 'x'.repeat(300), nested: [{ name: 'n' }], fixed: 1 })
    expect(Outer.decode(newer)).to.deep.equal({ small: 7, many: [], flag: true, numbers: [] })
  })

  it('reads packed repeated numbers', () => {
    // field 7, length-delimited: 1, -1, 300
    const packed = Uint8Array.from([0x3a, 13, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0xac, 2])
    expect(Outer.decode(packed).numbers).to.deep.equal([1, -1, 300])
  })

  it('writes negative int32 in ten bytes, as every protobuf reader expects', () => {
    expect(Buffer.from(Outer.encode({ small: -1 })).toString('hex')).to.equal('08ffffffffffffffffff01')
  })

  it('refuses a message without a required field, in both directions', () => {
    expect(() => Inner.encode({} as never))
      .to.throw()
      .with.property('code', MalformedMessage.code)
    expect(() => Inner.decode(new Uint8Array(0))).to.throw(/required field 'name' is missing/)
  })

  it('refuses cut, wrongly typed and absurdly nested bytes with a typed error, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          Outer.decode(noise)
        } catch (error) {
          expect(MalformedMessage.is(error), String(error)).to.equal(true)
        }
      }),
      { numRuns: 2000 },
    )
    let nested: SerializedException = { message: 'x' }
    for (let depth = 0; depth < 70; depth++) nested = { cause: nested }
    expect(() => SerializedException.decode(SerializedException.encode(nested))).to.throw(/nested deeper/)
  })

  it('knows messages that contain themselves', () => {
    interface Tree {
      left?: Tree
      value?: number
    }
    const Tree: Message<Tree> = message('test.Tree', {
      left: optional(
        1,
        lazy((): Message<Tree> => Tree),
      ),
      value: optional(2, int32),
    })
    const tree = { left: { left: { value: 1 }, value: 2 }, value: 3 }
    expect(Tree.decode(Tree.encode(tree))).to.deep.equal(tree)
  })

  it('copies bytes out of the buffer it read them from', () => {
    const buffer = Outer.encode({ raw: Uint8Array.of(1, 2, 3) })
    const value = Outer.decode(buffer)
    buffer.fill(0)
    expect(value.raw).to.deep.equal(Uint8Array.of(1, 2, 3))
  })
})

describe('delimited messages', () => {
  it('stand one after the other', () => {
    const both = delimited(Inner.encode({ name: 'a' }), new Uint8Array(0), Inner.encode({ name: 'b' }))
    const first = readDelimited(both, 0)
    const second = readDelimited(both, first.end)
    const third = readDelimited(both, second.end)
    expect([Inner.decode(first.bytes).name, second.bytes.length, Inner.decode(third.bytes).name, third.end]).to.deep.equal([
      'a',
      0,
      'b',
      both.length,
    ])
    expect(() => readDelimited(both.subarray(0, 2), 0))
      .to.throw()
      .with.property('code', MalformedMessage.code)
  })
})

describe('ResourceRequest', () => {
  it('is encoded as Hadoop does (test vector)', () => {
    const request = ResourceRequest.encode({
      priority: { priority: 1 },
      resourceName: '*',
      capability: { memory: 1024n, virtualCores: 1 },
      numContainers: 2,
      relaxLocality: true,
    })
    expect(Buffer.from(request).toString('hex')).to.equal('0a02080112012a1a0508800810012002' + '2801')
    expect(new BinaryReader(request).len).to.equal(18)
  })
})

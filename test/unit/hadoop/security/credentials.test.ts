import { expect } from 'chai'
import fc from 'fast-check'
import { delimited } from '#hadoop/proto/message.js'
import { AmRmTokenIdentifier, CredentialsFile, YarnDelegationTokenIdentifier } from '#hadoop/proto/security-messages.js'
import {
  NO_CREDENTIALS,
  findToken,
  readCredentials,
  withSecret,
  withToken,
  withoutToken,
  writeCredentials,
  type Credentials,
} from '#hadoop/security/credentials.js'
import {
  TokenKind,
  asHdfsDelegationToken,
  decodeAmRmTokenIdentifier,
  decodeToken,
  delegationTokenInfo,
  encodeToken,
  withService,
} from '#hadoop/security/tokens.js'
import { WritableReader, vlongBytes, writableText } from '#hadoop/security/writable.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const token = fc.record({ identifier: bytes, password: bytes, kind: text, service: text }, { noNullPrototype: true })

describe('vint', () => {
  it('is written as Hadoop does (test vectors)', () => {
    const vectors: [number | bigint, string][] = [
      [0, '00'],
      [127, '7f'],
      [128, '8f80'],
      [255, '8fff'],
      [256, '8e0100'],
      [1795420748088, '8a01a2076a7938'],
      [-1, 'ff'],
      [-112, '90'],
      [-113, '8770'],
      [-256, '87ff'],
      [-257, '860100'],
    ]
    for (const [value, expected] of vectors) {
      expect(hex(vlongBytes(value)), String(value)).to.equal(expected)
      expect(new WritableReader(Buffer.from(expected, 'hex'), 'x').vlong()).to.equal(BigInt(value))
    }
  })

  it('comes back for every 64-bit number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const reader = new WritableReader(vlongBytes(value), 'x')
        expect(reader.vlong()).to.equal(value)
        expect(reader.remaining).to.equal(0)
      }),
    )
  })
})

describe('a token as text', () => {
  const known = 'BQECAwQFFAABAgMEBQYHCAkKCwwNDg8QERITBEtJTkQOMTI3LjAuMC4xOjgwMjA'
  it('is read and written as Hadoop does (test vector)', () => {
    const decoded = decodeToken(known)
    expect(hex(decoded.identifier)).to.equal('0102030405')
    expect(hex(decoded.password)).to.equal(Array.from({ length: 20 }, (_, i) => i.toString(16).padStart(2, '0')).join(''))
    expect(decoded).to.include({ kind: 'KIND', service: '127.0.0.1:8020' })
    expect(encodeToken(decoded)).to.equal(known)
  })

  it('comes back whatever it holds', () => {
    fc.assert(
      fc.property(token, (one) => {
        expect(decodeToken(encodeToken(one))).to.deep.equal(one)
      }),
    )
  })

  it('is refused when cut, without a word of its content', () => {
    for (let length = 0; length < known.length - 2; length += 3) {
      try {
        decodeToken(known.slice(0, length))
        expect.fail('it was read')
      } catch (error) {
        expect(error).to.have.property('code', 'HADOOP_MALFORMED_WRITABLE')
        expect((error as Error).message).to.not.contain(known.slice(0, 8))
      }
    }
  })

  it('is rewritten for YARN: kind and service, nothing else', () => {
    const web = { identifier: Buffer.from([1]), password: Buffer.from([2]), kind: 'WEBHDFS delegation', service: '10.0.0.1:8020' }
    expect(asHdfsDelegationToken(web)).to.deep.equal({ ...web, kind: 'HDFS_DELEGATION_TOKEN' })
    expect(asHdfsDelegationToken(web, 'ha-hdfs:ns').service).to.equal('ha-hdfs:ns')
    expect(withService({ ...web, service: '' }, 'rm:8032').service).to.equal('rm:8032')
  })
})

describe('token identifiers', () => {
  it('tell owner, renewer and end of delegation tokens', () => {
    const identifier = Buffer.concat([
      Buffer.from([0]),
      writableText('alice@EXAMPLE.COM'),
      writableText('yarn'),
      writableText(''),
      vlongBytes(1795420748088),
      vlongBytes(1796025548088),
      vlongBytes(7),
      vlongBytes(300),
    ])
    const info = {
      owner: 'alice@EXAMPLE.COM',
      renewer: 'yarn',
      realUser: '',
      issueDate: 1795420748088,
      maxDate: 1796025548088,
      sequenceNumber: 7,
      masterKeyId: 300,
    }
    const hdfs = { identifier, password: Buffer.alloc(0), kind: TokenKind.hdfsDelegation, service: '' }
    expect(delegationTokenInfo(hdfs)).to.deep.equal(info)
    expect(delegationTokenInfo({ ...hdfs, kind: TokenKind.swebHdfsDelegation })).to.deep.equal(info)
    const rm = YarnDelegationTokenIdentifier.encode({
      owner: 'alice@EXAMPLE.COM',
      renewer: 'yarn',
      issueDate: 1795420748088n,
      maxDate: 1796025548088n,
      sequenceNumber: 7,
      masterKeyId: 300,
    })
    expect(delegationTokenInfo({ ...hdfs, identifier: rm, kind: TokenKind.rmDelegation })).to.deep.equal(info)
    expect(delegationTokenInfo({ ...hdfs, kind: 'OTHER' })).to.equal(undefined)
    expect(() => delegationTokenInfo({ ...hdfs, identifier: Buffer.from([9]) })).to.throw(/unknown version 9/)
  })

  it('tell an application master its attempt', () => {
    const identifier = AmRmTokenIdentifier.encode({
      appAttemptId: { applicationId: { id: 3, clusterTimestamp: 1795421644448n }, attemptId: 2 },
      keyId: 5,
    })
    expect(
      decodeAmRmTokenIdentifier({ identifier, password: Buffer.alloc(0), kind: TokenKind.amRm, service: '' }).appAttemptId,
    ).to.deep.equal({
      applicationId: { id: 3, clusterTimestamp: 1795421644448n },
      attemptId: 2,
    })
  })
})

describe('credentials', () => {
  const credentials = fc
    .record({ tokens: fc.array(fc.tuple(text, token), { maxLength: 5 }), secrets: fc.array(fc.tuple(text, bytes), { maxLength: 5 }) })
    .map(({ tokens, secrets }): Credentials => ({ tokens: new Map(tokens), secrets: new Map(secrets) }))

  it('come back from format 0, with zeros behind, and from format 1', () => {
    fc.assert(
      fc.property(credentials, fc.nat(20), (one, zeros) => {
        expect(readCredentials(Buffer.concat([writeCredentials(one), Buffer.alloc(zeros)]))).to.deep.equal(one)
        const file = CredentialsFile.encode({
          tokens: [...one.tokens].map(([alias, value]) => ({ alias, token: value })),
          secrets: [...one.secrets].map(([alias, secret]) => ({ alias, secret })),
        })
        const read = readCredentials(Buffer.concat([Buffer.from('HDTS\x01', 'latin1'), delimited(file)]))
        expect([...read.tokens].map(([alias, value]) => [alias, encodeToken(value)])).to.deep.equal(
          [...one.tokens].map(([alias, value]) => [alias, encodeToken(value)]),
        )
        expect(read.secrets).to.deep.equal(one.secrets)
      }),
    )
  })

  it('are seven bytes when empty', () => {
    expect(hex(writeCredentials(NO_CREDENTIALS))).to.equal('48445453000000')
    expect(readCredentials(Buffer.from('48445453000000', 'hex'))).to.deep.equal(NO_CREDENTIALS)
  })

  it('give up the AMRM token, whose alias is empty', () => {
    const amRm = { identifier: Buffer.from([1]), password: Buffer.from([2]), kind: TokenKind.amRm, service: '' }
    const all = withSecret(
      withToken(withToken(NO_CREDENTIALS, '', amRm), 'ns', { ...amRm, kind: TokenKind.hdfsDelegation }),
      'alias',
      Buffer.from('x'),
    )
    expect(findToken(all, TokenKind.amRm)).to.deep.equal(amRm)
    const rest = withoutToken(all, TokenKind.amRm)
    expect([[...rest.tokens.keys()], [...rest.secrets.keys()], findToken(rest, TokenKind.amRm)]).to.deep.equal([
      ['ns'],
      ['alias'],
      undefined,
    ])
  })

  it('are refused when cut, of another format, or absurdly large, always with a typed error', () => {
    const whole = writeCredentials(
      withSecret(
        withToken(NO_CREDENTIALS, 'a', { identifier: Buffer.alloc(200), password: Buffer.alloc(20), kind: 'k', service: 's' }),
        'b',
        Buffer.alloc(9),
      ),
    )
    for (let length = 0; length < whole.length; length++)
      expect(() => readCredentials(whole.subarray(0, length)), String(length))
        .to.throw()
        .with.property('code', 'HADOOP_MALFORMED_WRITABLE')
    expect(() => readCredentials(Buffer.from('HDTS\x02', 'latin1'))).to.throw(/unknown format 2/)
    expect(() => readCredentials(Buffer.from('48445453008a7fffffffffff', 'hex')))
      .to.throw()
      .with.property('code', 'HADOOP_MALFORMED_WRITABLE')
    expect(() => readCredentials(Buffer.alloc(17 * 1024 * 1024))).to.throw(/bytes/)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(0, 1), (noise, format) => {
        try {
          readCredentials(Buffer.concat([Buffer.from('HDTS', 'latin1'), Buffer.from([format]), noise]))
        } catch (error) {
          expect((error as { code?: string }).code).to.be.oneOf(['HADOOP_MALFORMED_WRITABLE', 'HADOOP_MALFORMED_MESSAGE'])
        }
      }),
    )
  })
})

import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { digestLayer, type DigestCipher } from '#hadoop/security/digest-layer.js'
import { digestHa1, digestMd5, digestResponse, parseDirectives, tokenMethod } from '#hadoop/security/digest-md5.js'
import { Rc4 } from '#hadoop/security/rc4.js'
import { parseRpcProtection, type QualityOfProtection } from '#hadoop/security/sasl-mechanism.js'

const identifier = Buffer.from('0102030405', 'hex')
const password = Buffer.from(Array.from({ length: 20 }, (_, i) => i))
const token = { identifier, password, kind: 'KIND', service: '' }
const nonce = 'AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHH'
const cnonce = 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB'
const server = { protocol: '', serverId: 'default', host: 'rm' }
const ha1 = digestHa1({ username: 'AQIDBAU=', realm: 'default', password: 'AAECAwQFBgcICQoLDA0ODxAREhM=', nonce, cnonce })
/** 30 bytes 'A' give the cnonce of the vectors. */
const random = { bytes: (count: number) => Buffer.alloc(count, 'A'), uniform: () => 0.5 }
const challenge = (qop: string, more = '') =>
  Buffer.from(`realm="default",nonce="${nonce}",qop="${qop}",charset=utf-8,algorithm=md5-sess${more}`)
const ciphers = ',cipher="3des,rc4,des,rc4-56,rc4-40"'

describe('DIGEST-MD5', () => {
  it('computes HA1 and the signing key (test vector)', () => {
    expect(ha1.toString('hex')).to.equal('cb352febb1104d837d83c320918064f7')
    const kic = createHash('md5').update(ha1).update('Digest session key to client-to-server signing key magic constant').digest('hex')
    expect(kic).to.equal('52158e7412d4beaf4b40dd49eac819e6')
  })

  const responses: [QualityOfProtection, string, string][] = [
    ['auth', '18d1757a25328fa43b3e8a79a34a2cdb', 'e05bfbb35cdd8ca39781793d09ec72e4'],
    ['auth-int', 'dd9893b51ec581c8c00cdc98e13331d4', 'c8fd88ec80b2f4c95c8d8e3a6bb37671'],
    ['auth-conf', '22ba6017001a4a8a780192f4e76e690d', '6ace5d153b7a351ebaf9154263ba665c'],
  ]
  for (const [quality, response, rspauth] of responses) {
    it(`answers a challenge for ${quality} and verifies the server (test vector)`, () => {
      const inputs = { ha1, nonce, cnonce, quality, digestUri: '/default' }
      expect(digestResponse({ ...inputs, fromServer: false })).to.equal(response)
      expect(digestResponse({ ...inputs, fromServer: true })).to.equal(rspauth)

      const mechanism = digestMd5(token, server, { random, protection: [quality] })
      const answer = parseDirectives(Buffer.from(mechanism.respond(challenge('auth,auth-int,auth-conf', ciphers)) as Uint8Array).toString())
      expect(Object.fromEntries(answer)).to.include({
        username: 'AQIDBAU=',
        realm: 'default',
        cnonce,
        nc: '00000001',
        'digest-uri': '/default',
        response,
        qop: quality,
      })
      expect(answer.get('cipher')).to.equal(quality === 'auth-conf' ? '3des' : undefined)
      const layer = mechanism.finish(Buffer.from(`rspauth=${rspauth}`))
      if (quality === 'auth') expect(layer).to.equal(undefined)
      else expect(layer).to.have.property('protection', quality)
    })
  }

  it('accepts rspauth as a last challenge, too', () => {
    const mechanism = digestMd5(token, server, { random, protection: ['auth'] })
    void mechanism.respond(challenge('auth'))
    expect(mechanism.respond(Buffer.from('rspauth=e05bfbb35cdd8ca39781793d09ec72e4'))).to.have.length(0)
    expect(mechanism.finish(new Uint8Array(0))).to.equal(undefined)
  })

  it('does not trust a server that cannot prove the password', () => {
    const mechanism = digestMd5(token, server, { random })
    void mechanism.respond(challenge('auth'))
    expect(() => mechanism.finish(Buffer.from('rspauth=00000000000000000000000000000000'))).to.throw(/does not know the password/)
    expect(() => mechanism.finish(new Uint8Array(0))).to.throw(/does not know the password/)
  })

  it('takes the strongest protection offered when none is configured', () => {
    const qop = (offer: string) =>
      parseDirectives(Buffer.from(digestMd5(token, server, { random }).respond(challenge(offer, ciphers)) as Uint8Array).toString()).get(
        'qop',
      )
    expect([qop('auth'), qop('auth,auth-int'), qop('auth,auth-int,auth-conf')]).to.deep.equal(['auth', 'auth-int', 'auth-conf'])
  })

  it('refuses less protection than configured, unknown ciphers and other algorithms', () => {
    const start = (text: Buffer, protection?: QualityOfProtection[]) => () => digestMd5(token, server, { random, protection }).respond(text)
    expect(start(challenge('auth'), ['auth-conf'])).to.throw(/offers the protection auth, .* allows only auth-conf/)
    expect(start(challenge('auth-conf', ',cipher="des,rc4-40"'), ['auth-conf'])).to.throw(/only 3des, rc4 are supported/)
    expect(start(Buffer.from(`realm="default",nonce="${nonce}",algorithm=sha-256`))).to.throw(/sha-256/)
    expect(start(Buffer.from('realm="default"'))).to.throw(/no nonce/)
    expect(start(Buffer.alloc(20_000, 'a'))).to.throw(/20000 bytes/)
  })

  it('asks for the token at each new connection', () => {
    let current = token
    const method = tokenMethod(() => current, { random })
    const username = () =>
      parseDirectives(
        Buffer.from((method.start(server) as ReturnType<typeof digestMd5>).respond(challenge('auth')) as Uint8Array).toString(),
      ).get('username')
    expect(username()).to.equal('AQIDBAU=')
    current = { ...token, identifier: Buffer.from([9]) }
    expect(username()).to.equal('CQ==')
  })
})

describe('digest directives', () => {
  it('keep commas and escapes within quotes', () => {
    expect([...parseDirectives('realm="de\\"fault", qop="auth,auth-int" ,nonce=abc,cipher=rc4')]).to.deep.equal([
      ['realm', 'de"fault'],
      ['qop', 'auth,auth-int'],
      ['nonce', 'abc'],
      ['cipher', 'rc4'],
    ])
    expect(() => parseDirectives('realm="open')).to.throw(/malformed/)
  })
})

describe('security layers', () => {
  const eleven = Buffer.from('000102030405060708090a', 'hex')
  const vectors: [string, DigestCipher | undefined, string, string][] = [
    [
      'auth-int',
      undefined,
      '000102030405060708090a85d2761025c124fdbb9f000100000000',
      '000102030405060708090acdd4118cfc5811b015e9000100000001',
    ],
    [
      '3des',
      '3des',
      'eda6879251bbea5ce58a93c8596fc706a3a205e145c02925000100000000',
      '5f92cdaa09e88bda997d7833734287f52ed56a8bb89da3ae000100000001',
    ],
    ['rc4', 'rc4', 'a849e2a01dcf2c188fa6ed94f658c0dcfffe06621b000100000000', 'd893589a61f7706b3318b3ce4d0c68789a924e6b74000100000001'],
  ]
  for (const [name, cipher, first, second] of vectors) {
    it(`${name} wraps two messages in a row (test vector)`, () => {
      const layer = digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'client' })
      expect([layer.wrap(eleven), layer.wrap(eleven)].map((bytes) => Buffer.from(bytes as Uint8Array).toString('hex'))).to.deep.equal([
        first,
        second,
      ])
    })

    it(`${name} comes through in both directions, message after message`, () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 8 }), (messages) => {
          const client = digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'client' })
          const peer = digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'server' })
          for (const message of messages) {
            expect(Buffer.from(peer.unwrap(client.wrap(message) as Uint8Array) as Uint8Array).equals(message)).to.equal(true)
            expect(Buffer.from(client.unwrap(peer.wrap(message) as Uint8Array) as Uint8Array).equals(message)).to.equal(true)
          }
        }),
        { numRuns: 50 },
      )
    })

    it(`${name} refuses changed, repeated, reordered and short messages`, () => {
      const pair = () =>
        [
          digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'client' }),
          digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'server' }),
        ] as const
      const wrapped = Buffer.from(pair()[0].wrap(eleven) as Uint8Array)
      for (let at = 0; at < wrapped.length; at++) {
        const changed = Buffer.from(wrapped)
        changed[at]! ^= 0x10
        expect(() => pair()[1].unwrap(changed), `byte ${at}`).to.throw(/protected message/)
      }
      const [client, peer] = pair()
      const one = client.wrap(eleven) as Uint8Array
      const two = client.wrap(eleven) as Uint8Array
      expect(() => peer.unwrap(two)).to.throw(/sequence number 1, expected 0/)
      void peer.unwrap(one)
      expect(() => peer.unwrap(one)).to.throw(/sequence number 0, expected 1/)
      expect(() => peer.unwrap(one.subarray(0, 10))).to.throw(/too short/)
    })
  }
})

describe('RC4', () => {
  it('produces the keystreams of RFC 6229 and continues them', () => {
    const zeros = (n: number) => new Uint8Array(n)
    const key = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')
    const cipher = new Rc4(key)
    const stream = Buffer.concat([cipher.update(zeros(5)), cipher.update(zeros(11)), cipher.update(zeros(16))])
    expect(stream.toString('hex')).to.equal('9ac7cc9a609d1ef7b2932899cde41b97' + '5248c4959014126a6e8a84f11d1a9e1c')
    expect(Buffer.from(new Rc4(Buffer.from('0102030405', 'hex')).update(zeros(16))).toString('hex')).to.equal(
      'b2396305f03dc027ccc3524a0a1118a8',
    )
  })
})

describe('hadoop.rpc.protection', () => {
  it('is a list of words, most wanted first', () => {
    expect(parseRpcProtection(' privacy, Integrity ,authentication')).to.deep.equal(['auth-conf', 'auth-int', 'auth'])
    expect(parseRpcProtection(undefined)).to.equal(undefined)
    expect(parseRpcProtection('  ')).to.equal(undefined)
    expect(() => parseRpcProtection('privacy,full')).to.throw("'full' is none of authentication, integrity, privacy")
  })
})

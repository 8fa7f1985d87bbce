/** Whatever bytes come from a file, a site file or a server: an error in words, or a value; never a crash, a hang, or memory without bound. */
import { expect } from 'chai'
import * as fc from 'fast-check'
import { admit, proxyUser } from '#am/rest/proxy-door.js'
import { WeftError } from '#core/errors/define-error.js'
import { shortName } from '#hadoop/conf/auth-to-local.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { mergeTokens, readCredentials, writeCredentials, type Credentials } from '#hadoop/security/credentials.js'
import type { Gssapi } from '#hadoop/security/gssapi/library.js'
import { saslGssapi } from '#hadoop/security/gssapi/sasl-gssapi.js'
import { spnegoToken } from '#hadoop/security/gssapi/spnego-token.js'
import type { GssConversation } from '#hadoop/security/kerberos-login.js'
import { parseKeytab } from '#hadoop/security/keytab.js'

const bytes = (maxLength = 200) => fc.uint8Array({ maxLength })

describe('hostile input', () => {
  it('as a keytab is refused in words, or read', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2), bytes(300), (version, rest) => {
        try {
          const found = parseKeytab(Buffer.concat([Buffer.from([5, version]), rest]))
          expect(found.length).to.be.at.most(100)
        } catch (error) {
          expect((error as Error).message).to.match(/no keytab|cut off or damaged/)
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('as rules for names is refused by its property, or gives a name', () => {
    const piece = fc.constantFrom(
      'RULE:',
      '[1:',
      '[2:',
      '$1',
      '$0',
      '@',
      ']',
      '(',
      ')',
      's/',
      '/',
      'g',
      '/L',
      'DEFAULT',
      '.*',
      '+',
      '[a',
      '\n',
      'x',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.string({ maxLength: 40 }), (rules, principal) => {
        try {
          expect(shortName(principal, HadoopConfiguration.of({ 'hadoop.security.auth_to_local': rules.join('') }))).to.be.a('string')
        } catch (error) {
          expect((error as WeftError).code).to.equal('HADOOP_CONF_INVALID_PROPERTY')
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('in a SASL conversation ends it with an error, or in protection that was allowed', async () => {
    const library = {
      wrap: (_context: bigint, _confidential: boolean, clear: Uint8Array) => Buffer.from(clear),
      unwrap: (_context: bigint, wrapped: Uint8Array) => ({ clear: Buffer.from(wrapped), confidential: true }),
      wrapSizeLimit: (_context: bigint, _confidential: boolean, limit: number) => limit - 100,
    } as unknown as Gssapi
    await fc.assert(
      fc.asyncProperty(fc.array(bytes(8), { maxLength: 5 }), bytes(4), async (challenges, last) => {
        let steps = 0
        const conversation: GssConversation = {
          library,
          context: 1n,
          step: () => Promise.resolve({ output: Buffer.alloc(0), done: ++steps > 1 }),
          close: () => undefined,
        }
        const sasl = saslGssapi(conversation, ['auth-conf'])
        try {
          await sasl.respond(new Uint8Array(0))
          for (const challenge of challenges) await sasl.respond(challenge)
          const layer = await sasl.finish(last)
          expect(layer?.protection).to.equal('auth-conf')
          expect(layer?.maxClearBytes).to.be.greaterThan(0)
        } catch (error) {
          expect((error as Error).message).to.match(/offer|challenge too many|said yes before|more than was agreed/)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('as cookies of a request lets nobody in who is not named', () => {
    const part = fc.constantFrom(
      'proxy-user=alice',
      'proxy-user=',
      'proxy-user',
      '=alice',
      '; ',
      ';',
      ' ',
      '"',
      'x=proxy-user=alice',
      'mallory',
      ',',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const cookies = parts.join('')
        const rules = { owner: 'alice', viewAcl: undefined, modifyAcl: undefined }
        const admitted = 'right' in admit({ address: '10.0.0.1', cookies }, new Set(['10.0.0.1']), rules)
        expect(admitted).to.equal(proxyUser(cookies) === 'alice')
        if (admitted) expect(cookies.split(';').filter((one) => one.trim().startsWith('proxy-user=')).length).to.equal(1)
      }),
      { numRuns: 5_000 },
    )
  })

  it('in tokens survives being merged and written: the newest of each service is what is read', () => {
    const token = fc.record({
      identifier: bytes(20).map((value) => Buffer.from(value)),
      password: bytes(20).map((value) => Buffer.from(value)),
      kind: fc.constantFrom('HDFS_DELEGATION_TOKEN', 'RM_DELEGATION_TOKEN', ''),
      service: fc.constantFrom('a:1', 'b:2', ''),
    })
    const credentials = fc
      .array(fc.tuple(fc.string({ maxLength: 5, unit: 'grapheme' }), token), { maxLength: 6 })
      .map((entries): Credentials => ({ tokens: new Map(entries), secrets: new Map() }))
    fc.assert(
      fc.property(credentials, credentials, (base, newer) => {
        const read = readCredentials(writeCredentials(mergeTokens(base, newer)))
        for (const [alias, one] of newer.tokens) expect(read.tokens.get(alias)).to.deep.equal(one)
        for (const [alias, one] of read.tokens)
          if (!newer.tokens.has(alias))
            expect([...newer.tokens.values()].some((other) => other.kind === one.kind && other.service === one.service)).to.equal(false)
      }),
      { numRuns: 500 },
    )
  })

  it('of any length is framed by SPNEGO so that its lengths add up', () => {
    for (const length of [0, 1, 80, 127, 128, 200, 255, 256, 700, 65_535, 65_536, 100_000]) {
      const made = spnegoToken(Buffer.alloc(length, 7))
      const long = (made[1] ?? 0) & 0x80 ? (made[1] ?? 0) & 0x7f : 0
      const declared = long === 0 ? (made[1] ?? 0) : made.readUIntBE(2, long)
      expect(declared).to.equal(made.length - 2 - long)
    }
  })
})

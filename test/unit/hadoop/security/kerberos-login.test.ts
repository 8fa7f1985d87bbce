import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WeftError } from '#core/errors/define-error.js'
import { shortName } from '#hadoop/conf/auth-to-local.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { gssFailure } from '#hadoop/security/gssapi/failure.js'
import { GssError, type Credential, type Gssapi } from '#hadoop/security/gssapi/library.js'
import { saslGssapi, servicePrincipal } from '#hadoop/security/gssapi/sasl-gssapi.js'
import { spnegoToken } from '#hadoop/security/gssapi/spnego-token.js'
import { kerberosLogin, type GssConversation } from '#hadoop/security/kerberos-login.js'
import { keytabPrincipals, parseKeytab } from '#hadoop/security/keytab.js'

/** Version 2, one entry per principal, and a hole between them. */
function keytabOf(...principals: string[]): Buffer {
  const text = (value: string): Buffer => {
    const length = Buffer.alloc(2)
    length.writeInt16BE(Buffer.byteLength(value))
    return Buffer.concat([length, Buffer.from(value)])
  }
  const parts: Buffer[] = [Buffer.from([5, 2])]
  for (const principal of principals) {
    const [name = '', realm = ''] = principal.split('@')
    const components = name.split('/')
    const count = Buffer.alloc(2)
    count.writeInt16BE(components.length)
    const body = Buffer.concat([count, text(realm), ...components.map(text), Buffer.alloc(13), text('key')])
    for (const [size, bytes] of [
      [body.length, body],
      [-7, Buffer.alloc(7, 0xff)],
    ] as const) {
      const head = Buffer.alloc(4)
      head.writeInt32BE(size)
      parts.push(head, bytes)
    }
  }
  return Buffer.concat(parts)
}

const KRB5 = 0x96c73a00
const failureOf = (minor: number, text: string, attempt: { keytab?: string; service?: string } = {}, major = 0xd0000): WeftError =>
  gssFailure(
    { major, minor, text },
    {
      principal: 'alice@REALM',
      keytab: attempt.keytab,
      cache: 'FILE:/tmp/krb5cc_1000',
      service: attempt.service,
      krb5Conf: '/etc/krb5.conf',
    },
  )

describe('a keytab', () => {
  it('tells its principals', () => {
    expect(parseKeytab(keytabOf('alice@REALM', 'nn/host.example@REALM', 'alice@REALM'))).to.deep.equal([
      'alice@REALM',
      'nn/host.example@REALM',
    ])
  })
  it('that is none, or cut off, is refused in words at every length', () => {
    const whole = keytabOf('alice@REALM', 'bob@REALM')
    for (let length = 0; length < whole.length; length++) {
      let found: string[] | undefined
      try {
        found = parseKeytab(whole.subarray(0, length))
      } catch (error) {
        expect((error as Error).message).to.match(/no keytab|cut off/)
      }
      if (found !== undefined) expect(['alice@REALM', 'bob@REALM']).to.include.members(found)
    }
    expect(() => keytabPrincipals('/nowhere/x.keytab')).to.throw('there is no such file')
    expect(() => keytabPrincipals(tmpdir())).to.throw('it is no file')
  })
})

describe("Kerberos' failures", () => {
  it('get a code each, the likely cause and the next command', () => {
    const cases: [WeftError, string, RegExp][] = [
      [failureOf(KRB5 + 195, 'No credentials cache found'), 'KERBEROS_NO_TICKET', /kinit <principal>.*security\.kerberos\.login\.keytab/],
      [failureOf(39756034, 'Credential cache has no TGT'), 'KERBEROS_NO_TICKET', /kinit/],
      [failureOf(0, '', {}, 7 << 16), 'KERBEROS_NO_TICKET', /kinit/],
      [failureOf(KRB5 + 32, 'Ticket expired'), 'KERBEROS_TICKET_EXPIRED', /kinit alice@REALM/],
      [failureOf(0, '', {}, 11 << 16), 'KERBEROS_TICKET_EXPIRED', /kinit alice@REALM/],
      [failureOf(KRB5 + 37, 'Clock skew too great'), 'KERBEROS_CLOCK_SKEW', /timedatectl/],
      [failureOf(100001, 'Clock skew too great'), 'KERBEROS_CLOCK_SKEW', /clocks/],
      [failureOf(KRB5 + 154, 'Cannot find KDC for realm "OTHER"'), 'KERBEROS_WRONG_REALM', /\[realms\]/],
      [failureOf(KRB5 + 7, 'Server not found', { service: 'HTTP@rm.example' }), 'KERBEROS_SERVICE_UNKNOWN', /HTTP@rm\.example.*kvno/],
      [failureOf(KRB5 + 6, 'Client not found'), 'KERBEROS_PRINCIPAL_UNKNOWN', /alice@REALM/],
      [failureOf(KRB5 + 156, 'Cannot contact any KDC'), 'KERBEROS_KDC_UNREACHABLE', /No KDC answers/],
      [
        failureOf(KRB5 + 24, 'Preauthentication failed', { keytab: '/k' }),
        'KERBEROS_KEYTAB_UNUSABLE',
        /klist -kt \/k.*kinit -kt \/k alice@REALM/,
      ],
      [failureOf(KRB5 + 136, 'Improper format'), 'KERBEROS_CONFIGURATION_INVALID', /\/etc\/krb5\.conf/],
      [failureOf(KRB5 + 60, 'Generic error'), 'KERBEROS_FAILED', /Generic error.*KRB5_TRACE/],
    ]
    for (const [error, code, words] of cases) {
      expect(error.code, error.message).to.equal(code)
      expect(error.message).to.match(words)
    }
  })
})

describe('a login', () => {
  const clock = { time: 0, now: () => 0, monotonic: () => clock.time }
  const unused = (): never => {
    throw new Error('not asked for')
  }
  const library = (overrides: Partial<Gssapi>): Gssapi => ({
    serviceName: () => 1n,
    acquireFromCache: unused,
    acquireFromKeytab: unused,
    releaseCredential: () => undefined,
    initialize: () => Promise.resolve({ context: 5n, output: Buffer.from('ticket'), done: true, flags: 0 }),
    deleteContext: () => undefined,
    wrap: unused,
    unwrap: unused,
    wrapSizeLimit: unused,
    ...overrides,
  })
  const ticket = (principal: string, lifetimeSeconds: number): Credential => ({ handle: 9n, principal, lifetimeSeconds })
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'weft-keytab-'))))
  after(() => rmSync(folder, { recursive: true }))
  beforeEach(() => (clock.time = 0))

  it('by ticket cache reads the ticket anew when it has run out', async () => {
    const found = [ticket('alice@R', 10), ticket('alice@R', 3600)]
    const login = kerberosLogin({}, clock, () => library({ acquireFromCache: () => found.shift() ?? unused() }))
    expect(Buffer.from(await login.negotiateToken('HTTP@rm'), 'base64').includes('ticket')).to.equal(true)
    expect(login.principal()).to.equal('alice@R')
    clock.time = 11_000
    expect(await login.lifetimeSeconds()).to.equal(3600)
  })
  it('by ticket cache refuses an expired ticket, and one of somebody else', async () => {
    const expired = kerberosLogin({}, clock, () => library({ acquireFromCache: () => ticket('alice@R', 0) }))
    expect((await expired.negotiateToken('HTTP@rm').catch((error: unknown) => error)) as WeftError).to.have.property(
      'code',
      'KERBEROS_TICKET_EXPIRED',
    )
    const other = kerberosLogin({ principal: 'bob@R' }, clock, () => library({ acquireFromCache: () => ticket('alice@R', 10) }))
    expect(() => other.principal()).to.throw(/is bob@R, and the ticket in .* is of alice@R.*kinit bob@R/)
  })
  it('by keytab fetches a new ticket at three quarters of its life, and lives on the old one while no KDC answers', async () => {
    const keytab = join(folder, 'alice.keytab')
    writeFileSync(keytab, keytabOf('alice@R'))
    let asked = 0
    let kdc = true
    const acquireFromKeytab = () => {
      asked++
      return kdc
        ? Promise.resolve(ticket('alice@R', 100))
        : Promise.reject(new GssError({ major: 0xd0000, minor: KRB5 + 156, text: 'no KDC' }))
    }
    const login = kerberosLogin({ keytab, principal: 'alice' }, clock, () => library({ acquireFromKeytab }))
    await Promise.all([login.negotiateToken('HTTP@a'), login.negotiateToken('HTTP@b')])
    expect(asked, 'two at once are one login').to.equal(1)
    expect(login.principal(), 'as the KDC knows it').to.equal('alice@R')
    clock.time = 74_000
    await login.negotiateToken('HTTP@a')
    expect(asked).to.equal(1)
    clock.time = 76_000
    await login.negotiateToken('HTTP@a')
    expect(asked).to.equal(2)
    kdc = false
    clock.time = 76_000 + 80_000
    await login.negotiateToken('HTTP@a')
    expect(asked).to.equal(3)
    clock.time = 76_000 + 101_000
    expect((await login.negotiateToken('HTTP@a').catch((error: unknown) => error)) as WeftError).to.have.property(
      'code',
      'KERBEROS_KDC_UNREACHABLE',
    )
  })
  it('by keytab says what the keytab holds before any KDC is asked', async () => {
    const keytab = join(folder, 'bob.keytab')
    writeFileSync(keytab, keytabOf('bob@R'))
    const login = kerberosLogin({ keytab, principal: 'alice@R' }, clock, () => library({}))
    const error = (await login.negotiateToken('HTTP@a').catch((failure: unknown) => failure)) as WeftError
    expect([error.code, /holds keys of bob@R only/.test(error.message)]).to.deep.equal(['KERBEROS_KEYTAB_UNUSABLE', true])
  })
})

describe('SASL GSSAPI', () => {
  /** A library that wraps by turning a byte's bits over; the server's side is played by hand. */
  const flip = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0xff))
  function conversation(): GssConversation & { closed: number } {
    let steps = 0
    const library = {
      wrap: (_context: bigint, confidential: boolean, clear: Uint8Array) =>
        Buffer.concat([Buffer.from([confidential ? 1 : 0]), flip(clear)]),
      unwrap: (_context: bigint, wrapped: Uint8Array) => ({ clear: flip(wrapped.subarray(1)), confidential: wrapped[0] === 1 }),
      wrapSizeLimit: (_context: bigint, _confidential: boolean, limit: number) => limit - 60,
    } as unknown as Gssapi
    const made = {
      closed: 0,
      library,
      context: 3n,
      step: (input: Uint8Array | undefined) =>
        Promise.resolve({ output: Buffer.from(input === undefined ? 'AP-REQ' : ''), done: steps++ > 0 }),
      close: () => void made.closed++,
    }
    return made
  }
  const offer = (layers: number, size = 65536) =>
    Buffer.concat([Buffer.from([0]), flip(Buffer.from([layers, size >> 16, (size >> 8) & 255, size & 255]))])

  it('goes through the exchange of RFC 4752 and agrees on the strongest that both want', async () => {
    for (const [layers, wanted, chosen] of [
      [7, undefined, 'auth-conf'],
      [3, undefined, 'auth-int'],
      [7, ['auth-int'], 'auth-int'],
      [7, ['auth'], undefined],
      [1, undefined, undefined],
    ] as const) {
      const talk = conversation()
      const sasl = saslGssapi(talk, wanted)
      expect(Buffer.from(await sasl.respond(new Uint8Array(0))).toString()).to.equal('AP-REQ')
      expect((await sasl.respond(Buffer.from('AP-REP'))).length).to.equal(0)
      const answer = flip(Buffer.from(await sasl.respond(offer(layers))).subarray(1))
      const layer = await sasl.finish(new Uint8Array(0))
      expect(layer?.protection).to.equal(chosen)
      expect([...answer]).to.deep.equal(chosen === undefined ? [1, 0, 0, 0] : [chosen === 'auth-conf' ? 4 : 2, 255, 255, 255])
      if (layer === undefined) expect(talk.closed).to.equal(1)
      else {
        expect(layer.maxClearBytes).to.equal(65536 - 60)
        expect(Buffer.from(await layer.unwrap(await layer.wrap(Buffer.from('hello')))).toString()).to.equal('hello')
      }
    }
  })
  it('refuses weaker protection than it wants, and a server that says yes too soon', async () => {
    const sasl = saslGssapi(conversation(), ['auth-conf'])
    await sasl.respond(new Uint8Array(0))
    await sasl.respond(Buffer.from('AP-REP'))
    const error = await Promise.resolve(sasl.respond(offer(3))).catch((failure: unknown) => failure)
    expect((error as Error).message).to.match(/offers the protection auth-int, auth, and hadoop\.rpc\.protection allows auth-conf/)
    expect(() => saslGssapi(conversation(), undefined).finish(new Uint8Array(0))).to.throw(/before it proved who it is/)
  })
  it('refuses a clear message where all is to be encrypted', async () => {
    const sasl = saslGssapi(conversation(), ['auth-conf'])
    await sasl.respond(new Uint8Array(0))
    await sasl.respond(Buffer.from('AP-REP'))
    await sasl.respond(offer(7))
    const layer = await sasl.finish(new Uint8Array(0))
    expect(() => layer?.unwrap(Buffer.from([0, 1, 2]))).to.throw(/not encrypted/)
  })
  it('asks for the ticket of the configured server only', () => {
    const server = { protocol: 'rm', serverId: 'rm1.example', host: 'RM1.example' }
    const property = 'yarn.resourcemanager.principal'
    expect(servicePrincipal({ property, value: 'rm/_HOST@REALM' }, server)).to.equal('rm/rm1.example@REALM')
    expect(() => servicePrincipal({ property, value: 'rm/other.example@REALM' }, server)).to.throw(/says that it is rm\/rm1\.example/)
    expect(() => servicePrincipal({ property, value: undefined }, server)).to.throw(/yarn\.resourcemanager\.principal is not set/)
  })
})

describe("SPNEGO's message", () => {
  it('is DER around the token, also with long lengths', () => {
    expect(spnegoToken(Buffer.from([1, 2, 3])).toString('hex')).to.equal(
      '602206062b0601050502a0183016a00d300b06092a864886f712010202a2050403010203',
    )
    const long = spnegoToken(Buffer.alloc(700, 7))
    expect(long.subarray(0, 2).toString('hex')).to.equal('6082')
    expect(long.readUInt16BE(2)).to.equal(long.length - 4)
    expect(long.includes(Buffer.concat([Buffer.from('048202bc', 'hex'), Buffer.alloc(700, 7)]))).to.equal(true)
  })
})

describe('auth_to_local', () => {
  const rules = (text: string) => HadoopConfiguration.of({ 'hadoop.security.auth_to_local': text })
  it('gives a principal its short name', () => {
    expect(shortName('alice@R', HadoopConfiguration.of({}))).to.equal('alice')
    expect(shortName('nn/host@R', HadoopConfiguration.of({}))).to.equal('nn')
    const several = rules(
      'RULE:[2:$1@$0](nn@R)s/.*/hdfs/\nRULE:[1:$1@$0](.*@CORP\\.EX)s/@.*///L\nRULE:[2:$1;$2](^.*;admin$)s/;admin$//\nDEFAULT',
    )
    expect(shortName('nn/host@R', several)).to.equal('hdfs')
    expect(shortName('ALICE@CORP.EX', several)).to.equal('alice')
    expect(shortName('bob/admin@R', several)).to.equal('bob')
    expect(shortName('carol@R', several)).to.equal('carol')
  })
  it('that is no list of rules is told', () => {
    expect(() => shortName('alice@R', rules('RULES: x'))).to.throw(/auth_to_local.*no rule begins with/)
    expect(() => shortName('alice@R', rules('RULE:[1:$1](*bad)s/a/b/'))).to.throw(/auth_to_local/)
  })
})

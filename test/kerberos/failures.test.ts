/** What a user reads who cannot log in: each cause in words, with the next command, found out against a real KDC. */
import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { CommandResult } from '../support/weft-command.js'
import { SecureCluster, type SecureUser } from './secure-cluster.js'

describe('without a good login to a Kerberized cluster', () => {
  let cluster: SecureCluster
  let alice: SecureUser
  let folder: string

  before(async function () {
    this.timeout(600_000)
    folder = mkdtempSync(join(tmpdir(), 'weft-kerberos-'))
    cluster = await SecureCluster.start({ kerberos: 'authentication', nodes: 1 })
    alice = await cluster.user('alice')
  })
  after(async function () {
    this.timeout(60_000)
    rmSync(folder, { recursive: true, force: true })
    await cluster?.stop()
  })

  const none = (): string => join(folder, 'none')
  const byKeytab = (keytab: string, principal: string) =>
    alice.weft(['list', `-Dsecurity.kerberos.login.keytab=${keytab}`, `-Dsecurity.kerberos.login.principal=${principal}`], {
      environment: { KRB5CCNAME: none() },
    })
  function expectRefusal(result: CommandResult, ...words: RegExp[]): void {
    expect(result.status, result.stdout).to.equal(1)
    for (const word of words) expect(result.stderr).to.match(word)
    expect(result.stderr, 'no raw GSS status, no stack').not.to.match(/major [0-9a-f]+, minor|^\s+at /m)
    expect(result.stderr.trim().split('\n').length, result.stderr).to.be.at.most(3)
  }

  it('works with one', async () => {
    const result = await alice.weft(['list'])
    expect([result.status, result.stdout, result.stderr]).to.deep.equal([0, 'No running applications.\n', ''])
  })

  it('no ticket', async () => {
    expectRefusal(
      await alice.weft(['list'], { environment: { KRB5CCNAME: none() } }),
      /^There is no Kerberos ticket in .*none/,
      /kinit/,
      /keytab/,
    )
  })

  it('an expired ticket', async () => {
    const cache = join(folder, 'short')
    await promisify(execFile)('kinit', ['-k', '-t', cluster.keytab('alice'), '-c', cache, '-l', '1s', 'alice'], {
      env: { ...process.env, ...cluster.environment },
    })
    await pause(2_000)
    expectRefusal(
      await alice.weft(['list'], { environment: { KRB5CCNAME: cache } }),
      /^The Kerberos ticket (of alice@\S+|in \S+short) has expired/,
      /kinit/,
    )
  })

  it('a ticket of somebody else than asked for', async () => {
    expectRefusal(
      await alice.weft(['list', '-Dsecurity.kerberos.login.principal=mallory']),
      /is mallory, and the ticket in .* is of alice@/,
    )
  })

  it('no keytab, one of somebody else, one that may not be read, one that is none', async () => {
    expectRefusal(await byKeytab(join(folder, 'nothing.keytab'), 'alice'), /nothing\.keytab .*there is no such file/)
    expectRefusal(await byKeytab(cluster.keytab('mallory'), 'alice'), /it holds keys of mallory@\S+ only/, /klist -kt/)
    const text = join(folder, 'text.keytab')
    writeFileSync(text, 'principal alice')
    expectRefusal(await byKeytab(text, 'alice'), /it is no keytab/)
    if (process.getuid?.() !== 0) {
      chmodSync(text, 0)
      expectRefusal(await byKeytab(text, 'alice'), /may not be read/)
    }
  })

  it('a keytab from before a change of the password, and a principal that the KDC no longer has', async () => {
    const stale = join(folder, 'stale.keytab')
    await cluster.hadoop.kadmin('addprinc -randkey carol')
    await cluster.hadoop.kadmin(`ktadd -k ${stale} carol`)
    await cluster.hadoop.kadmin('cpw -randkey carol')
    expectRefusal(await byKeytab(stale, 'carol'), /its key is not the one that the KDC has/, /kinit -kt/)
    await cluster.hadoop.kadmin('delprinc -force carol')
    expectRefusal(await byKeytab(stale, 'carol'), /The KDC does not accept the principal carol/)
  })

  it('a server under a name that its principal does not have', async () => {
    const conf = join(folder, 'conf')
    cpSync(cluster.hadoop.confDir, conf, { recursive: true })
    const site = join(conf, 'yarn-site.xml')
    const address = new URL(cluster.hadoop.resourceManager).host
    writeFileSync(site, readFileSync(site, 'utf8').replaceAll(address, address.replace('localhost', '127.0.0.1')))
    expectRefusal(
      await alice.weft(['list'], { environment: { HADOOP_CONF_DIR: conf } }),
      /The KDC knows no service HTTP@127\.0\.0\.1/,
      /kvno/,
    )
  })

  it('a realm that nobody has told of, and a Kerberos configuration that is none', async () => {
    const real = cluster.environment['KRB5_CONFIG'] ?? ''
    const other = join(folder, 'other.conf')
    writeFileSync(other, readFileSync(real, 'utf8').replace(/localhost = \S+/, 'localhost = OTHER.TEST'))
    const fresh = join(folder, 'fresh')
    copyFileSync(alice.ticketCache, fresh)
    const elsewhere = await alice.weft(['list'], { environment: { KRB5_CONFIG: other, KRB5CCNAME: fresh } })
    expectRefusal(elsewhere, /Kerberos finds no way for HTTP@localhost.*|knows no service/, /\[domain_realm\]|kvno/)
    const garbage = join(folder, 'garbage.conf')
    writeFileSync(garbage, '[libdefaults\n  default_realm = A\n')
    expectRefusal(
      await alice.weft(['list', `-Dsecurity.kerberos.krb5-conf.path=${garbage}`]),
      /Kerberos configuration .*garbage\.conf cannot be used/,
    )
    expectRefusal(
      await alice.weft(['list', '-Dsecurity.kerberos.krb5-conf.path=/nowhere/krb5.conf']),
      /\/nowhere\/krb5\.conf cannot be used/,
    )
  })

  it('a token file that is none, and one without the token that is wanted', async () => {
    const file = join(folder, 'tokens')
    writeFileSync(file, 'HDTX')
    expectRefusal(
      await alice.weft(['list'], { environment: { KRB5CCNAME: none(), HADOOP_TOKEN_FILE_LOCATION: file } }),
      /token file .*tokens \(HADOOP_TOKEN_FILE_LOCATION\) cannot be used/,
    )
  })

  it('no KDC', async () => {
    const cache = await cluster.hadoop.kinit('alice')
    await cluster.hadoop.kill('kdc')
    try {
      expectRefusal(await byKeytab(cluster.keytab('alice'), 'alice'), /No KDC answers for alice/, /\[realms\]/)
      expectRefusal(await alice.weft(['list'], { environment: { KRB5CCNAME: cache } }), /No KDC answers for HTTP@localhost/)
    } finally {
      await cluster.hadoop.launch('kdc')
    }
    const result = await byKeytab(cluster.keytab('alice'), 'alice')
    expect(result.status, result.stderr).to.equal(0)
  })
})

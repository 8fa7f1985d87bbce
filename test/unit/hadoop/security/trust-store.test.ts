/** Trust stores, as keytool writes them. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { HadoopConfiguration, TRUSTED_CERTIFICATES } from '#hadoop/conf/hadoop-configuration.js'
import { readTrustStore, TrustStoreUnreadable, withTrustedCertificates } from '#hadoop/security/trust/trust-store.js'

const PASSWORD = 'trust me 7'

describe('trust stores', function () {
  this.timeout(120_000)
  let folder: string
  const file = (name: string): string => join(folder, name)
  const keytool = (...args: string[]): string =>
    execFileSync('keytool', ['-J-XX:TieredStopAtLevel=1', '-J-Dfile.encoding=UTF-8', '-J-Dsun.jnu.encoding=UTF-8', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C.UTF-8', STORE_PASSWORD: PASSWORD },
    })

  const store = (type: string, name: string): string[] => ['-storetype', type, '-keystore', file(name), '-storepass:env', 'STORE_PASSWORD']

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-trust-'))
    for (const [name, algorithm] of [
      ['rsa', ['-keyalg', 'RSA', '-keysize', '2048']],
      ['ec', ['-keyalg', 'EC', '-groupname', 'secp256r1']],
    ] as const) {
      keytool('-genkeypair', '-alias', name, ...algorithm, '-dname', `CN=${name}`, '-validity', '30', ...store('PKCS12', `${name}.p12`))
      writeFileSync(file(`${name}.pem`), keytool('-exportcert', '-rfc', '-alias', name, ...store('PKCS12', `${name}.p12`)))
      for (const type of ['JKS', 'PKCS12'])
        keytool('-importcert', '-noprompt', '-alias', name, '-file', file(`${name}.pem`), ...store(type, `trusted.${type}`))
    }
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const subjects = (certificates: readonly string[]): string[] => certificates.map((pem) => new X509Certificate(pem).subject).sort()

  for (const type of ['JKS', 'PKCS12'])
    it(`gives the certificates of ${type}, whatever their keys are`, async () => {
      const certificates = await readTrustStore(readFileSync(file(`trusted.${type}`)), PASSWORD)
      expect(subjects(certificates)).to.deep.equal(['CN=ec', 'CN=rsa'])
      expect(certificates.map((pem) => new X509Certificate(pem).fingerprint256)).to.have.members(
        ['rsa', 'ec'].map((name) => new X509Certificate(readFileSync(file(`${name}.pem`))).fingerprint256),
      )
    })

  it('trusts the certificate of a key, as Java does', async () => {
    keytool(
      '-importkeystore',
      '-srckeystore',
      file('rsa.p12'),
      '-srcstorepass:env',
      'STORE_PASSWORD',
      '-destkeystore',
      file('own.jks'),
      '-deststoretype',
      'JKS',
      '-deststorepass:env',
      'STORE_PASSWORD',
    )
    expect(subjects(await readTrustStore(readFileSync(file('own.jks')), PASSWORD))).to.deep.equal(['CN=rsa'])
    expect(subjects(await readTrustStore(readFileSync(file('rsa.p12')), PASSWORD))).to.deep.equal(['CN=rsa'])
  })

  it('takes PEM, several in a file', async () => {
    const both = Buffer.concat([Buffer.from('# of the cluster\n'), readFileSync(file('rsa.pem')), readFileSync(file('ec.pem'))])
    expect(subjects(await readTrustStore(both, undefined))).to.deep.equal(['CN=ec', 'CN=rsa'])
  })

  it('tells a wrong password, and reads JKS without one, as Java does', async () => {
    for (const type of ['JKS', 'PKCS12']) {
      const error = await readTrustStore(readFileSync(file(`trusted.${type}`)), 'wrong').catch((reason: unknown) => reason as Error)
      expect(String(error)).to.include('the password is not the right one')
    }
    expect(await readTrustStore(readFileSync(file('trusted.JKS')), undefined)).to.have.length(2)
  })

  it('refuses damaged stores, and nothing else happens', async () => {
    for (const type of ['JKS', 'PKCS12']) {
      const good = readFileSync(file(`trusted.${type}`))
      await fc.assert(
        fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, by, cut) => {
          const bad = cut ? good.subarray(0, at) : Buffer.from(good)
          if (!cut) bad[at] = (bad[at] as number) ^ by
          // Some bytes of PKCS#12 are not part of what its digest covers.
          const outcome = await readTrustStore(bad, PASSWORD).catch((reason: unknown) => reason)
          if (type === 'JKS' || !Array.isArray(outcome)) expect(outcome).to.have.property('name', 'TrustStoreProblem')
          else expect(subjects(outcome)).to.deep.equal(['CN=ec', 'CN=rsa'])
        }),
        { numRuns: 60 },
      )
    }
  })

  it('is read where the cluster serves HTTPS, and its certificates are shipped without its password', async () => {
    const conf = HadoopConfiguration.of({
      'yarn.http.policy': 'HTTPS_ONLY',
      'ssl.client.truststore.location': file('trusted.JKS'),
      'ssl.client.truststore.password': PASSWORD,
    })
    const shipped = (await withTrustedCertificates(conf)).toShippedRecord()
    expect(shipped[TRUSTED_CERTIFICATES]?.match(/BEGIN CERTIFICATE/g)).to.have.length(2)
    expect(JSON.stringify(shipped)).not.to.include(PASSWORD)
    const plain = conf.with({ 'yarn.http.policy': 'HTTP_ONLY', 'ssl.client.truststore.location': file('nowhere') })
    expect(await withTrustedCertificates(plain)).to.equal(plain)
  })

  it('names the file that cannot be read, and what it is to be', async () => {
    writeFileSync(file('text'), 'no store')
    for (const [name, reason] of [
      ['nowhere', 'ENOENT'],
      ['text', 'neither JKS nor PKCS#12 nor PEM'],
    ] as const) {
      const conf = HadoopConfiguration.of({ 'dfs.http.policy': 'HTTPS_ONLY', 'ssl.client.truststore.location': file(name) })
      const error = await withTrustedCertificates(conf).catch((thrown: unknown) => thrown)
      expect(TrustStoreUnreadable.is(error) && error.message).to.match(new RegExp(`^Cannot read the trust store ${file(name)}.*${reason}`))
    }
  })
})

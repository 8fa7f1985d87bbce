import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { clusterLogin, hdfsToken, tokenFileReader } from '#hadoop/security/cluster-login.js'
import { mergeTokens, withoutSecret, writeCredentials, type Credentials } from '#hadoop/security/credentials.js'
import { replaceTokenFile } from '#hadoop/security/token-file.js'
import { decodeToken, type Token } from '#hadoop/security/tokens.js'
import { writableText, vlongBytes } from '#hadoop/security/writable.js'

const identifier = (owner: string, sequence: number): Buffer =>
  Buffer.concat([Buffer.from([0]), ...[owner, 'yarn', ''].map(writableText), ...[1, 2, sequence, 3].map((number) => vlongBytes(number))])
const token = (kind: string, service: string, sequence = 1): Token => ({
  identifier: kind === 'HDFS_DELEGATION_TOKEN' ? identifier('alice', sequence) : Buffer.from([sequence]),
  password: Buffer.from('password'),
  kind,
  service,
})
const HDFS = 'HDFS_DELEGATION_TOKEN'
const credentialsOf = (tokens: Record<string, Token>, secrets: Record<string, Buffer> = {}): Credentials => ({
  tokens: new Map(Object.entries(tokens)),
  secrets: new Map(Object.entries(secrets)),
})
const SECURE = { 'hadoop.security.authentication': 'kerberos', 'fs.defaultFS': 'hdfs://nn.example:8020' }

describe('a token file that is renewed', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-tokens-'))
    path = join(folder, 'container_tokens')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('holds one token of each kind and service, and keeps what is not renewed', async () => {
    const amRm = token('YARN_AM_RM_TOKEN', '')
    writeFileSync(
      path,
      writeCredentials(credentialsOf({ '': amRm, 'nn:1': token(HDFS, 'nn:1'), other: token(HDFS, 'nn:2') }, { s: Buffer.from('x') })),
    )
    const read = tokenFileReader(path)
    expect(read().tokens.size).to.equal(3)
    expect(read(), 'unchanged, not read again').to.equal(read())
    await replaceTokenFile(path, credentialsOf({ 'nn:2': token(HDFS, 'nn:2', 7) }))
    expect([...read().tokens.keys()]).to.deep.equal(['', 'nn:1', 'nn:2'])
    expect(read().tokens.get('nn:2')).to.deep.equal(token(HDFS, 'nn:2', 7))
    expect(read().secrets.get('s')?.toString()).to.equal('x')
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(readdirSync(folder)).to.deep.equal(['container_tokens'])
  })

  it('is what requests to HDFS are made with, the newest each time', async () => {
    writeFileSync(path, writeCredentials(credentialsOf({ nn: token(HDFS, '10.0.0.1:8020', 1) })))
    const login = clusterLogin(HadoopConfiguration.of(SECURE), 'root', { tokenFile: path })
    expect([login.kind, login.user]).to.deep.equal(['tokens', 'alice'])
    const sent = async (): Promise<Token> =>
      decodeToken((await login.hdfs.credentialsFor(new URL('http://nn.example:9870/webhdfs/v1/'))).query['delegation'] ?? '')
    expect(await sent()).to.deep.equal(token(HDFS, '10.0.0.1:8020', 1))
    await replaceTokenFile(path, credentialsOf({ nn: token(HDFS, '10.0.0.1:8020', 2) }))
    expect(await sent()).to.deep.equal(token(HDFS, '10.0.0.1:8020', 2))
    const error = await login.resourceManager.credentialsFor(new URL('http://rm:8088/')).catch((failure: unknown) => failure)
    expect((error as Error).message).to.match(/holds no RM_DELEGATION_TOKEN token, which http:\/\/rm:8088 wants/)
  })

  it('that is missing, damaged, or not one at all is told by its path', () => {
    const conf = HadoopConfiguration.of(SECURE)
    expect(() => clusterLogin(conf, 'root', { tokenFile: join(folder, 'none') })).to.throw(/token file .*none .*cannot be used/)
    writeFileSync(path, 'HDTS')
    expect(() => clusterLogin(conf, 'root', { tokenFile: path })).to.throw(/container_tokens .*does not begin with/)
  })

  it('chooses among the tokens of several NameNodes by service', async () => {
    const conf = HadoopConfiguration.of({
      ...SECURE,
      'dfs.nameservices': 'blue',
      'dfs.ha.namenodes.blue': 'a,b',
      'dfs.namenode.rpc-address.blue.a': 'a.example:8020',
      'dfs.namenode.rpc-address.blue.b': 'b.example:8020',
      'dfs.namenode.http-address.blue.a': 'a.example:9870',
      'dfs.namenode.http-address.blue.b': 'b.example:9870',
    })
    const all = credentialsOf({ x: token(HDFS, 'nn.example:8020', 1), y: token(HDFS, 'ha-hdfs:blue', 2) })
    const of = async (url: string) => (await hdfsToken(conf, all, new URL(url)))?.service
    expect(await of('http://b.example:9870/webhdfs/v1/')).to.equal('ha-hdfs:blue')
    expect(await of('http://nn.example:9870/webhdfs/v1/')).to.equal('nn.example:8020')
    expect(await of('http://elsewhere:9870/')).to.equal(undefined)
  })

  it('gives the keytab to nobody it is not for', () => {
    const all = credentialsOf({}, { keytab: Buffer.from('k'), secret: Buffer.from('s') })
    expect([...withoutSecret(all, 'keytab').secrets.keys()]).to.deep.equal(['secret'])
    expect(mergeTokens(all, credentialsOf({}, { evil: Buffer.from('e') })).secrets).to.equal(all.secrets)
  })
})

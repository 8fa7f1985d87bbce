import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { hadoopUser } from '#hadoop/conf/user.js'

describe('loading the site files', () => {
  const root = mkdtempSync(join(tmpdir(), 'weft-conf-'))
  after(() => rmSync(root, { recursive: true }))
  const site = (folder: string, file: string, properties: Record<string, string>, extra = '') => {
    mkdirSync(join(root, folder), { recursive: true })
    const body = Object.entries(properties).map(([name, value]) => `<property><name>${name}</name><value>${value}</value></property>`)
    writeFileSync(join(root, folder, file), `<configuration>${body.join('')}${extra}</configuration>`)
    return join(root, folder)
  }
  const load = (environment: Record<string, string>, options: { hadoopConfDir?: string; yarnConfDir?: string } = {}) =>
    loadHadoopConfiguration({ environment, user: 'alice', ...options })

  it('says what to set when nothing is set', () => {
    expect(() => load({})).to.throw(/^HADOOP_CONF_DIR is not set\. Set HADOOP_CONF_DIR to the folder.*env\.hadoop\.conf\.dir/)
    expect(() => load({ HADOOP_CONF_DIR: '' })).to.throw(/^HADOOP_CONF_DIR is not set/)
  })

  it('says which folder is none, or holds nothing', () => {
    mkdirSync(join(root, 'hollow'))
    expect(() => load({ HADOOP_CONF_DIR: join(root, 'missing') })).to.throw(/^HADOOP_CONF_DIR is set to .*missing, which is no folder/)
    expect(() => load({ HADOOP_CONF_DIR: join(root, 'hollow') })).to.throw(
      /^There is no core-site\.xml, hdfs-site\.xml, yarn-site\.xml in HADOOP_CONF_DIR = .*hollow/,
    )
  })

  it('reads core, hdfs and yarn in this order, YARN_CONF_DIR last', () => {
    const main = site('main', 'core-site.xml', { a: 'core', b: 'core', c: 'core', user: '${user.name}' })
    site('main', 'hdfs-site.xml', { b: 'hdfs' })
    const yarn = site('yarn', 'yarn-site.xml', { c: 'yarn' })
    const conf = load({ HADOOP_CONF_DIR: main, YARN_CONF_DIR: yarn })
    expect(['a', 'b', 'c', 'user'].map((name) => conf.get(name))).to.deep.equal(['core', 'hdfs', 'yarn', 'alice'])
    expect(conf.sourceOf('c')).to.equal(join(yarn, 'yarn-site.xml'))
  })

  it('prefers the options to the variables, and falls back to HADOOP_HOME', () => {
    const one = site('one', 'core-site.xml', { a: '1' })
    const two = site('two', 'core-site.xml', { a: '2' })
    site('home/etc/hadoop', 'core-site.xml', { a: '3' })
    expect(load({ HADOOP_CONF_DIR: one }, { hadoopConfDir: two }).get('a')).to.equal('2')
    expect(load({ HADOOP_HOME: join(root, 'home') }).get('a')).to.equal('3')
    expect(load({ HADOOP_HOME: join(root, 'home'), HADOOP_CONF_DIR: one }).get('a')).to.equal('1')
  })

  it('reads ssl-client.xml where the cluster serves HTTPS, and only there: it may be closed to others', () => {
    const location = 'ssl.client.truststore.location'
    const plain = site('no-https', 'core-site.xml', { a: '1' })
    writeFileSync(join(plain, 'ssl-client.xml'), 'unreadable')
    expect(load({ HADOOP_CONF_DIR: plain }).get('a')).to.equal('1')
    const https = site('https', 'yarn-site.xml', { 'yarn.http.policy': 'HTTPS_ONLY' })
    expect(load({ HADOOP_CONF_DIR: https }).get(location)).to.equal(undefined)
    site('https', 'ssl-client.xml', { [location]: '/etc/trusted.jks' })
    expect(load({ HADOOP_CONF_DIR: https }).get(location)).to.equal('/etc/trusted.jks')
    site('https', 'core-site.xml', { 'hadoop.ssl.client.conf': 'ssl-of-weft.xml' })
    site('https', 'ssl-of-weft.xml', { [location]: '/etc/other.jks' })
    expect(load({ HADOOP_CONF_DIR: https }).get(location)).to.equal('/etc/other.jks')
  })

  it('includes files beside the one that includes, never from the network', () => {
    const folder = site('including', 'core-site.xml', {}, '<xi:include href="parts/more.xml"/>')
    site('including/parts', 'more.xml', { more: 'yes' }, '<xi:include href="most.xml"/>')
    site('including/parts', 'most.xml', { most: 'too' })
    expect(load({ HADOOP_CONF_DIR: folder }).get('most')).to.equal('too')
    const remote = site('remote', 'core-site.xml', {}, '<xi:include href="http://example.org/x.xml"/>')
    expect(() => load({ HADOOP_CONF_DIR: remote })).to.throw(
      /core-site\.xml: the XInclude of 'http:\/\/example\.org\/x\.xml' is not a local file/,
    )
  })

  it('names the file that cannot be read', () => {
    mkdirSync(join(root, 'broken'))
    writeFileSync(join(root, 'broken/yarn-site.xml'), '<configuration><property></configuration>')
    expect(() => load({ HADOOP_CONF_DIR: join(root, 'broken') })).to.throw(
      /^Cannot read the Hadoop configuration .*broken\/yarn-site\.xml: line 1, column/,
    )
  })

  it('takes the user from HADOOP_USER_NAME, else from the system', () => {
    expect(hadoopUser({ HADOOP_USER_NAME: ' bob ' })).to.equal('bob')
    expect(hadoopUser({})).to.be.a('string').and.not.equal('')
  })
})

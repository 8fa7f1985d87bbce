import { expect } from 'chai'
import {
  applicationMasterExpiryMillis,
  applicationMasterLeaseMillis,
  defaultFileSystem,
  nameNodeWebUrls,
  parseHostPort,
  resourceManagerSchedulerAddresses,
  resourceManagerWebUrls,
  rpcProtection,
} from '#hadoop/conf/addresses.js'
import { HadoopConfigurationMissing } from '#hadoop/conf/errors.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'

const of = (properties: Record<string, string>) => HadoopConfiguration.of(properties)

describe('addresses of a cluster', () => {
  it('of the ResourceManager come from its own property, else from the host name with the default port', () => {
    expect(resourceManagerWebUrls(of({ 'yarn.resourcemanager.hostname': 'rm' }))).to.deep.equal(['http://rm:8088'])
    expect(
      resourceManagerWebUrls(of({ 'yarn.resourcemanager.hostname': 'rm', 'yarn.resourcemanager.webapp.address': 'web:1' })),
    ).to.deep.equal(['http://web:1'])
    expect(resourceManagerSchedulerAddresses(of({ 'yarn.resourcemanager.hostname': 'rm' }))).to.deep.equal([{ host: 'rm', port: 8030 }])
  })

  it('listening on all interfaces are reached by the host name', () => {
    expect(
      resourceManagerWebUrls(of({ 'yarn.resourcemanager.hostname': 'rm', 'yarn.resourcemanager.webapp.address': '0.0.0.0:9999' })),
    ).to.deep.equal(['http://rm:9999'])
  })

  it('in HA are one for each id, in order', () => {
    const ha = of({
      'yarn.resourcemanager.ha.enabled': 'true',
      'yarn.resourcemanager.ha.rm-ids': 'r1, r2',
      'yarn.resourcemanager.hostname.r1': 'a',
      'yarn.resourcemanager.webapp.address.r2': 'b:1234',
      'yarn.resourcemanager.scheduler.address.r2': 'b',
      'yarn.resourcemanager.hostname': 'ignored',
    })
    expect(resourceManagerWebUrls(ha)).to.deep.equal(['http://a:8088', 'http://b:1234'])
    expect(resourceManagerSchedulerAddresses(ha)).to.deep.equal([
      { host: 'a', port: 8030 },
      { host: 'b', port: 8030 },
    ])
  })

  it('are https ones under the policy HTTPS_ONLY', () => {
    expect(resourceManagerWebUrls(of({ 'yarn.resourcemanager.hostname': 'rm', 'yarn.http.policy': 'HTTPS_ONLY' }))).to.deep.equal([
      'https://rm:8090',
    ])
    expect(nameNodeWebUrls(of({ 'dfs.http.policy': 'HTTPS_ONLY' }), 'nn:8020')).to.deep.equal(['https://nn:9871'])
  })

  for (const [what, properties] of [
    ['nothing', {}],
    ['Hadoop’s default 0.0.0.0', { 'yarn.resourcemanager.hostname': '0.0.0.0' }],
    ['HA without ids', { 'yarn.resourcemanager.ha.enabled': 'true' }],
  ] as [string, Record<string, string>][]) {
    it(`with ${what} say that the configuration is missing, and what to do`, () => {
      try {
        resourceManagerWebUrls(of(properties))
        expect.fail('it was accepted')
      } catch (error) {
        expect(HadoopConfigurationMissing.is(error)).to.equal(true)
        expect((error as Error).message).to.match(
          /^(The ResourceManager's address is not configured|yarn\.resourcemanager\.ha\.enabled is true).*Set HADOOP_CONF_DIR/,
        )
      }
    })
  }

  it('of NameNodes behind a nameservice are those of all its nodes', () => {
    const conf = of({
      'fs.defaultFS': 'hdfs://flock/',
      'dfs.nameservices': 'flock,other',
      'dfs.ha.namenodes.flock': 'nn1,nn2',
      'dfs.namenode.http-address.flock.nn1': 'a:9870',
      'dfs.namenode.http-address.flock.nn2': '0.0.0.0:9999',
      'dfs.namenode.rpc-address.flock.nn2': 'b:8020',
    })
    expect(defaultFileSystem(conf)).to.equal('hdfs://flock')
    expect(nameNodeWebUrls(conf, 'flock')).to.deep.equal(['http://a:9870', 'http://b:9999'])
    expect(nameNodeWebUrls(conf, 'b:8020')).to.deep.equal(['http://b:9999'])
    expect(() => nameNodeWebUrls(conf, 'other')).to.throw(/Nameservice 'other' has no dfs\.namenode\.http-address\.other/)
  })

  it('of a single NameNode come from its http address when the RPC address is the one asked for, else from the default port', () => {
    const conf = of({ 'fs.defaultFS': 'hdfs://nn:8020', 'dfs.namenode.http-address': 'nn:50070' })
    expect(nameNodeWebUrls(conf, 'nn:8020')).to.deep.equal(['http://nn:50070'])
    expect(nameNodeWebUrls(conf, 'nn')).to.deep.equal(['http://nn:50070'])
    expect(nameNodeWebUrls(conf, 'elsewhere:8020')).to.deep.equal(['http://elsewhere:9870'])
    expect(nameNodeWebUrls(of({ 'dfs.namenode.http-address': '0.0.0.0:50070', 'fs.defaultFS': 'hdfs://nn' }), 'nn')).to.deep.equal([
      'http://nn:50070',
    ])
  })

  it('are parsed with and without port, also IPv6, and nothing else', () => {
    expect(parseHostPort('h', 1)).to.deep.equal({ host: 'h', port: 1 })
    expect(parseHostPort('h:2', 1)).to.deep.equal({ host: 'h', port: 2 })
    expect(parseHostPort('[::1]:2', 1)).to.deep.equal({ host: '::1', port: 2 })
    for (const bad of ['', 'h:', 'h:x', 'h:70000', 'a b', 'h:1:2', 'http://h:1']) expect(parseHostPort(bad, 1), bad).to.equal(undefined)
  })

  it('come with protection levels and the master’s expiry', () => {
    expect(rpcProtection(of({}))).to.deep.equal(['authentication'])
    expect(rpcProtection(of({ 'hadoop.rpc.protection': 'privacy, integrity' }))).to.deep.equal(['privacy', 'integrity'])
    expect(() => rpcProtection(of({ 'hadoop.rpc.protection': 'none' }))).to.throw(/authentication, integrity or privacy/)
    expect(applicationMasterExpiryMillis(of({}))).to.equal(600_000)
    expect(applicationMasterExpiryMillis(of({ 'yarn.am.liveness-monitor.expiry-interval-ms': '10s' }))).to.equal(10_000)
    expect(applicationMasterLeaseMillis(of({}))).to.equal(600_000)
    expect(applicationMasterLeaseMillis(of({ 'yarn.nm.liveness-monitor.expiry-interval-ms': '20s' }))).to.equal(20_000)
  })
})

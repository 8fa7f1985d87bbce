import { expect } from 'chai'
import fc from 'fast-check'
import { HadoopPropertyInvalid } from '#hadoop/conf/errors.js'
import { HadoopConfiguration, type SubstitutionScope } from '#hadoop/conf/hadoop-configuration.js'

const scope: SubstitutionScope = { environment: { HOME: '/home/a', EMPTY: '' }, systemProperties: { 'user.name': 'alice' } }
type Row = [name: string, value: string, final?: boolean]
const of = (...rows: Row[]) =>
  HadoopConfiguration.fromSiteFiles(
    rows.map(([name, value, final = false]) => ({ name, value, final, source: 'test-site.xml' })),
    scope,
  )

describe('HadoopConfiguration', () => {
  it('lets a later value win, unless an earlier one is final', () => {
    const conf = of(['a', '1'], ['a', '2'], ['b', '1', true], ['b', '2'], ['b', '3', true])
    expect(conf.get('a')).to.equal('2')
    expect(conf.get('b')).to.equal('1')
  })

  it('substitutes properties, system properties and the environment, also nested', () => {
    const conf = of(
      ['base', '/data'],
      ['dir', '${base}/${user.name}'],
      ['deep', '${dir}/x'],
      ['which', 'base'],
      ['nested', '${${which}}'],
      ['home', '${env.HOME}'],
    )
    expect(conf.get('deep')).to.equal('/data/alice/x')
    expect(conf.get('nested')).to.equal('/data')
    expect(conf.get('home')).to.equal('/home/a')
  })

  it('takes defaults of environment variables: for unset with -, for unset or empty with :-', () => {
    const conf = of(
      ['a', '${env.NONE-x}'],
      ['b', '${env.NONE:-y}'],
      ['c', '${env.EMPTY:-z}'],
      ['d', '[${env.EMPTY-z}]'],
      ['e', '${env.NONE}'],
    )
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => conf.get(name))).to.deep.equal(['x', 'y', 'z', '[]', '${env.NONE}'])
  })

  it('leaves what nobody knows as it is, and goes on behind it', () => {
    expect(of(['a', '${unknown}/${user.name}/${also.unknown}']).get('a')).to.equal('${unknown}/alice/${also.unknown}')
  })

  it('says which property refers to itself', () => {
    const conf = of(['a', '${b}'], ['b', '${a}'], ['grow', 'x${grow}'])
    for (const name of ['a', 'grow']) {
      expect(() => conf.get(name)).to.throw(/refer to itself/)
      try {
        conf.get(name)
      } catch (error) {
        expect(HadoopPropertyInvalid.is(error) && error.details.source).to.equal('test-site.xml')
      }
    }
  })

  it('ends on any references within the limit', () => {
    const value = fc.string({ unit: fc.constantFrom('${', '}', 'a', 'b', 'c', '$', '{', '.'), maxLength: 12 })
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        try {
          of(['a', a], ['b', b], ['c', c]).get('a')
        } catch (error) {
          expect(HadoopPropertyInvalid.is(error)).to.equal(true)
        }
      }),
    )
  })

  it('trims, takes an empty value for unset, and reads lists and booleans as Hadoop does', () => {
    const conf = of(['a', ' x \n'], ['e', '  '], ['l', ' a, b ,,c '], ['t', 'TRUE'], ['f', 'false'], ['w', 'perhaps'])
    expect(conf.get('a')).to.equal('x')
    expect(conf.get('e')).to.equal(undefined)
    expect(conf.getList('l')).to.deep.equal(['a', 'b', 'c'])
    expect([
      conf.getBoolean('t', false),
      conf.getBoolean('f', true),
      conf.getBoolean('w', true),
      conf.getBoolean('none', true),
    ]).to.deep.equal([true, false, true, true])
  })

  it('reads durations with and without a unit', () => {
    const conf = of(['ms', '600000'], ['s', '10s'], ['bad', 'soon'])
    expect([conf.getMillis('ms', 0), conf.getMillis('s', 0), conf.getMillis('none', 7)]).to.deep.equal([600_000, 10_000, 7])
    expect(() => conf.getMillis('bad', 0)).to.throw(/'bad' \(test-site.xml\) is 'soon'/)
  })

  it('reads old names as the new ones, whichever is asked for', () => {
    const conf = of(['fs.default.name', 'hdfs://old'])
    expect(conf.get('fs.defaultFS')).to.equal('hdfs://old')
    expect(conf.get('fs.default.name')).to.equal('hdfs://old')
  })

  it('ships what master and workers need, resolved, and never a secret', () => {
    const shipped = of(
      ['fs.defaultFS', 'hdfs://${ns}'],
      ['ns', 'flock'],
      ['dfs.nameservices', 'flock'],
      ['dfs.client.context.password', 'p'],
      ['fs.s3a.secret.key', 's'],
      ['hadoop.security.authentication', 'simple'],
      ['yarn.resourcemanager.ha.rm-ids', 'a,b'],
      ['ssl.server.keystore.password', 'k'],
      ['some.other.key', 'x'],
    ).toShippedRecord()
    expect(shipped).to.deep.equal({
      'dfs.nameservices': 'flock',
      'fs.defaultFS': 'hdfs://flock',
      'hadoop.security.authentication': 'simple',
      'yarn.resourcemanager.ha.rm-ids': 'a,b',
    })
    expect(HadoopConfiguration.of(shipped).get('fs.defaultFS')).to.equal('hdfs://flock')
  })
})

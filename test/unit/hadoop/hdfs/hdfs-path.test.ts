import { expect } from 'chai'
import fc from 'fast-check'
import { childUri, encodePath, parentOf, parseHdfsPath } from '#hadoop/hdfs/hdfs-path.js'

describe('HDFS paths', () => {
  it('are taken apart into authority and absolute path', () => {
    expect(parseHdfsPath('hdfs://nn:8020/a/b/')).to.deep.equal({ authority: 'nn:8020', path: '/a/b', uri: 'hdfs://nn:8020/a/b' })
    expect(parseHdfsPath('hdfs:///a//b')).to.include({ authority: '', path: '/a/b' })
    expect(parseHdfsPath('/a')).to.include({ authority: '', path: '/a' })
    expect(parseHdfsPath('hdfs://flock')).to.include({ authority: 'flock', path: '/' })
    expect(parseHdfsPath('hdfs://flock/')).to.include({ path: '/' })
  })

  it('are refused when HDFS, or HTTP on the way to it, would take them for something else', () => {
    for (const bad of ['relative', '', 's3://b/x', 'hdfs://nn/a/../b', 'hdfs://nn/./b', 'hdfs://nn/a:b', 'hdfs://nn/a\0b'])
      expect(() => parseHdfsPath(bad), bad).to.throw(/^resolve /)
  })

  it('survive a URL unchanged, whatever their characters', () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((text) => !/[/:\0]/.test(text) && text !== '.' && text !== '..')
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const { path } = parseHdfsPath(`hdfs://nn/${segments.join('/')}`)
        const url = new URL(`http://nn:9870/webhdfs/v1${encodePath(path)}`)
        expect(decodeURIComponent(url.pathname)).to.equal(`/webhdfs/v1${path}`)
      }),
    )
  })

  it('have parents and children', () => {
    expect([parentOf('/a/b'), parentOf('/a'), parentOf('/')]).to.deep.equal(['/a', '/', '/'])
    expect([childUri('hdfs://nn/', 'a'), childUri('hdfs://nn/a', 'b')]).to.deep.equal(['hdfs://nn/a', 'hdfs://nn/a/b'])
  })
})

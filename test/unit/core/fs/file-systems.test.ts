import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UnsupportedScheme } from '#core/fs/errors.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { readLeader, writeLeader } from '#core/ha/leader-file.js'

describe('FileSystems', () => {
  it('completes paths with the default scheme and its working directory', () => {
    const local = new FileSystems('/home/alice')
    expect(local.resolve('in/a.csv')).to.equal('file:///home/alice/in/a.csv')
    expect(local.resolve('./in/')).to.equal('file:///home/alice/in')
    expect(local.resolve('/data/x')).to.equal('file:///data/x')
    expect(local.resolve('file:/data/x')).to.equal('file:///data/x')
    const hdfs = new FileSystems('/home/alice', 'hdfs://nn:8020')
    hdfs.register('hdfs', localFileSystem, 'hdfs://nn:8020/user/alice')
    expect(hdfs.resolve('in')).to.equal('hdfs://nn:8020/user/alice/in')
    expect(hdfs.resolve('/data')).to.equal('hdfs://nn:8020/data')
    expect(hdfs.resolve('file:///data')).to.equal('file:///data')
  })

  it('names what it knows when a scheme is unknown', () => {
    try {
      new FileSystems('/').of('hdfs://nn/x')
      expect.fail('accepted')
    } catch (error) {
      expect(UnsupportedScheme.is(error)).to.equal(true)
      expect((error as Error).message).to.contain('HADOOP_CONF_DIR')
    }
  })
})

describe('leader file', () => {
  it('holds the newest master’s address', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    const path = `file://${folder}/leader`
    expect(await readLeader(localFileSystem, path)).to.equal(undefined)
    await writeLeader(localFileSystem, path, { epoch: 1, host: 'a', port: 1 })
    await writeLeader(localFileSystem, path, { epoch: 2, host: 'b', port: 2 })
    expect(await readLeader(localFileSystem, path)).to.deep.equal({ epoch: 2, host: 'b', port: 2 })
    rmSync(folder, { recursive: true })
  })
})

/** HDFS over WebHDFS, against real NameNode and DataNode; the contract also against the local file system. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  FileSystemFailed,
  FileSystemUnavailable,
  PathAlreadyExists,
  PathNotFound,
  PermissionDenied,
  QuotaExceeded,
} from '#core/fs/errors.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { createHdfsFileSystem, createWebHdfsClient, hdfsHomeDirectory } from '#hadoop/hdfs/hdfs-file-system.js'
import type { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import { fileSystemContract, readBytes, rejection, writeText } from '../support/file-system-contract.js'
import { sharedHadoop, type HadoopCluster } from '../support/hadoop-cluster.js'

const START_TIMEOUT_MS = 600_000

describe('local file system', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-fs-'))
  after(() => rmSync(folder, { recursive: true }))
  fileSystemContract(() => ({ fileSystem: localFileSystem, folder: `file://${folder}` }))
})

describe('HDFS', () => {
  let cluster: HadoopCluster
  let conf: HadoopConfiguration
  let fileSystem: FileSystem
  let client: WebHdfsClient
  let folder: string

  before(async function () {
    this.timeout(START_TIMEOUT_MS)
    cluster = await sharedHadoop()
    conf = loadHadoopConfiguration({ environment: {}, hadoopConfDir: cluster.confDir, user: 'alice' })
    // As a master or worker gets it: through the shipped properties.
    const shipped = conf.toShippedRecord()
    fileSystem = createHdfsFileSystem(shipped, 'alice')
    client = createWebHdfsClient(HadoopConfiguration.of(shipped), 'alice')
    folder = `${hdfsHomeDirectory(shipped, 'alice')}/hdfs-test`
    await fileSystem.delete(folder)
    await fileSystem.mkdirs(folder)
  })
  after(async () => {
    if (fileSystem !== undefined) await fileSystem.delete(folder)
  })

  describe('contract', () => fileSystemContract(() => ({ fileSystem, folder: `${folder}/contract` })))

  it('knows the home folder as the NameNode does', async () => {
    const authority = cluster.fileSystem.replace('hdfs://', '')
    expect(`${cluster.fileSystem}${await client.homeDirectory(authority)}`).to.equal(hdfsHomeDirectory(conf.toShippedRecord(), 'alice'))
  })

  it('takes a path without authority for the default file system’s', async () => {
    await writeText(fileSystem, `${folder}/plain`, 'x')
    const path = folder.slice(cluster.fileSystem.length)
    expect((await readBytes(fileSystem, `hdfs://${path}/plain`)).toString()).to.equal('x')
    expect((await readBytes(fileSystem, `${path}/plain`)).toString()).to.equal('x')
  })

  it('streams a file of many blocks and reads its ranges in parallel', async () => {
    const size = 50_000_000
    const block = Buffer.alloc(1_000_000)
    const writer = await fileSystem.create(`${folder}/large`)
    for (let i = 0; i < 50; i++) {
      block.fill(i)
      block.writeUInt32BE(i, 0)
      await writer.write(block)
    }
    await writer.close()
    expect((await fileSystem.status(`${folder}/large`))?.length).to.equal(size)
    // 7 ranges whose borders are neither the blocks' of HDFS nor ours.
    const step = Math.ceil(size / 7)
    const parts = await Promise.all(Array.from({ length: 7 }, (_, i) => readBytes(fileSystem, `${folder}/large`, i * step, step)))
    const all = Buffer.concat(parts)
    expect(all.length).to.equal(size)
    for (let i = 0; i < 50; i++) {
      expect(all.readUInt32BE(i * 1_000_000)).to.equal(i)
      expect(all[i * 1_000_000 + 999_999]).to.equal(i)
    }
  })

  it('does not hold a whole file in memory while it writes', async () => {
    const writer = await fileSystem.create(`${folder}/bounded`)
    const piece = Buffer.alloc(4_000_000)
    let most = 0
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 40; i++) {
      await writer.write(piece)
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    await writer.close()
    expect(most).to.be.lessThan(60_000_000)
    expect((await fileSystem.status(`${folder}/bounded`))?.length).to.equal(160_000_000)
  })

  it('lists more children than one page holds', async () => {
    const names = Array.from({ length: 1_100 }, (_, i) => `d${String(i).padStart(4, '0')}`)
    for (let i = 0; i < names.length; i += 50)
      await Promise.all(names.slice(i, i + 50).map((name) => fileSystem.mkdirs(`${folder}/many/${name}`)))
    expect((await fileSystem.list(`${folder}/many`)).map(({ path }) => path.slice(-5))).to.deep.equal(names)
  })

  it('keeps the permissions that it was told, whatever the umask', async () => {
    await writeText(fileSystem, `${folder}/secret`, 's', { permission: 0o600 })
    await fileSystem.mkdirs(`${folder}/closed`, 0o700)
    await client.mkdirs(`${folder}/sticky`, 0o1777)
    expect((await client.status(`${folder}/secret`))?.permission).to.equal('600')
    expect((await client.status(`${folder}/closed`))?.permission).to.equal('700')
    expect((await client.status(`${folder}/sticky`))?.permission).to.equal('1777')
    await client.setPermission(`${folder}/secret`, 0o640)
    expect((await client.status(`${folder}/secret`))?.permission).to.equal('640')
  })

  describe('refusals', () => {
    const foreign = () => `${cluster.fileSystem}/user/mallory/x`
    const denied = async (action: () => Promise<unknown>) => {
      const error = await rejection(action)
      expect(PermissionDenied.is(error), error.message).to.equal(true)
      expect(error.message).to.match(/^Permission denied: hdfs:\/\/localhost:\d+\/user\/mallory.*: user=alice, access=/)
    }
    it('denies every operation on another user’s files with user and inode named', async () => {
      await denied(() => fileSystem.status(foreign()))
      await denied(() => fileSystem.list(`${cluster.fileSystem}/user/mallory`))
      await denied(() => readBytes(fileSystem, foreign()))
      await denied(() => writeText(fileSystem, foreign(), 'x'))
      await denied(() => fileSystem.mkdirs(foreign()))
      await denied(() => fileSystem.delete(foreign()))
      await denied(() => fileSystem.rename(foreign(), `${folder}/mine`))
    })

    it('denies a new file by create already, before a byte is sent', async () => {
      for (const options of [{}, { overwrite: true }]) {
        const error = await rejection(() => fileSystem.create(`${cluster.fileSystem}/user/not-mine`, options))
        expect(PermissionDenied.is(error), error.message).to.equal(true)
        expect(error.message).to.include('access=WRITE, inode="/user"')
      }
    })

    it('stops at a quota of bytes and of names', async () => {
      await fileSystem.mkdirs(`${folder}/quota`)
      const path = `${folder}/quota`.slice(cluster.fileSystem.length)
      await cluster.java('hdfs', 'org.apache.hadoop.hdfs.tools.DFSAdmin', '-setSpaceQuota', '20m', path)
      await cluster.java('hdfs', 'org.apache.hadoop.hdfs.tools.DFSAdmin', '-setQuota', '3', path)
      const tooMuch = async (): Promise<Error> => {
        const writer = await fileSystem.create(`${folder}/quota/large`)
        const error = await rejection(async () => {
          for (let i = 0; i < 50; i++) await writer.write(Buffer.alloc(1_000_000))
          await writer.close()
        })
        await writer.abort()
        return error
      }
      let space = await tooMuch()
      // A DataNode that refuses with bytes unread resets the connection, which may overtake its answer (and whose file it is stays open).
      for (let i = 0; i < 5 && FileSystemUnavailable.is(space); i++) {
        await fileSystem.delete(`${folder}/quota/large`)
        space = await tooMuch()
      }
      expect(QuotaExceeded.is(space), space.message).to.equal(true)
      expect(space.message).to.match(/^Quota exceeded for hdfs:.*quota\/large: .*quota = 20971520 B/)
      expect(await fileSystem.list(`${folder}/quota`)).to.deep.equal([])
      for (const name of ['a', 'b']) await fileSystem.mkdirs(`${folder}/quota/${name}`)
      const names = await rejection(() => writeText(fileSystem, `${folder}/quota/c`, ''))
      expect(QuotaExceeded.is(names), names.message).to.equal(true)
    })

    it('says that a folder is no file, and a file no folder', async () => {
      await writeText(fileSystem, `${folder}/flat`, 'x')
      const read = await rejection(() => readBytes(fileSystem, folder))
      expect(FileSystemFailed.is(read)).to.equal(true)
      expect(read.message).to.include('it is a directory')
      const below = await rejection(() => writeText(fileSystem, `${folder}/flat/below`, 'x'))
      expect(below.message).to.include('is not a directory')
    })

    it('refuses names that HDFS cannot hold before asking it', async () => {
      for (const name of ['a:b', '../up', './here'])
        expect(FileSystemFailed.is(await rejection(() => fileSystem.status(`${folder}/${name}`)))).to.equal(true)
    })

    it('tells of a missing parent when the raw rename misses it', async () => {
      await writeText(fileSystem, `${folder}/lonely`, 'x')
      const error = await rejection(() => client.rename(`${folder}/lonely`, `${folder}/no/such/place`))
      expect(PathNotFound.is(error) && error.details.path).to.equal(`${folder}/no/such`)
    })

    it('lets one of four creations win, and the losers leave its file', async () => {
      for (let round = 0; round < 10; round++) {
        const path = `${folder}/contested-${round}`
        const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => writeText(fileSystem, path, 'x'.repeat(100))))
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
        for (const outcome of outcomes)
          if (outcome.status === 'rejected') {
            // A DataNode that refuses with bytes unread resets the connection, which may overtake its answer.
            const told = [PathAlreadyExists, FileSystemFailed, FileSystemUnavailable].some((kind) => kind.is(outcome.reason))
            expect(told, String(outcome.reason)).to.equal(true)
          }
        expect((await fileSystem.status(path))?.length).to.equal(100)
      }
    })
  })

  it('waits while the NameNode is in safe mode, and tells it when that does not end', async () => {
    const admin = (action: string) => cluster.java('hdfs', 'org.apache.hadoop.hdfs.tools.DFSAdmin', '-safemode', action)
    const impatient = createHdfsFileSystem(conf.toShippedRecord(), 'alice', {
      retryPolicy: { maxAttempts: 3, baseDelayMs: 20, maxDelayMs: 50 },
    })
    await admin('enter')
    try {
      const error = await rejection(() => impatient.mkdirs(`${folder}/safe`))
      expect(FileSystemUnavailable.is(error), error.message).to.equal(true)
      expect(error.message).to.match(/safe mode/i)
      const patient = fileSystem.mkdirs(`${folder}/safe`)
      await admin('leave')
      await patient
    } finally {
      await admin('leave')
    }
    expect((await fileSystem.status(`${folder}/safe`))?.directory).to.equal(true)
  })

  it('finds the active NameNode behind a nameservice whose first one is gone', async () => {
    const { host, port } = new URL(cluster.nameNode)
    const ha = createHdfsFileSystem(
      {
        'fs.defaultFS': 'hdfs://flock',
        'dfs.nameservices': 'flock',
        'dfs.ha.namenodes.flock': 'nn1,nn2',
        'dfs.namenode.http-address.flock.nn1': `localhost:${Number(port) + 90}`,
        'dfs.namenode.http-address.flock.nn2': host,
      },
      'alice',
    )
    await writeText(ha, 'hdfs://flock/user/alice/hdfs-test/through-ha', 'found')
    expect((await readBytes(fileSystem, `${folder}/through-ha`)).toString()).to.equal('found')
  })
})

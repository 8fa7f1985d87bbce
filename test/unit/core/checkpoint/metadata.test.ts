import { expect } from 'chai'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { decodeMetadata, encodeMetadata } from '#core/checkpoint/metadata-codec.js'
import { disposeSavepoint, readMetadata } from '#core/checkpoint/metadata-file.js'
import { withFullPaths, withRelativePaths } from '#core/checkpoint/state-files.js'
import type { CheckpointMetadata, StateBytes } from '#core/checkpoint/state-handles.js'
import { FileSystems } from '#core/fs/file-systems.js'

const FILE = 'hdfs://nn/sp/_metadata'

function metadata(bytes: readonly StateBytes[], kind: CheckpointMetadata['kind'] = 'savepoint'): CheckpointMetadata {
  const operatorId = 'a'.repeat(32) as never
  const keyed = { firstKeyGroup: 0, lastKeyGroup: 127, tables: [], segments: [...bytes] }
  return {
    version: 1,
    checkpointId: 4,
    kind,
    jobId: 'b'.repeat(32),
    jobName: 'Zählung',
    epoch: 2,
    triggeredAt: 10,
    completedAt: 20,
    vertices: [
      {
        vertexId: 'c'.repeat(32) as never,
        name: 'count',
        parallelism: 1,
        maxParallelism: 128,
        operators: [{ operatorId, name: 'count' }],
        subtasks: [{ operators: [{ operatorId, keyed, lists: {}, committables: [] }] }],
        finished: [],
      },
    ],
    coordinators: [{ operatorId, state: { next: 'split-7' } }],
  }
}
const file = (path: string): StateBytes => ({ kind: 'file', path, offset: 0, length: 3, checksum: crc32(Buffer.from('abc')) })

describe('_metadata', () => {
  it('comes back as it was written', () => {
    const written = metadata([file('hdfs://nn/shared/1.seg')])
    expect(decodeMetadata(encodeMetadata(written, FILE), FILE)).to.deep.equal(written)
  })

  it('is found damaged at every single bit and every length', () => {
    const bytes = encodeMetadata(metadata([]), FILE)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => decodeMetadata(flipped, FILE), `bit ${bit}`).to.throw(/^hdfs:\/\/nn\/sp\/_metadata is damaged at byte \d+: /)
    }
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeMetadata(bytes.subarray(0, length), FILE)).to.throw(/is damaged/)
    expect(() => decodeMetadata(Buffer.concat([bytes, Buffer.alloc(1)]), FILE)).to.throw(/is damaged/)
  })

  it('says when it is of another version, and when its content is not what it should be', () => {
    const later = encodeMetadata({ ...metadata([]), epoch: 'x' as never }, FILE)
    expect(() => decodeMetadata(later, FILE)).to.throw(/is damaged at byte 16: [\s\S]*epoch/)
    const version = Buffer.from(encodeMetadata(metadata([]), FILE))
    version.writeUInt32LE(9, 8)
    version.writeUInt32LE(crc32(version.subarray(0, version.length - 4)), version.length - 4)
    expect(() => decodeMetadata(version, FILE)).to.throw(/it has version 9; this program reads version 1/)
  })

  it('names files of its own directory so that the directory may be moved', () => {
    const full = metadata([file('hdfs://nn/sp/1.seg'), file('hdfs://nn/spare/2.seg')])
    const relative = withRelativePaths(full, 'hdfs://nn/sp')
    expect(JSON.stringify(relative)).to.contain('"path":"1.seg"').and.contain('"path":"hdfs://nn/spare/2.seg"')
    expect(withFullPaths(relative, 'hdfs://nn/sp')).to.deep.equal(full)
    expect(JSON.stringify(withFullPaths(relative, 'file:///moved'))).to.contain('file:///moved/1.seg')
  })

  describe('of a savepoint that is disposed of', () => {
    let folder: string
    const fileSystems = new FileSystems('/')
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
      mkdirSync(join(folder, 'sp'))
      for (const name of ['sp/1.seg', 'outside.seg']) writeFileSync(join(folder, name), 'abc')
    })
    afterEach(() => rmSync(folder, { recursive: true, force: true }))
    const write = (kind: CheckpointMetadata['kind']) =>
      writeFileSync(
        join(folder, 'sp/_metadata'),
        encodeMetadata(metadata([file('1.seg'), file(`file://${folder}/outside.seg`)], kind), FILE),
      )

    it('takes the files of its own directory along, and no others', async () => {
      write('savepoint')
      expect((await readMetadata(fileSystems, `${folder}/sp/_metadata`)).directory).to.equal(`file://${folder}/sp`)
      await disposeSavepoint(fileSystems, join(folder, 'sp'))
      expect([existsSync(join(folder, 'sp')), existsSync(join(folder, 'outside.seg'))]).to.deep.equal([false, true])
    })

    it('leaves a directory in which something else lies', async () => {
      write('savepoint')
      writeFileSync(join(folder, 'sp/notes.txt'), 'mine')
      await disposeSavepoint(fileSystems, join(folder, 'sp'))
      expect([existsSync(join(folder, 'sp/notes.txt')), existsSync(join(folder, 'sp/1.seg'))]).to.deep.equal([true, false])
    })

    it('must be one: neither a checkpoint nor any other directory is touched', async () => {
      expect(await disposeSavepoint(fileSystems, join(folder, 'sp')).catch(String)).to.match(/There is no savepoint or checkpoint at/)
      write('checkpoint')
      expect(await disposeSavepoint(fileSystems, join(folder, 'sp')).catch(String)).to.match(/is a checkpoint, not a savepoint/)
      expect(existsSync(join(folder, 'sp/1.seg'))).to.equal(true)
    })
  })
})

/** What every FileSystem (core/fs) promises, as one suite that each implementation runs. */
import { expect } from 'chai'
import { PathAlreadyExists, PathNotFound } from '#core/fs/errors.js'
import type { FileSystem } from '#core/fs/file-system.js'

export async function writeText(
  fileSystem: FileSystem,
  path: string,
  text: string,
  options?: { overwrite?: boolean; permission?: number },
): Promise<void> {
  const writer = await fileSystem.create(path, options)
  await writer.write(Buffer.from(text))
  await writer.close()
}

export async function readBytes(fileSystem: FileSystem, path: string, offset?: number, length?: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of fileSystem.read(path, offset, length)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function rejection(action: () => Promise<unknown>): Promise<Error> {
  try {
    await action()
  } catch (error) {
    return error as Error
  }
  throw new Error('it was expected to fail and did not')
}

/** Defines the tests. `folder`: URI of an empty folder for this suite, asked for once the suite runs. */
export function fileSystemContract(subject: () => { fileSystem: FileSystem; folder: string }): void {
  let fileSystem: FileSystem
  let folder: string
  before(() => ({ fileSystem, folder } = subject()))

  it('writes a file in pieces and reads it back', async () => {
    const writer = await fileSystem.create(`${folder}/pieces/a.txt`)
    for (const piece of ['one ', '', 'two ', 'three']) await writer.write(Buffer.from(piece))
    await writer.close()
    expect((await readBytes(fileSystem, `${folder}/pieces/a.txt`)).toString()).to.equal('one two three')
    expect(await fileSystem.status(`${folder}/pieces/a.txt`)).to.include({ path: `${folder}/pieces/a.txt`, directory: false, length: 13 })
  })

  it('lets the caller reuse its buffer once write has resolved', async () => {
    const buffer = Buffer.alloc(100_000)
    const writer = await fileSystem.create(`${folder}/reused`)
    for (let fill = 0; fill < 10; fill++) await writer.write(buffer.fill(fill))
    await writer.close()
    const all = await readBytes(fileSystem, `${folder}/reused`)
    for (let fill = 0; fill < 10; fill++)
      expect(all.subarray(fill * 100_000, (fill + 1) * 100_000).every((byte) => byte === fill)).to.equal(true)
  })

  it('keeps an empty file', async () => {
    await writeText(fileSystem, `${folder}/empty`, '')
    expect(await fileSystem.status(`${folder}/empty`)).to.include({ length: 0, directory: false })
    expect(await readBytes(fileSystem, `${folder}/empty`)).to.have.length(0)
  })

  it('reads ranges, also over and behind the end', async () => {
    await writeText(fileSystem, `${folder}/range`, '0123456789')
    const range = async (offset?: number, length?: number) => (await readBytes(fileSystem, `${folder}/range`, offset, length)).toString()
    expect(await range(3)).to.equal('3456789')
    expect(await range(3, 4)).to.equal('3456')
    expect(await range(8, 100)).to.equal('89')
    expect(await range(0, 0)).to.equal('')
    expect(await range(10)).to.equal('')
    expect(await range(11, 5)).to.equal('')
  })

  it('may be left in the middle of reading', async () => {
    await writeText(fileSystem, `${folder}/long`, 'x'.repeat(2_000_000))
    for await (const chunk of fileSystem.read(`${folder}/long`)) {
      expect(chunk.length).to.be.greaterThan(0)
      break
    }
    expect((await fileSystem.status(`${folder}/long`))?.length).to.equal(2_000_000)
  })

  it('refuses to create what exists, unless told to overwrite', async () => {
    await writeText(fileSystem, `${folder}/twice`, 'first')
    expect(PathAlreadyExists.is(await rejection(() => writeText(fileSystem, `${folder}/twice`, 'second')))).to.equal(true)
    expect((await readBytes(fileSystem, `${folder}/twice`)).toString()).to.equal('first')
    await writeText(fileSystem, `${folder}/twice`, '2nd', { overwrite: true })
    expect((await readBytes(fileSystem, `${folder}/twice`)).toString()).to.equal('2nd')
  })

  it('leaves nothing of an aborted file', async () => {
    const writer = await fileSystem.create(`${folder}/aborted`)
    await writer.write(Buffer.from('half'))
    await writer.abort()
    expect(await fileSystem.status(`${folder}/aborted`)).to.equal(undefined)
  })

  it('has no status of what is not there, not even below a file', async () => {
    await writeText(fileSystem, `${folder}/plain`, '')
    expect(await fileSystem.status(`${folder}/nothing`)).to.equal(undefined)
    expect(await fileSystem.status(`${folder}/plain/below`)).to.equal(undefined)
  })

  it('lists direct children sorted, and nothing of a folder that is not there', async () => {
    for (const name of ['b', 'a', 'B', 'ü', 'c/d']) await writeText(fileSystem, `${folder}/listed/${name}`, name)
    const listed = await fileSystem.list(`${folder}/listed`)
    expect(listed.map(({ path }) => path.slice(folder.length + 8))).to.deep.equal(['B', 'a', 'b', 'c', 'ü'])
    expect(listed.map(({ directory }) => directory)).to.deep.equal([false, false, false, true, false])
    expect(PathNotFound.is(await rejection(() => fileSystem.list(`${folder}/nothing`)))).to.equal(true)
    expect(PathNotFound.is(await rejection(() => fileSystem.list(`${folder}/listed/a`)))).to.equal(true)
  })

  for (const name of [
    'a blank',
    'plus+',
    'per%41cent',
    'quest?x=1&y',
    'hash#',
    `quo'te"`,
    'semi;colon=',
    '[br]{ack}',
    'back\\slash',
    '~!@$^*(),=|<>`',
    'grüße-😀',
  ]) {
    it(`takes the name ${name} literally`, async () => {
      await writeText(fileSystem, `${folder}/names/${name}`, name)
      expect((await readBytes(fileSystem, `${folder}/names/${name}`)).toString()).to.equal(name)
      expect((await fileSystem.list(`${folder}/names`)).map(({ path }) => path)).to.include(`${folder}/names/${name}`)
      await fileSystem.rename(`${folder}/names/${name}`, `${folder}/renamed/${name}`)
      expect((await fileSystem.status(`${folder}/renamed/${name}`))?.length).to.equal(Buffer.byteLength(name))
      expect(await fileSystem.delete(`${folder}/renamed/${name}`)).to.equal(true)
    })
  }

  it('renames files and folders, making the target’s parents', async () => {
    await writeText(fileSystem, `${folder}/from/x`, 'x')
    await fileSystem.rename(`${folder}/from/x`, `${folder}/new/deep/y`)
    await fileSystem.rename(`${folder}/new`, `${folder}/newer`)
    expect((await readBytes(fileSystem, `${folder}/newer/deep/y`)).toString()).to.equal('x')
    expect(await fileSystem.status(`${folder}/from/x`)).to.equal(undefined)
  })

  it('refuses to rename onto anything: a file, a folder, an empty folder', async () => {
    await writeText(fileSystem, `${folder}/source`, 's')
    await writeText(fileSystem, `${folder}/target`, 't')
    await writeText(fileSystem, `${folder}/targets/child`, 't')
    await fileSystem.mkdirs(`${folder}/hollow`)
    for (const target of ['target', 'targets', 'hollow']) {
      expect(PathAlreadyExists.is(await rejection(() => fileSystem.rename(`${folder}/source`, `${folder}/${target}`))), target).to.equal(
        true,
      )
    }
    expect((await readBytes(fileSystem, `${folder}/source`)).toString()).to.equal('s')
    expect((await readBytes(fileSystem, `${folder}/target`)).toString()).to.equal('t')
    expect(await fileSystem.list(`${folder}/hollow`)).to.deep.equal([])
  })

  it('lets exactly one of many renames to the same target win', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => writeText(fileSystem, `${folder}/race/${i}`, String(i))))
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => fileSystem.rename(`${folder}/race/${i}`, `${folder}/race/won`)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    for (const result of results) if (result.status === 'rejected') expect(PathAlreadyExists.is(result.reason)).to.equal(true)
    expect(await fileSystem.list(`${folder}/race`)).to.have.length(8)
  })

  it('says that the source of a rename is missing', async () => {
    const error = await rejection(() => fileSystem.rename(`${folder}/missing`, `${folder}/whatever`))
    expect(PathNotFound.is(error)).to.equal(true)
  })

  it('reads nothing of a missing file', async () => {
    expect(PathNotFound.is(await rejection(() => readBytes(fileSystem, `${folder}/missing`)))).to.equal(true)
  })

  it('makes folders with their parents, again and again', async () => {
    await fileSystem.mkdirs(`${folder}/made/of/many`)
    await fileSystem.mkdirs(`${folder}/made/of/many`)
    expect(await fileSystem.status(`${folder}/made/of/many`)).to.include({ directory: true, length: 0 })
  })

  it('deletes recursively, and tells when there was nothing', async () => {
    await writeText(fileSystem, `${folder}/tree/a/b`, 'b')
    expect(await fileSystem.delete(`${folder}/tree`)).to.equal(true)
    expect(await fileSystem.status(`${folder}/tree`)).to.equal(undefined)
    expect(await fileSystem.delete(`${folder}/tree`)).to.equal(false)
  })
}

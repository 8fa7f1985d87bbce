import { expect } from 'chai'
import * as fc from 'fast-check'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pages } from '#runtime/state/pages.js'
import { SpillFiles, StateSpillFailed } from '#runtime/state/spill-file.js'
import { StateMemory, stateMemory, type MemoryUser } from '#runtime/state/state-memory.js'
import { RowStore } from '#runtime/state/row-store.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'
import { BIGINT, STRING } from '#core/types/logical-type.js'

describe('state beyond its memory', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => {
    stateMemory.limit(Infinity, directory)
    rmSync(directory, { recursive: true, force: true })
  })

  it('pages come back as they were, whatever order they are used and released in', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(255), fc.boolean()), { maxLength: 200 }), (steps) => {
        const files = new SpillFiles(directory)
        const pages = new Pages((buffer) => new Int32Array(buffer), 64)
        const model: number[][] = []
        for (let i = 0; i < 10; i++) {
          pages.set(i)
          model.push(Array<number>(16).fill(0))
        }
        for (const [page, value, release] of steps) {
          pages.at(page)[value & 15] = value
          ;(model[page] as number[])[value & 15] = value
          if (release) pages.release(value, files)
        }
        for (let i = 0; i < 10; i++) expect([...pages.at(i)]).to.deep.equal(model[i])
        pages.clear()
      }),
    ))

  it('takes from each its part of what is too much, until the rest fits', () => {
    const memory = new StateMemory()
    memory.limit(1_000, directory)
    const released: number[] = []
    const users: MemoryUser[] = [800, 700].map((bytes, i) => {
      let held = bytes
      return {
        residentBytes: () => held,
        release: (wanted) => {
          const less = Math.min(held, Math.ceil(wanted))
          held -= less
          released[i] = (released[i] ?? 0) + less
          memory.wrote(less)
          return less
        },
      }
    })
    for (const user of users) memory.register(user)
    memory.taken(2 ** 20)
    memory.trim()
    expect(memory.residentBytes()).to.equal(949)
    expect(released).to.deep.equal([294, 257])
    expect(memory.spilledBytes).to.equal(551)
  })

  it('may hold more when its process has been given more', () => {
    const memory = new StateMemory()
    let held = 1_500
    memory.register({ residentBytes: () => held, release: (wanted) => ((held -= Math.ceil(wanted)), Math.ceil(wanted)) })
    memory.rebudget(10)
    memory.taken(2 ** 20)
    memory.trim()
    expect(held, 'it has no limit').to.equal(1_500)
    memory.limit(1_000, directory)
    memory.rebudget(1_400)
    memory.taken(2 ** 20)
    memory.trim()
    expect(held).to.equal(1_330)
  })

  it('holds three quarters of its budget while the process is short of memory', () => {
    const memory = new StateMemory()
    memory.limit(1_000, directory)
    let held = 990
    const user: MemoryUser = {
      residentBytes: () => held,
      release: (wanted) => {
        held -= Math.ceil(wanted)
        return Math.ceil(wanted)
      },
    }
    memory.register(user)
    memory.taken(2 ** 20)
    memory.trim()
    expect(held).to.equal(990)
    memory.tighten(true)
    memory.trim()
    expect(held).to.equal(712)
    memory.tighten(false)
    held = 990
    memory.taken(2 ** 20)
    memory.trim()
    expect(held).to.equal(990)
  })

  it('keeps rows and strings of a store that outgrows its budget, and leaves no file behind', () => {
    stateMemory.limit(256 * 1024, directory)
    const spilledBefore = stateMemory.spilledBytes
    const store = new RowStore([BIGINT, STRING], 1)
    const schema = {
      fields: [
        { name: 'a', type: BIGINT },
        { name: 'b', type: STRING },
      ],
    }
    const text = (n: number) => `${'x'.repeat(n % 90)}${n}`
    const ids: number[] = []
    for (let from = 0; from < 30_000; from += 1_000) {
      const builder = new BatchBuilder(schema, 1_000)
      for (let n = from; n < from + 1_000; n++) {
        builder.columns[0]?.appendValue(BigInt(n))
        builder.columns[1]?.appendValue(text(n))
        builder.endRow()
      }
      const batch = builder.finish()
      for (let row = 0; row < batch.length; row++) ids.push(store.add(batch.columns, row))
      stateMemory.trim()
    }
    expect(stateMemory.spilledBytes).to.be.greaterThan(spilledBefore)
    expect(readdirSync(directory)).to.deep.equal([])
    for (const n of [0, 1, 12_345, 29_999, 777]) {
      const [a, b] = store.columns(Int32Array.of(ids[n] as number), 1)
      expect([readValue(a as never, 0), readValue(b as never, 0)]).to.deep.equal([BigInt(n), text(n)])
    }
    store.clear()
  })

  it('parts of one file do not touch each other, and use again what others gave back', () => {
    const files = new SpillFiles(directory)
    const MB = 1024 * 1024
    const filled = (value: number, length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(value)
    for (let round = 0; round < 3; round++) {
      const parts = [1, 2, 3].map((value) => ({ value, part: files.create() }))
      // Over the border of a chunk, in turn, so that chunks of all lie between each other's.
      for (const at of [0, MB - 10, 2 * MB - 5]) for (const { value, part } of parts) part.write(filled(value, 20), at)
      for (const at of [0, MB - 10, 2 * MB - 5]) {
        for (const { value, part } of parts) {
          const read = filled(0, 20)
          part.read(read, at)
          expect(read).to.deep.equal(filled(value, 20))
        }
      }
      // Backwards, so that the next round has them in another order.
      for (const { part } of parts.toReversed()) part.close()
    }
    const [first, second] = [files.create(), files.create()]
    first.write(filled(7, 10), 0)
    second.write(filled(8, 10), 0)
    first.close()
    const third = files.create()
    third.write(filled(9, 10), 3 * MB)
    const read = filled(0, 10)
    second.read(read, 0)
    expect(read).to.deep.equal(filled(8, 10))
  })

  it('names the directory it cannot write to', () => {
    const blocked = join(directory, 'a-file')
    writeFileSync(blocked, '')
    expect(() => new SpillFiles(join(blocked, 'below')).create())
      .to.throw(/a-file\/below/)
      .and.satisfy(StateSpillFailed.is)
  })
})

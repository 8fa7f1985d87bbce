import { expect } from 'chai'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BIGINT } from '#core/types/logical-type.js'
import { EntryTable } from '#runtime/state/entry-table.js'
import { KeyTable } from '#runtime/state/key-table.js'
import { stateMemory } from '#runtime/state/state-memory.js'

interface Entry {
  readonly key: number
  readonly state: number
  readonly start: number
  readonly sub: string
  value: string
  time: number
}

describe('EntryTable', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => {
    stateMemory.limit(Infinity, directory)
    rmSync(directory, { recursive: true, force: true })
  })

  for (const budget of [Infinity, 60_000])
    it(`holds what a map holds, ${budget === Infinity ? 'in memory' : 'with most of it on disk'}`, () => {
      stateMemory.limit(budget, directory)
      const spilledBefore = stateMemory.spilledBytes
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (seed) => {
          let state = seed
          const random = (limit: number): number => (state = (Math.imul(state, 48271) & 0x7fffffff) >>> 0) % limit
          const table = new EntryTable('entries', 1, [BIGINT], new KeyTable([BIGINT]))
          const states = [table.stateNumber('a'), table.stateNumber('b')]
          const model = new Map<string, Entry>()
          const find = ({ key, state: number, start, sub }: Entry): number =>
            table.find(key, number, start, start === 0 ? 0 : start + 10, Buffer.from(sub), 0, sub.length)
          for (let step = 0; step < 4_000; step++) {
            const start = random(3) === 0 ? 0.5 + random(4) : 0
            const entry: Entry = {
              key: random(400),
              state: states[random(2)] as number,
              start,
              sub: 'k'.repeat(random(3)) + random(4),
              value: `v${step}`.padEnd(random(120), '.'),
              time: -step / 3,
            }
            const name = `${entry.key} ${entry.state} ${entry.start} ${entry.sub}`
            const held = model.get(name)
            const id = find(entry)
            expect(id >= 0).to.equal(held !== undefined)
            if (held !== undefined && random(4) === 0) {
              table.remove(id)
              model.delete(name)
            } else if (held !== undefined && random(3) === 0) {
              table.append(id, Buffer.from(entry.value), 0, entry.value.length)
              held.value += entry.value
            } else {
              const end = start === 0 ? 0 : start + 10
              const assigned = table.assign(entry.key, entry.state, start, end, Buffer.from(entry.sub), 0, entry.sub.length)
              table.write(assigned, Buffer.from(entry.value), 0, entry.value.length, entry.time)
              model.set(name, entry)
            }
            if (step % 16 === 0) stateMemory.trim()
          }
          expect(table.size).to.equal(model.size)
          const references = new Map<number, number>()
          for (const entry of model.values()) {
            const id = find(entry)
            const from = table.valueOffset(id)
            const value = Buffer.from(table.valuePage(id).subarray(from, from + table.valueLength(id))).toString()
            expect([value, table.timeOf(id), table.startOf(id), table.keyOf(id)]).to.deep.equal([
              entry.value,
              entry.time,
              entry.start,
              entry.key,
            ])
            references.set(entry.key, (references.get(entry.key) ?? 0) + 1)
          }
          for (let key = 0; key < 402; key++) expect(table.referencesOf(key)).to.equal(references.get(key) ?? 0)
          expect(table.ids().length).to.equal(model.size)
        }),
        { numRuns: 6 },
      )
      if (budget !== Infinity) expect(stateMemory.spilledBytes).to.be.above(spilledBefore)
    }).timeout(20_000)
})

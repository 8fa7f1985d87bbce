import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { TaskRestore } from '#core/checkpoint/state-handles.js'
import { barrierOf, OneSlot } from './one-slot.js'
import { CountingSource, NUMBERS, PreparingSink, Sums } from './stateful-operators.js'

const FILES = { 'execution.checkpointing.data-inline-threshold': '0 b' }

describe('copies of state on the worker', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-local-state-'))
  })
  afterEach(() => rm(directory, { recursive: true }))
  const copies = () => readdir(join(directory, 'j')).catch(() => [])

  function start(restore?: Record<string, TaskRestore>, configuration: Record<string, string> = FILES) {
    const [source, sums, sink] = [new CountingSource(1000, { allowed: 0, keys: 3 }), new Sums(), new PreparingSink()]
    const slot = new OneSlot(NUMBERS, (name) => ({ source, sums, sink })[name] as never, false, directory)
    for (const [name, chain, inputs, outputs] of [
      ['sums', ['sums', 'sink'], ['source'], []],
      ['source', ['source'], [], ['sums']],
    ] as const) {
      const state = restore?.[name]
      slot.start({ name, chain, inputs, outputs, configuration, ...(state === undefined ? {} : { restore: state }) })
    }
    const checkpoint = async (id: number, complete: boolean, more: Partial<CheckpointBarrier> = {}) => {
      await slot.running()
      source.allow(3)
      await slot.until(() => source.next === source.limit)
      await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(id, more))
      await slot.allAcknowledged(id)
      slot.conclude(id, complete)
      await slot.until(() => sums.concluded.at(-1)?.endsWith(` ${id}`) === true)
    }
    return { slot, sums, checkpoint }
  }
  const settled = async (names: number) => {
    for (let i = 0; i < 100 && (await copies()).length !== names; i++) await new Promise((resolve) => setTimeout(resolve, 5))
    return copies()
  }
  const restores = (slot: OneSlot, id: number) => ({ sums: slot.restoreOf('sums', id), source: slot.restoreOf('source', id) })

  it('are what a task on the same worker begins with, and are removed when a complete checkpoint needs them no more', async () => {
    const first = start()
    await first.checkpoint(1, true)
    await first.checkpoint(2, true)
    await first.checkpoint(3, false)
    expect(await settled(2), 'the one of 3 is gone').to.have.length(2)
    const sums = [...first.sums.sums].map(([key, { sum }]) => [key, sum])
    await first.slot.stop()

    const second = start(restores(first.slot, 2)) // without a file of the checkpoint
    await second.slot.running()
    expect([...second.sums.sums].map(([key, { sum }]) => [key, sum])).to.deep.equal([
      [0, 0 + 3],
      [1, 1 + 4],
      [2, 2 + 5],
    ])
    expect(sums).to.have.length(3)
    await second.checkpoint(4, true)
    expect(await settled(1)).to.have.length(1)
    await second.slot.stop()
  })

  it('are passed over when they are damaged', async () => {
    const first = start()
    await first.checkpoint(1, true)
    await first.slot.stop()
    const [name] = await copies()
    const path = join(directory, 'j', String(name))
    const bytes = await readFile(path)
    bytes[40] = (bytes[40] ?? 0) ^ 1
    await writeFile(path, bytes)
    const second = start(restores(first.slot, 1))
    for (const [file, content] of first.slot.files.files) second.slot.files.files.set(file, content)
    await second.slot.running()
    expect(second.sums.sums.size).to.equal(3)
    await second.slot.stop()
  })

  it('fail no checkpoint when they cannot be written', async () => {
    await writeFile(join(directory, 'j'), 'no directory')
    const { slot, checkpoint } = start()
    await checkpoint(1, true)
    expect(slot.declined).to.deep.equal([])
    await slot.stop()
  })

  it('are not made of savepoints, of state on the disk of the machine, or when they are switched off', async () => {
    const { slot, checkpoint } = start()
    await checkpoint(1, true, { kind: 'savepoint', full: true })
    await slot.stop()
    const off = start(undefined, { ...FILES, 'execution.checkpointing.local-backup.enabled': 'false' })
    await off.checkpoint(1, true)
    await off.slot.stop()
    const files = start()
    await files.checkpoint(1, true, { directory: `file://${directory}/chk-1`, sharedDirectory: `file://${directory}/shared` })
    await files.slot.stop()
    expect(await copies()).to.deep.equal([])
  })
})

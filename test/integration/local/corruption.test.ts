import { expect } from 'chai'
import { appendFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { damageMany, filesOfSnapshot, kindOf } from '../../corruption/campaign.js'
import { takeRealSnapshots, type RealSnapshots } from '../../corruption/real-checkpoint.js'
import { runWeft } from '../../support/weft-command.js'

describe('a damaged checkpoint', () => {
  let folder: string
  let snapshots: RealSnapshots
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
    snapshots = await takeRealSnapshots(folder)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const start = (path: string) => runWeft(['run', snapshots.script, '-p', '2', '-s', path], { cwd: folder })

  it('is found out wherever the damage is (more of it: make corruption)', async () => {
    const { checkpoints, savepoint } = snapshots
    const { missed, kinds } = await damageMany([...checkpoints, savepoint], 120, 7)
    expect(missed).to.deep.equal([])
    expect([...kinds.keys()].sort()).to.deep.equal(['_metadata', 'inflight', 'seg'])
  })

  it('starts no job: the command names the file and the place', async () => {
    const { savepoint } = snapshots
    const segment = (await filesOfSnapshot(savepoint)).find((file) => kindOf(file) === 'seg') as string
    truncateSync(segment, 100)
    const cut = await start(savepoint)
    expect(cut.status, cut.stderr).to.equal(1)
    expect(cut.stderr).to.contain(`${segment} is damaged at byte 100`)
    appendFileSync(join(savepoint, '_metadata'), '!')
    const longer = await start(savepoint)
    expect(longer.status, longer.stderr).to.equal(1)
    expect(longer.stderr).to.match(/savepoint-[^/]*\/_metadata is damaged at byte \d+: it has \d+ bytes, its header says \d+/)
  })

  it('starts no job at another parallelism while records are in flight', async () => {
    const checkpoint = snapshots.checkpoints[0] as string
    const rescaled = await runWeft(['run', snapshots.script, '-p', '3', '-s', checkpoint], { cwd: folder })
    expect(rescaled.status, rescaled.stderr).to.equal(1)
    expect(rescaled.stderr).to.match(/is an unaligned checkpoint with records on their way .* take a savepoint/)
  })
})

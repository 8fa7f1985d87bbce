/** `make corruption [POSITIONS=2000] [SEED=1]`: damage at random positions of every kind of file of a real checkpoint and savepoint. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { damageMany } from './campaign.js'
import { takeRealSnapshots } from './real-checkpoint.js'

const [positions = '2000', seed = '1'] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'weft-corruption-'))
try {
  const { checkpoints, savepoint } = await takeRealSnapshots(folder)
  const { found, kinds, missed } = await damageMany([...checkpoints, savepoint], Number(positions), Number(seed))
  for (const [kind, count] of kinds) process.stdout.write(`${kind}: damaged ${count} times\n`)
  for (const { file, damage, offset } of missed) process.stdout.write(`MISSED: ${damage} at byte ${offset} of ${file}\n`)
  process.stdout.write(`${found} found, ${missed.length} missed\n`)
  process.exitCode = missed.length === 0 && kinds.size === 3 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

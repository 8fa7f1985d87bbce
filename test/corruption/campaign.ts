/** Many damages of real snapshots, one after the other: each must be found before anything is restored. */
import { join } from 'node:path'
import { CheckpointStore } from '#am/jobmaster/checkpoint/checkpoint-store.js'
import { bytesOfMetadata, filesOf } from '#core/checkpoint/state-files.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { systemEnvironment } from '#core/time/environment.js'
import { damaged, randomFrom, type Damaged } from './damage.js'

export interface Verdict {
  readonly found: number
  /** By kind of file: how often it was damaged. */
  readonly kinds: ReadonlyMap<string, number>
  readonly missed: readonly Damaged[]
}

const store = new CheckpointStore(new FileSystems('/'), systemEnvironment)

/** `_metadata` and all files that it refers to: paths. */
export async function filesOfSnapshot(directory: string): Promise<string[]> {
  const { metadata } = await store.readVerified(directory)
  return [join(directory, '_metadata'), ...filesOf(bytesOfMetadata(metadata))].map((file) => file.replace('file://', ''))
}

/** `seg`, `inflight`, `_metadata`. */
export function kindOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : name
}

export async function damageMany(directories: readonly string[], times: number, seed: number): Promise<Verdict> {
  const random = randomFrom(seed)
  const snapshots = await Promise.all(directories.map(async (directory) => ({ directory, files: await filesOfSnapshot(directory) })))
  const kinds = new Map<string, number>()
  const missed: Damaged[] = []
  for (let done = 0; done < times;) {
    const { directory, files } = snapshots[Math.floor(random() * snapshots.length)] as (typeof snapshots)[number]
    // Each kind of file as often as the others.
    const all = [...new Set(files.map(kindOf))]
    const kind = all[Math.floor(random() * all.length)] as string
    const own = files.filter((file) => kindOf(file) === kind)
    const { damage, seen } = await damaged(own, random, () =>
      store.readVerified(directory).then(
        () => undefined,
        (error: unknown) => String(error),
      ),
    )
    // What lies behind the last block of a state file belongs to nobody: nothing reads it.
    if (damage.damage === 'append' && kind !== '_metadata') continue
    if (seen === undefined) missed.push(damage)
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    done++
  }
  return { found: [...kinds.values()].reduce((sum, count) => sum + count, 0) - missed.length, kinds, missed }
}

/**
 * Ways of interrupting a run: snapshots are taken between any two items of the script and read while the operator goes on; then
 * subtasks give way to new ones, which begin with a snapshot and are given again what came after it.
 *
 *   restart   after every item: snapshot, the item once more while it is read, new subtask, the item again
 *   rescale   the same after 1, 2 or 3 items, with 2, 3 and 1 subtasks in turn: their state is split by key group and united again
 *   chains    snapshots all the time, several under way, full and incremental, some complete, some aborted; now and then a new
 *             subtask begins with the newest complete one
 *   spilled   as chains, with next to no memory for state: after every item all pages that can leave it are on disk
 */
import { tmpdir } from 'node:os'
import { stateMemory } from '#runtime/state/state-memory.js'
import type { Checkpoint, Player } from './player.js'
import type { Item } from './run.js'

export type Interruption = 'none' | 'restart' | 'rescale' | 'chains' | 'spilled'
export const INTERRUPTIONS: readonly Interruption[] = ['none', 'restart', 'rescale', 'chains', 'spilled']

/** In a long script not every item is followed by a restart. */
const MAX_RESTARTS = 24

/** Plays the items, of which the player has played none. */
export async function play(player: Player, items: readonly Item[], interruption: Interruption): Promise<void> {
  const begin = player.position
  const end = begin + items.length
  const next = (): Item => items[player.position - begin] as Item
  if (interruption === 'none') while (player.position < end) await player.play(next())
  else if (interruption === 'chains') await chains(player, next, end)
  else if (interruption === 'spilled') await withoutMemory(() => chains(player, next, end))
  else await restarts(player, next, end, interruption)
}

async function withoutMemory(action: () => Promise<void>): Promise<void> {
  stateMemory.limit(1, tmpdir())
  try {
    await action()
  } finally {
    stateMemory.limit(Infinity, tmpdir())
    // What was looked at by a weak reference is kept until then: all state of all runs.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function restarts(player: Player, next: () => Item, end: number, interruption: Interruption): Promise<void> {
  const rescale = interruption === 'rescale' && player.keys !== undefined
  const every = Math.max(1, Math.ceil((end - player.position) / MAX_RESTARTS))
  for (let turn = 0; player.position < end; turn++) {
    const checkpoint = player.begin(turn % 2 === 0)
    // Before the item all, some or none of the tables is read.
    for (let piece = turn % 3; piece > 0; piece--) player.drain(checkpoint)
    await player.play(next())
    while (!player.drain(checkpoint));
    player.complete(checkpoint)
    await player.start(rescale ? ([2, 3, 1][turn % 3] as number) : player.parallelism, checkpoint)
    const steps = interruption === 'rescale' ? every * (1 + (turn % 3)) : every
    for (let step = 0; step < steps && player.position < end; step++) await player.play(next())
  }
}

async function chains(player: Player, next: () => Item, end: number): Promise<void> {
  const random = randomNumbers(end)
  let open: Checkpoint[] = []
  let read: Checkpoint[] = []
  let complete: Checkpoint | undefined
  let restartsLeft = 4
  while (player.position < end) {
    if (open.length + read.length < 4 && random() < 0.8) open.push(player.begin(random() < 0.15))
    for (const checkpoint of [...open]) {
      if (random() < 0.1) {
        player.abort(checkpoint)
        open = open.filter((other) => other !== checkpoint)
      } else if (random() < 0.5 && player.drain(checkpoint)) {
        open = open.filter((other) => other !== checkpoint)
        read.push(checkpoint)
      }
    }
    for (const checkpoint of read.filter(() => random() < 0.6)) {
      const older = (other: Checkpoint): boolean => other.id < checkpoint.id
      if (random() < 0.25) player.abort(checkpoint)
      else {
        // A checkpoint that is complete ends those before it.
        for (const other of [...open, ...read].filter(older)) player.abort(other)
        open = open.filter((other) => !older(other))
        read = read.filter((other) => !older(other))
        player.complete(checkpoint)
        complete = checkpoint
      }
      read = read.filter((other) => other !== checkpoint)
      break
    }
    if (complete !== undefined && restartsLeft > 0 && random() < 0.3) {
      restartsLeft--
      await player.start(player.parallelism, complete)
      open = []
      read = []
      complete = undefined
    }
    await player.play(next())
  }
}

/** 0 to 1, the same for every run of the same script. */
function randomNumbers(seed: number): () => number {
  let state = seed * 0x9e3779b1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

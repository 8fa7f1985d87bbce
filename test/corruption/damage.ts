/** Damage at random places of a file, to be undone; seeded. */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'

export const DAMAGES = ['flip a bit', 'change a byte', 'truncate', 'append', 'remove', 'empty a block'] as const
export type Damage = (typeof DAMAGES)[number]

export interface Damaged {
  readonly file: string
  readonly damage: Damage
  readonly offset: number
}

/** mulberry32: uniform in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const BLOCK = 512

/** Damages one of the files, has `look` look, and puts the file back. */
export async function damaged<T>(
  files: readonly string[],
  random: () => number,
  look: (damage: Damaged) => Promise<T>,
): Promise<{ readonly damage: Damaged; readonly seen: T }> {
  const file = files[Math.floor(random() * files.length)] as string
  const whole = readFileSync(file)
  const { atime, mtime } = statSync(file)
  const damage = DAMAGES[Math.floor(random() * DAMAGES.length)] as Damage
  const offset = Math.floor(random() * whole.length)
  const bytes = apply(damage, whole, offset, random)
  if (bytes === undefined) rmSync(file)
  else writeFileSync(file, bytes)
  const done = { file, damage, offset }
  try {
    return { damage: done, seen: await look(done) }
  } finally {
    writeFileSync(file, whole)
    utimesSync(file, atime, mtime)
  }
}

/** Never what it was before; undefined: no file. */
function apply(damage: Damage, whole: Buffer, offset: number, random: () => number): Buffer | undefined {
  const bytes = Buffer.from(whole)
  switch (damage) {
    case 'remove':
      return undefined
    case 'truncate':
      return bytes.subarray(0, offset)
    case 'append':
      return Buffer.concat([bytes, Buffer.from([Math.floor(random() * 256)])])
    case 'flip a bit':
      bytes[offset] = (bytes[offset] as number) ^ (1 << Math.floor(random() * 8))
      return bytes
    case 'change a byte':
      bytes[offset] = ((bytes[offset] as number) + 1 + Math.floor(random() * 255)) & 0xff
      return bytes
    case 'empty a block': {
      const end = Math.min(bytes.length, offset + BLOCK)
      const before = Buffer.from(bytes.subarray(offset, end))
      bytes.fill(0, offset, end)
      if (before.equals(bytes.subarray(offset, end))) bytes[offset] = 1
      return bytes
    }
  }
}

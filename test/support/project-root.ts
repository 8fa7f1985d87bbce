/** The checkout's folder, whether a test runs compiled (dist/test) or from its source. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function find(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('no checkout around the tests')
  return find(parent)
}

export const projectRoot = find(dirname(fileURLToPath(import.meta.url)))

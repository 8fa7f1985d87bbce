/** Finds the runtime archive that belongs to this installation. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeArchiveMissing } from '../deploy/yarn/errors.js'

/** @throws YARN_RUNTIME_ARCHIVE_MISSING */
export function runtimeArchive(installation: string): string {
  const folder = join(installation, 'build')
  const name = existsSync(folder) ? readdirSync(folder).find((each) => /^weft-runtime-[0-9a-f]{16}\.tar\.gz$/.test(each)) : undefined
  if (name === undefined) throw new RuntimeArchiveMissing({ path: join(folder, 'weft-runtime-….tar.gz'), reason: 'there is none' })
  return join(folder, name)
}

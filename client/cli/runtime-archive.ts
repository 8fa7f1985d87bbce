/** Finds the runtime archive that belongs to this installation. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeArchiveMissing } from '../deploy/yarn/errors.js'

/** @throws YARN_RUNTIME_ARCHIVE_MISSING */
export function runtimeArchive(installation: string): string {
  const folder = join(installation, 'build')
  // While a new one is made there are two for a moment.
  const name = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((each) => /^weft-runtime-[0-9a-f]{16}\.tar\.gz$/.test(each))
    .sort((a, b) => statSync(join(folder, b)).mtimeMs - statSync(join(folder, a)).mtimeMs)[0]
  if (name === undefined) throw new RuntimeArchiveMissing({ path: join(folder, 'weft-runtime-….tar.gz'), reason: 'there is none' })
  return join(folder, name)
}

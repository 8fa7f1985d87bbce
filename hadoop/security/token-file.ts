/** New tokens into a token file (HADOOP_TOKEN_FILE_LOCATION) that others read while it changes. */
import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { mergeTokens, readCredentials, writeCredentials, type Credentials } from './credentials.js'

const PRIVATE = 0o600

/** At once for every reader. What else the file holds stays. @throws an Error of the file system's, HADOOP_MALFORMED_WRITABLE */
export async function replaceTokenFile(path: string, newer: Credentials): Promise<void> {
  const merged = mergeTokens(readCredentials(await readFile(path)), newer)
  const temporary = `${path}.${randomUUID()}`
  try {
    await writeFile(temporary, writeCredentials(merged), { mode: PRIVATE, flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

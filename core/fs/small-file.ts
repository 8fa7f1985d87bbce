/** Small files that are read and written as a whole. */
import { PathNotFound } from './errors.js'
import type { FileSystem } from './file-system.js'

/** Writes it under another name first, so that a reader never sees half of it; it is readable by its owner only. */
export async function replaceSmallFile(fileSystem: FileSystem, path: string, temporary: string, content: Uint8Array): Promise<void> {
  const writer = await fileSystem.create(temporary, { overwrite: true, permission: 0o600 })
  try {
    await writer.write(content)
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  await fileSystem.delete(path)
  await fileSystem.rename(temporary, path)
}

/** Text of at most `limit` bytes, what comes behind is left out; undefined: there is no such file. */
export async function readSmallFile(fileSystem: FileSystem, path: string, limit: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of fileSystem.read(path, 0, limit)) chunks.push(chunk)
  } catch (error) {
    if (PathNotFound.is(error)) return undefined
    throw error
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** FileSystems with one file system in memory, `mem://`. */
import { PathNotFound } from '#core/fs/errors.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { FileSystems } from '#core/fs/file-systems.js'

export function memoryFiles(files: Map<string, Uint8Array>): FileSystems {
  const fileSystems = new FileSystems('/')
  const refuse = () => Promise.reject(new Error('read only'))
  const fileSystem: FileSystem = {
    status: refuse,
    list: refuse,
    create: refuse,
    mkdirs: refuse,
    rename: refuse,
    delete: refuse,
    async *read(path, offset = 0, length = Infinity) {
      const bytes = files.get(path)
      if (bytes === undefined) throw new PathNotFound({ path })
      for (let at = offset; at < Math.min(bytes.length, offset + length); at += 777)
        yield bytes.slice(at, Math.min(bytes.length, offset + length, at + 777))
    },
  }
  fileSystems.register('mem', fileSystem, 'mem://')
  return fileSystems
}

/** The file systems a process knows, by scheme, and the meaning of paths without one. Entry points register them. */
import { UnsupportedScheme } from './errors.js'
import type { FileSystem } from './file-system.js'
import { localFileSystem } from './local-file-system.js'

export class FileSystems {
  readonly #byScheme = new Map<string, { fileSystem: FileSystem; workingDirectory: string }>()
  readonly #defaultScheme: string

  /** `defaultScheme`: value of fs.default-scheme (`hdfs://nameservice`), or undefined for local files. */
  constructor(workingDirectory: string, defaultScheme?: string) {
    this.#byScheme.set('file', { fileSystem: localFileSystem, workingDirectory: `file://${workingDirectory}` })
    this.#defaultScheme = defaultScheme ?? 'file:///'
  }

  /** `workingDirectory`: URI that relative paths of this scheme lie under. */
  register(scheme: string, fileSystem: FileSystem, workingDirectory: string): void {
    this.#byScheme.set(scheme, { fileSystem, workingDirectory })
  }

  /** @throws FS_UNSUPPORTED_SCHEME */
  of(uri: string): FileSystem {
    return this.#entry(uri).fileSystem
  }

  /** A full URI without trailing slash: scheme, authority and working directory filled in where `path` lacks them. */
  resolve(path: string): string {
    const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return trimmed
    if (/^[a-z][a-z0-9+.-]*:\//i.test(trimmed)) return trimmed.replace(':/', ':///')
    if (trimmed.startsWith('/')) {
      const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i.exec(this.#defaultScheme)?.[0] ?? 'file://'
      return authority + trimmed
    }
    return `${this.#entry(this.#defaultScheme).workingDirectory}/${trimmed.replace(/^(\.\/)+/, '')}`
  }

  #entry(uri: string) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase() ?? 'file'
    const entry = this.#byScheme.get(scheme)
    if (entry === undefined)
      throw new UnsupportedScheme({ path: uri, scheme, known: [...this.#byScheme.keys()].map((s) => `${s}://`).join(', ') })
    return entry
  }
}

/** Flink's FileSystem contract, as narrow as we need it. Paths are URIs: `file:///a/b`, `hdfs://host:8020/a/b`. */
export interface FileStatus {
  /** Full URI, without trailing slash. */
  readonly path: string
  readonly directory: boolean
  /** Bytes. */
  readonly length: number
  /** Milliseconds since the epoch. */
  readonly modificationTime: number
}

export interface FileWriter {
  /** Resolves when more may be written (back-pressure). */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when every byte is durable. */
  close(): Promise<void>
  /** Gives the file up and removes what was written. Never throws. */
  abort(): Promise<void>
}

export interface FileSystem {
  /** Undefined when there is nothing at that path. */
  status(path: string): Promise<FileStatus | undefined>
  /** Direct children, sorted by path. @throws FS_NOT_FOUND */
  list(path: string): Promise<FileStatus[]>
  /** Bytes from `offset` on, at most `length`. @throws FS_NOT_FOUND, FS_PERMISSION_DENIED */
  read(path: string, offset?: number, length?: number): AsyncIterable<Uint8Array>
  /** A new file; parents are made. With `permission` (octal, e.g. 0o600). @throws FS_ALREADY_EXISTS unless overwrite */
  create(path: string, options?: { overwrite?: boolean; permission?: number }): Promise<FileWriter>
  mkdirs(path: string, permission?: number): Promise<void>
  /** Atomic; the target must not exist. @throws FS_NOT_FOUND, FS_ALREADY_EXISTS */
  rename(from: string, to: string): Promise<void>
  /** Recursive. False: there was nothing. */
  delete(path: string): Promise<boolean>
}

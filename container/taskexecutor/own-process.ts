/** The process that a TaskExecutor runs in, as far as it looks at it and at its local disk. A simulation has its own. */
import { rm } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'

export interface OwnProcess {
  readonly pid: number
  /** Bytes: resident set, and of this thread V8's heap and the buffers outside it. */
  memoryUsage(): { readonly rss: number; readonly heapUsed: number; readonly arrayBuffers: number }
  /** Bytes of memory. */
  hardware(): { readonly cpuCores: number; readonly physicalMemory: number; readonly freeMemory: number }
  /** With all in it; nothing when it is not there. */
  removeDirectory(path: string): Promise<void>
}

export const ownProcess: OwnProcess = {
  pid: process.pid,
  memoryUsage: () => process.memoryUsage(),
  hardware: () => ({ cpuCores: availableParallelism(), physicalMemory: totalmem(), freeMemory: freemem() }),
  removeDirectory: (path) => rm(path, { recursive: true, force: true }),
}

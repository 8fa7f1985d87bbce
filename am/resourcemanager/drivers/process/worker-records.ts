/**
 * Which worker processes an application has, on disk, so that a later master finds those of an earlier one:
 *
 *   <directory>/workers/<resource id>.json     { pid, started, slots }
 *
 * `started` (from /proc) tells the process from a later one with the same number.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from '#core/zod.js'
import { resourceId, type ResourceId } from '#core/ids/ids.js'

const RecordSchema = z.object({ pid: z.int().min(1), started: z.string(), slots: z.int().min(1) })
export type WorkerRecord = z.infer<typeof RecordSchema> & { readonly id: ResourceId }

export class WorkerRecords {
  readonly #directory: string

  constructor(applicationDirectory: string) {
    this.#directory = join(applicationDirectory, 'workers')
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
  }

  add({ id, ...record }: WorkerRecord): void {
    writeFileSync(this.#path(id), JSON.stringify(record), { mode: 0o600 })
  }

  remove(id: ResourceId): void {
    rmSync(this.#path(id), { force: true })
  }

  /** Those whose process still runs; records of others are removed. */
  alive(): WorkerRecord[] {
    const alive: WorkerRecord[] = []
    for (const name of readdirSync(this.#directory)) {
      if (!name.endsWith('.json')) continue
      const id = resourceId(name.slice(0, -'.json'.length))
      const record = this.#read(id)
      if (record !== undefined && startOf(record.pid) === record.started) alive.push({ ...record, id })
      else this.remove(id)
    }
    return alive
  }

  /** Undefined: broken off while it was written. */
  #read(id: ResourceId): z.infer<typeof RecordSchema> | undefined {
    try {
      return RecordSchema.parse(JSON.parse(readFileSync(this.#path(id), 'utf8')))
    } catch {
      return undefined
    }
  }

  #path(id: ResourceId): string {
    return join(this.#directory, `${id}.json`)
  }
}

/** When the process was started, in the system's own unit (proc(5), field 22 of stat); undefined: it does not run. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, field 2, is in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

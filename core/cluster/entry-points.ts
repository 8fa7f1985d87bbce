/**
 * Where the code of each process or thread lies. In a checkout: `dist/<room>/…-main.js`. In the runtime archive, where
 * everything is bundled: `am.mjs`, `container.mjs`, `slot.mjs`, … side by side.
 */
import { existsSync } from 'node:fs'

const ENTRIES = {
  am: { built: '../../am/main.js', bundled: './am.mjs' },
  container: { built: '../../container/main.js', bundled: './container.mjs' },
  /** A TaskManager that runs in its JobManager's thread (embedded-worker.ts): a module to import. */
  embedded: { built: '../../container/embedded.js', bundled: './embedded.mjs' },
  slot: { built: '../../container/slot-main.js', bundled: './slot.mjs' },
  /** The AM-RM heartbeat thread. */
  heartbeat: { built: '../../am/resourcemanager/drivers/yarn/heartbeat-main.js', bundled: './heartbeat.mjs' },
} as const

export type EntryPoint = keyof typeof ENTRIES

export function entryPoint(name: EntryPoint): URL {
  const bundled = new URL(ENTRIES[name].bundled, import.meta.url)
  return existsSync(bundled) ? bundled : new URL(ENTRIES[name].built, import.meta.url)
}

/** The correct wiring, and what a planted bug is. */
import type { Channel } from '#core/rpc/channel.js'
import type { Kernel } from './kernel.js'
import type { Wiring } from './master.js'

export const correctWiring: Wiring = {
  expiry: (expiry) => expiry,
  environment: (environment) => environment,
  endpoints: (endpoints) => endpoints,
  fileSystem: (fileSystem) => fileSystem,
  results: (store) => store,
  slots: (slots) => slots,
  host: (host) => host,
  checkpoints: (checkpoints) => checkpoints,
  coordinators: (loader) => loader,
  driver: (driver) => driver,
  amRm: (amRm) => amRm,
  amRmEvent: (event) => event,
  resourceManagerHandlers: (handlers) => handlers,
}

/** A bug on purpose, at a seam between the parts. */
export interface Mutant {
  readonly name: string
  /** What it breaks, in a sentence. */
  readonly breaks: string
  wiring?(kernel: Kernel): Partial<Wiring>
  /** Of a worker's connection to its master, at the worker's end. */
  channel?(channel: Channel, worker: string, kernel: Kernel): Channel
}

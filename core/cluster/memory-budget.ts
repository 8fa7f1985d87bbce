/**
 * One memory number per process, all budgets derived from it. A Node process holds: the binary and its libraries resident,
 * V8 heaps (one per thread), buffers outside the heap (batches, exchange, state), and allocator slack.
 *
 *   process = runtime base + thread bases + slack + V8 heap of the main thread + per slot (V8 heap + network + managed)
 */
const MIB = 1024 * 1024
/** Measured: resident set of a TaskManager (Node 24, all modules loaded) without its slots, rounded up. */
const RUNTIME_BASE = 88 * MIB
/** Measured: an idle slot thread with its modules, rounded up. */
const THREAD_BASE = 24 * MIB
/** What the allocator and a garbage collection's peak may take beyond the budgets. */
const SLACK_FRACTION = 0.1
const MIN_SLOT_HEAP = 16 * MIB
const MIN_SLOT = MIN_SLOT_HEAP + 16 * MIB

export interface MemoryBudget {
  readonly processBytes: number
  /** What the runtime and its threads take, and what is left free for the allocator and the collector. Bytes. */
  readonly runtimeBytes: number
  readonly slackBytes: number
  /** --max-old-space-size of the main thread, MiB. */
  readonly mainHeapMb: number
  /** resourceLimits.maxOldGenerationSizeMb of each slot's thread. */
  readonly slotHeapMb: number
  /** Exchange buffers and batches of each slot. */
  readonly slotNetworkBytes: number
  /** Operators' state of each slot. */
  readonly slotManagedBytes: number
}

/** Smallest container that `slots` slots fit in, bytes. */
export function minimumProcessBytes(slots: number): number {
  return Math.ceil((RUNTIME_BASE + THREAD_BASE * slots + 24 * MIB + slots * MIN_SLOT) / (1 - SLACK_FRACTION))
}

export function memoryBudget(processBytes: number, slots: number, managedFraction: number): MemoryBudget {
  const free = processBytes * (1 - SLACK_FRACTION) - RUNTIME_BASE - THREAD_BASE * slots
  const mainHeap = Math.max(24 * MIB, Math.min(128 * MIB, free * 0.15, free - slots * MIN_SLOT))
  const perSlot = Math.max(MIN_SLOT, (free - mainHeap) / slots)
  const network = Math.max(8 * MIB, Math.min(64 * MIB, perSlot * 0.15))
  const managed = (perSlot - network - MIN_SLOT_HEAP) * managedFraction
  return {
    processBytes,
    runtimeBytes: RUNTIME_BASE + THREAD_BASE * slots,
    slackBytes: Math.floor(processBytes * SLACK_FRACTION),
    mainHeapMb: Math.floor(mainHeap / MIB),
    slotHeapMb: Math.floor((perSlot - managed - network) / MIB + 1e-6),
    slotNetworkBytes: Math.floor(network),
    slotManagedBytes: Math.floor(managed),
  }
}

/**
 * The budget of a process whose container has grown to `processBytes`. Heaps and exchange buffers were fixed when the threads started: all
 * that is gained, less the slack, is for state.
 */
export function grownBudget(before: MemoryBudget, processBytes: number, slots: number): MemoryBudget {
  const gained = Math.max(0, processBytes - before.processBytes) * (1 - SLACK_FRACTION)
  return {
    ...before,
    processBytes: Math.max(processBytes, before.processBytes),
    slackBytes: Math.floor(Math.max(processBytes, before.processBytes) * SLACK_FRACTION),
    slotManagedBytes: before.slotManagedBytes + Math.floor(gained / slots),
  }
}

/** One line for the log. */
export function describeBudget(budget: MemoryBudget, slots: number): string {
  const mb = (bytes: number): number => Math.floor(bytes / MIB)
  const each = slots === 1 ? '' : ' each'
  return (
    `${mb(budget.processBytes)} MB: runtime and threads ${mb(budget.runtimeBytes)}, free ${mb(budget.slackBytes)}, heap of the main thread ` +
    `${budget.mainHeapMb}, ${slots} slot(s) with state ${mb(budget.slotManagedBytes)}, exchange ${mb(budget.slotNetworkBytes)}, ` +
    `heap ${budget.slotHeapMb}${each}`
  )
}

/** What the master's heartbeat thread and its buffers take beside its heap. */
const MASTER_EXTRA = THREAD_BASE + 16 * MIB
const MIN_MASTER_HEAP = 48 * MIB

/** Default of V8, MiB: three such halves hold what was allocated since the last small collection. */
const MAX_SEMI_SPACE_MB = 16
/** Of its heap: a small master would spend a tenth of its memory on garbage that waits for the next collection. */
const SEMI_SPACE_FRACTION = 1 / 50

/** Node's options for the heap of the JobManager's main thread, in a container of that size. */
export function masterHeapOptions(processBytes: number): string[] {
  const heapMb = Math.floor(Math.max(MIN_MASTER_HEAP, processBytes * (1 - SLACK_FRACTION) - RUNTIME_BASE - MASTER_EXTRA) / MIB)
  const semiSpaceMb = Math.min(MAX_SEMI_SPACE_MB, Math.max(1, Math.floor(heapMb * SEMI_SPACE_FRACTION)))
  return [`--max-old-space-size=${heapMb}`, `--max-semi-space-size=${semiSpaceMb}`]
}

/**
 * Which segments hold an operator's keyed state: the ones of complete checkpoints, and for each checkpoint under way those it would
 * leave. Decides when a new base is written. Pure.
 */
import type { StateBytes } from '#core/checkpoint/state-handles.js'

/** A new base is begun when so many increments follow one. */
export const MAX_INCREMENTS = 64

export interface SegmentChain {
  /** Oldest first; the first one is the base. Empty: there is no state. */
  readonly segments: readonly StateBytes[]
  /** Rows of the base, and rows and removed ids of the increments. */
  readonly baseRows: number
  readonly incrementRows: number
  readonly increments: number
}

/** Rows and removed ids of one snapshot, and where they were written; undefined: it had none. */
export interface WrittenSegment {
  readonly rows: number
  readonly bytes: StateBytes | undefined
}

/** Whether the next snapshot must hold everything. */
export function needsBase(chain: SegmentChain | undefined): boolean {
  return chain === undefined || chain.increments >= MAX_INCREMENTS || chain.incrementRows >= chain.baseRows
}

/** `base`: what the snapshot continues; undefined: it holds everything. */
export function extend(base: SegmentChain | undefined, written: WrittenSegment): SegmentChain {
  const segments = written.bytes === undefined ? [] : [written.bytes]
  if (base === undefined) return { segments, baseRows: written.rows, incrementRows: 0, increments: 0 }
  return {
    segments: [...base.segments, ...segments],
    baseRows: base.baseRows,
    incrementRows: base.incrementRows + written.rows,
    increments: base.increments + segments.length,
  }
}

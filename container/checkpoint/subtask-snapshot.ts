/**
 * One checkpoint of one subtask, from the barrier until everything is durable: operators' snapshots are read in short slices into a
 * file, then what is in flight is written, then sinks' committables are awaited.
 *
 *   advance(), advance(), … ─▶ segments written ─▶ in-flight data complete and written ─▶ committables there ─▶ done
 */
import { crc32 } from 'node:zlib'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type {
  InFlightData,
  KeyedStateHandle,
  OperatorSubtaskState,
  StateBytes,
  StateTableDescriptor,
} from '#core/checkpoint/state-handles.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import type { EdgeId, OperatorId } from '#core/ids/ids.js'
import { encodeInFlight, type InFlightElement } from '#runtime/checkpoint/in-flight.js'
import { KeyGroupBlocks } from '#runtime/checkpoint/key-group-blocks.js'
import { SegmentWriter } from '#runtime/checkpoint/segment-writer.js'
import type { KeyedRows, KeyedSnapshot, OperatorSnapshot } from '#runtime/state/snapshot.js'
import { extend, type SegmentChain } from './segment-chains.js'
import type { LocalState } from './local-state.js'
import { SnapshotFile, type WrittenRange } from './snapshot-file.js'

export interface OperatorPart {
  readonly operatorId: OperatorId
  readonly tables: readonly StateTableDescriptor[]
  readonly snapshot: OperatorSnapshot
  /** What an increment continues; undefined: the snapshot holds everything. */
  readonly base: SegmentChain | undefined
}

/** What barriers overtook, by channel. */
export interface InFlight {
  readonly inputs: readonly { readonly edgeId: EdgeId; readonly channel: number; readonly elements: readonly InFlightElement[] }[]
  readonly outputs: readonly { readonly edgeId: EdgeId; readonly subpartition: number; readonly elements: readonly InFlightElement[] }[]
}

export interface SubtaskSnapshotOptions {
  readonly barrier: CheckpointBarrier
  readonly operators: readonly OperatorPart[]
  readonly keyGroups: { readonly first: number; readonly last: number }
  readonly fileSystems: FileSystems
  /** Unique in the directory. */
  readonly fileName: string
  readonly inlineThreshold: number
  /** Where copies of the segments go; undefined: nowhere. */
  readonly local: LocalState | undefined
  /** All of it, once no more can come. */
  readonly inFlight: Promise<InFlight>
  /** By operator; may be called once `inFlight` is there. */
  committables(): Promise<ReadonlyMap<OperatorId, readonly unknown[]>>
  /** advance() may go on. */
  onRoom(): void
}

/** The acknowledged part. */
export interface SubtaskSnapshotResult {
  readonly operators: OperatorSubtaskState[]
  readonly inFlight: InFlightData | undefined
  readonly chains: ReadonlyMap<OperatorId, SegmentChain>
  /** Bytes written now, keyed state and in flight; bytes of in-flight data among them. */
  readonly writtenBytes: number
  readonly persistedBytes: number
}

interface Segment {
  readonly part: OperatorPart
  readonly keyed: KeyedSnapshot
  readonly writer: SegmentWriter
  /** Of one that holds everything: it is what a rescale deals out. */
  readonly sorting: KeyGroupBlocks | undefined
  offset: number
}

export class SubtaskSnapshot {
  readonly #options: SubtaskSnapshotOptions
  readonly #file: SnapshotFile
  readonly #inFlightFile: SnapshotFile
  readonly #segments: readonly Segment[]
  #next = 0
  #drained!: () => void
  #failed!: (error: unknown) => void
  readonly #reading: Promise<void>
  #over = false

  constructor(options: SubtaskSnapshotOptions) {
    this.#options = options
    const { barrier, fileSystems, inlineThreshold } = options
    const common = { fileSystems, inlineThreshold, onRoom: () => options.onRoom() }
    const directory = barrier.full ? barrier.directory : barrier.sharedDirectory
    const name = `${options.fileName}.seg`
    const copy = options.local?.begin(name, barrier.checkpointId)
    this.#file = new SnapshotFile({ ...common, directory, name, relative: barrier.full, copy })
    options.inFlight.catch(() => undefined) // looked at when the segments are written
    this.#inFlightFile = new SnapshotFile({ ...common, directory: barrier.directory, name: `${options.fileName}.inflight`, relative: true })
    this.#segments = options.operators.flatMap((part) => {
      const { keyed } = part.snapshot
      if (keyed === undefined) return []
      const sorting = part.base === undefined ? new KeyGroupBlocks(options.keyGroups) : undefined
      return [{ part, keyed, writer: new SegmentWriter(part.tables), sorting, offset: 0 }]
    })
    this.#reading = new Promise((resolve, reject) => {
      this.#drained = resolve
      this.#failed = reject
    })
    this.#reading.catch(() => undefined)
    if (this.#segments.length === 0) this.#drained()
  }

  /** Operators' snapshots are still being read. */
  get draining(): boolean {
    return !this.#over && this.#next < this.#segments.length
  }

  /** More can be read now. */
  get ready(): boolean {
    return this.draining && this.#file.hasRoom
  }

  /** Bytes of rows that operators had to copy because they changed before they were read. */
  get keptBytes(): number {
    if (this.#over) return 0
    return this.#segments.slice(this.#next).reduce((sum, { keyed }) => sum + keyed.keptBytes, 0)
  }

  /** Reads the next piece. */
  advance(): void {
    const segment = this.#segments[this.#next]
    if (segment === undefined || !this.ready) return
    try {
      const rows = segment.keyed.next()
      if (rows !== undefined) {
        if (rows.ids.length === 0 && rows.removed.length === 0) return
        return this.#write(segment, segment.sorting?.add(rows) ?? [rows])
      }
      if (segment.sorting !== undefined) this.#write(segment, segment.sorting.flush())
      if (segment.writer.length > 0) this.#file.write(segment.writer.end())
      segment.keyed.close()
      this.#next++
      if (this.#next === this.#segments.length) this.#drained()
    } catch (error) {
      this.#failed(error)
      this.#closeSnapshots()
    }
  }

  #write(segment: Segment, blocks: readonly KeyedRows[]): void {
    for (const rows of blocks) {
      if (segment.writer.length === 0) {
        segment.offset = this.#file.length
        this.#file.write(segment.writer.begin())
      }
      this.#file.write(segment.writer.block(rows))
    }
  }

  /** Resolves when everything is durable. @throws whatever went wrong; `abort` then removes what was written */
  async complete(): Promise<SubtaskSnapshotResult> {
    await this.#reading
    const bytesOf = await this.#file.finish()
    const chains = new Map<OperatorId, SegmentChain>()
    for (const { part, writer, offset } of this.#segments) {
      const { length, checksum } = writer
      const bytes = length === 0 ? undefined : bytesOf({ offset, length, checksum })
      chains.set(part.operatorId, extend(part.base, { rows: writer.rows, bytes }))
    }
    const inFlight = await this.#writeInFlight(await this.#options.inFlight)
    const committables = await this.#options.committables()
    return {
      operators: this.#options.operators.flatMap(({ operatorId, tables, snapshot }) => {
        const chain = chains.get(operatorId)
        const state = {
          operatorId,
          lists: { ...snapshot.lists },
          committables: [...(committables.get(operatorId) ?? [])],
          ...(chain === undefined ? {} : { keyed: this.#handle(tables, chain) }),
        }
        const empty = chain === undefined && Object.keys(state.lists).length === 0 && state.committables.length === 0
        return empty ? [] : [state]
      }),
      inFlight,
      chains,
      writtenBytes: this.#file.length + this.#inFlightFile.length,
      persistedBytes: this.#inFlightFile.length,
    }
  }

  /** Gives the checkpoint up: closes what is open, removes what was written. Safe at any time, also after `complete`. Never throws. */
  async abort(reason: unknown): Promise<boolean> {
    this.#failed(reason)
    this.#closeSnapshots()
    const removed = await Promise.all([this.#file.abort(), this.#inFlightFile.abort()])
    return removed.every(Boolean)
  }

  #closeSnapshots(): void {
    if (this.#over) return
    this.#over = true
    for (const { keyed } of this.#segments.slice(this.#next)) keyed.close()
  }

  #handle(tables: readonly StateTableDescriptor[], chain: SegmentChain): KeyedStateHandle {
    const { first, last } = this.#options.keyGroups
    return { firstKeyGroup: first, lastKeyGroup: last, tables: [...tables], segments: [...chain.segments] }
  }

  async #writeInFlight({ inputs, outputs }: InFlight): Promise<InFlightData | undefined> {
    if (inputs.length === 0 && outputs.length === 0) return undefined
    const write = (elements: readonly InFlightElement[]): WrittenRange => {
      const bytes = encodeInFlight(elements)
      const offset = this.#inFlightFile.length
      this.#inFlightFile.write(bytes)
      return { offset, length: bytes.length, checksum: crc32(bytes) }
    }
    const writtenInputs = inputs.map(({ edgeId, channel, elements }) => ({ edgeId, channel, range: write(elements) }))
    const writtenOutputs = outputs.map(({ edgeId, subpartition, elements }) => ({ edgeId, subpartition, range: write(elements) }))
    const bytesOf: (range: WrittenRange) => StateBytes = await this.#inFlightFile.finish()
    return {
      inputs: writtenInputs.map(({ edgeId, channel, range }) => ({ edgeId, channel, bytes: bytesOf(range) })),
      outputs: writtenOutputs.map(({ edgeId, subpartition, range }) => ({ edgeId, subpartition, bytes: bytesOf(range) })),
    }
  }
}

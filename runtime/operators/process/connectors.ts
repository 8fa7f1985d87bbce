/** Sources and sinks that a job's author writes: Flink's FLIP-27 and FLIP-143. Splits, committables and writer state are plain JSON. */
import type { JobId } from '#core/ids/ids.js'
import type { WatermarkOutput } from './functions.js'

// --- sources -------------------------------------------------------------------------------------------------------------------

export interface Source<T, Split = unknown> {
  readonly boundedness: 'bounded' | 'unbounded'
  /** Beside the JobMaster. */
  createEnumerator(context: EnumeratorContext): SplitEnumerator<Split>
  /** In each subtask. */
  createReader(context: SourceReaderContext): SourceReader<T, Split>
}
export interface EnumeratorContext {
  readonly jobId: JobId
  readonly parallelism: number
}
/** Finds splits and hands them out. */
export interface SplitEnumerator<Split> {
  /** `restored`: what snapshotState gave for the checkpoint that the job begins with; undefined: it begins anew. */
  start(restored?: unknown): void | Promise<void>
  /** The next split for that subtask; null: there will be no more. May wait until there is one. */
  nextSplit(subtaskIndex: number): Split | null | Promise<Split | null>
  /** What has not been handed out. */
  snapshotState(): unknown
  /** Splits of a subtask that is started again without them. */
  addSplitsBack(splits: readonly Split[], subtaskIndex: number): void
  /** How many elements wait in splits that were not handed out: the autoscaler gives the job what it takes to work them off. Called often. */
  pendingRecords?(): number
  close?(): void | Promise<void>
}
export interface SourceReaderContext {
  readonly jobId: JobId
  readonly subtaskIndex: number
  readonly parallelism: number
  /** Asks the enumerator for another split; it comes by addSplits, or notifyNoMoreSplits is called. Asked once by itself at the start. */
  sendSplitRequest(): void
}
export interface ReaderOutput<T> extends WatermarkOutput {
  /** `timestamp`: event time in ms, where the source knows it. */
  collect(value: T, timestamp?: number): void
}
export type InputStatus = 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT'
export interface SourceReader<T, Split> {
  start?(): void | Promise<void>
  /** Emits some elements (up to a few hundred) without waiting. */
  pollNext(output: ReaderOutput<T>): InputStatus
  /** After NOTHING_AVAILABLE: settles when polling makes sense again. A split that arrives counts as such, too. */
  isAvailable(): Promise<void>
  addSplits(splits: readonly Split[]): void
  notifyNoMoreSplits(): void
  /** The splits it holds, with how far each was read. */
  snapshotState(checkpointId: number): readonly Split[]
  notifyCheckpointComplete?(checkpointId: number): void
  close?(): void | Promise<void>
}

// --- sinks ---------------------------------------------------------------------------------------------------------------------

export interface Sink<T, Committable = unknown> {
  /** `restored`: states that writers gave for the checkpoint that the job begins with. */
  createWriter(context: SinkWriterContext, restored: readonly unknown[]): SinkWriter<T, Committable> | Promise<SinkWriter<T, Committable>>
  /** Needed when writers prepare committables; beside the JobMaster. */
  createCommitter?(context: CommitterContext): Committer<Committable>
}
export interface SinkWriterContext {
  readonly jobId: JobId
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly attemptNumber: number
}
export interface SinkWriter<T, Committable = unknown> {
  /** A promise holds back the next elements. `timestamp`: null when the element has none. */
  write(element: T, context: { timestamp(): number | null; currentWatermark(): number }): void | Promise<void>
  /** At each checkpoint, and at the end of input: everything written is handed on. */
  flush(endOfInput: boolean): void | Promise<void>
  /** What makes visible all elements since the last call; after flush. */
  prepareCommit?(): readonly Committable[] | Promise<readonly Committable[]>
  /**
   * Up to a few KiB of JSON. Called when flush and prepareCommit have been called and every write is done; where these two are asynchronous,
   * before they are.
   */
  snapshotState?(checkpointId: number): readonly unknown[]
  close?(): void | Promise<void>
}
export interface CommitterContext {
  readonly jobId: JobId
}
/** Every method may be repeated with the same arguments. */
export interface Committer<Committable> {
  commit(committables: readonly Committable[]): Promise<void>
  /** The job failed or was cancelled: nothing that is uncommitted may stay behind. */
  abort?(): Promise<void>
  close?(): void | Promise<void>
}

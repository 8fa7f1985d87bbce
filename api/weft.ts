/** What `import … from 'weft'` gives a job program. */
export { AsyncDataStream, AsyncRetryStrategies, type AsyncOptions } from './datastream/async-data-stream.js'
export { BroadcastConnectedStream, BroadcastStream } from './datastream/broadcast-stream.js'
export { ConnectedStreams } from './datastream/connected-streams.js'
export { DataStream, DataStreamSink, KeyedStream, OutputTag, SingleOutputStreamOperator } from './datastream/data-stream.js'
export type { Duration } from './datastream/duration.js'
export { IntervalJoin, IntervalJoined } from './datastream/interval-join.js'
export { CoGroupedStreams, JoinedStreams, WindowedCoGroup, WindowedJoin } from './datastream/joined-streams.js'
export type { JobClient, JobExecutionResult, JobStatus } from './datastream/program-host.js'
export { RestartStrategies, type RestartStrategy } from './datastream/restart-strategies.js'
export { StreamExecutionEnvironment, type CheckpointSettings } from './datastream/stream-execution-environment.js'
export { TableSink, TableSource, type ConnectorOptions } from './datastream/table-connector.js'
export { Types, type RowOf } from './datastream/types.js'
export { WatermarkStrategy } from './datastream/watermark-strategy.js'
export { WindowedStream } from './datastream/windowed-stream.js'
export {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountEvictor,
  CountTrigger,
  EventTimeSessionWindows,
  EventTimeTrigger,
  GlobalWindows,
  ProcessingTimeSessionWindows,
  ProcessingTimeTrigger,
  PurgingTrigger,
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TimeEvictor,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type WindowAssigner,
} from './datastream/windows.js'
export type { Program, TableEnvironment, TableResult, TableRow } from './table-environment.js'
export type {
  Committer,
  CommitterContext,
  EnumeratorContext,
  InputStatus,
  ReaderOutput,
  Sink,
  SinkWriter,
  SinkWriterContext,
  Source,
  SourceReader,
  SourceReaderContext,
  SplitEnumerator,
} from '#runtime/operators/process/connectors.js'
export type * from '#runtime/operators/process/functions.js'
export type { ElementOf, TypeInformation } from '#runtime/operators/process/type-information.js'

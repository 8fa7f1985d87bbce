/**
 * Operator specs: what an operator is, as plain JSON made by a planner. The running operator of the same name lives in
 * runtime/operators (sources and sinks: runtime/connectors). Column indexes count the operator's input columns.
 */
import * as z from '../zod.js'
import { SchemaSchema } from '../types/schema.js'
import { LogicalTypeSchema } from '../types/logical-type.js'
import { ExpressionSchema } from './expression.js'
import { ProgramReferenceSchema } from './program-reference.js'

const columns = z.array(z.int().min(0)).readonly()
const schema = SchemaSchema
/** Connector or format options as in the WITH clause. */
const options = z.record(z.string(), z.string()).readonly()

export const AggregateCallSchema = z.object({
  /** COUNT (no args: COUNT(*)), SUM, AVG, MIN, MAX; where no row is ever taken away also FIRST_VALUE and LAST_VALUE of the values that are not NULL. */
  function: z.enum(['COUNT', 'SUM', 'AVG', 'MIN', 'MAX', 'FIRST_VALUE', 'LAST_VALUE']),
  args: columns,
  distinct: z.boolean(),
  /** Column of a BOOLEAN that must be TRUE for the row to count: FILTER (WHERE …). */
  filter: z.int().min(0).optional(),
  type: LogicalTypeSchema,
})
export type AggregateCall = z.infer<typeof AggregateCallSchema>

export const SortKeySchema = z.object({ column: z.int().min(0), ascending: z.boolean(), nullsFirst: z.boolean() })
export type SortKey = z.infer<typeof SortKeySchema>

/** A function over the frame of each row: an aggregate, or what its place in the partition says. */
export const OverCallSchema = z.object({
  function: z.enum([
    ...['COUNT', 'SUM', 'AVG', 'MIN', 'MAX', 'FIRST_VALUE', 'LAST_VALUE'],
    ...['ROW_NUMBER', 'RANK', 'DENSE_RANK', 'PERCENT_RANK', 'CUME_DIST', 'NTILE', 'LAG', 'LEAD'],
  ] as [OverFunction, ...OverFunction[]]),
  /** LAG and LEAD: the value, and what stands for rows that are not there (absent: NULL). */
  args: columns,
  distinct: z.boolean(),
  filter: z.int().min(0).optional(),
  /** LAG and LEAD: how many rows away; NTILE: how many parts. */
  offset: z.int().min(0).optional(),
  type: LogicalTypeSchema,
})
export type OverFunction =
  AggregateCall['function'] | 'ROW_NUMBER' | 'RANK' | 'DENSE_RANK' | 'PERCENT_RANK' | 'CUME_DIST' | 'NTILE' | 'LAG' | 'LEAD'
export type OverCall = z.infer<typeof OverCallSchema>

/**
 * Which rows of its partition a row sees, from its own place: `start` to `end`, both inclusive, negative before it; null: to the very first or
 * last. ROWS count rows; RANGE counts in the unit of the one order key (ms of a time), 0 being all rows with equal keys.
 */
export const FrameSchema = z.object({ unit: z.enum(['ROWS', 'RANGE']), start: z.number().nullable(), end: z.number().nullable() })
export type Frame = z.infer<typeof FrameSchema>

/**
 * Windows of fixed size over a time column, in ms. `hop`: one begins every `slideMs`, which divides the size. `cumulate`: all that begin with a
 * window of `sizeMs` and end at a multiple of `stepMs` within it.
 */
export const WindowSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tumble'), sizeMs: z.number().positive(), offsetMs: z.number() }),
  z.object({ kind: z.literal('hop'), slideMs: z.number().positive(), sizeMs: z.number().positive(), offsetMs: z.number() }),
  z.object({ kind: z.literal('cumulate'), stepMs: z.number().positive(), sizeMs: z.number().positive(), offsetMs: z.number() }),
])
export type WindowSpec = z.infer<typeof WindowSchema>

/** Where an expression of MATCH_RECOGNIZE has a value from: `variable` counts those of the pattern; null: rows of all of them. */
export const MatchInputSchema = z.discriminatedUnion('kind', [
  /** A column of the variable's row that is `offset` rows behind its first one, or before its last one; NULL where there is none. */
  z.object({
    kind: z.literal('row'),
    variable: z.int().min(0).nullable(),
    first: z.boolean(),
    offset: z.int().min(0),
    column: z.int().min(0),
  }),
  /** An aggregate over the variable's rows: `args` over the input's columns, the call's arguments count them. */
  z.object({
    kind: z.literal('aggregate'),
    variable: z.int().min(0).nullable(),
    call: AggregateCallSchema,
    args: z.array(ExpressionSchema).readonly(),
  }),
  /** MATCH_ROWTIME(): the time of the row, or the watermark, that brings the match. */
  z.object({ kind: z.literal('rowtime') }),
])
export type MatchInput = z.infer<typeof MatchInputSchema>

/** An expression whose columns are `inputs`. */
export const MatchExpressionSchema = z.object({ expression: ExpressionSchema, inputs: z.array(MatchInputSchema).readonly() })
export type MatchExpression = z.infer<typeof MatchExpressionSchema>

/** One variable of a pattern: so many rows of the condition, one right behind the other. */
export const PatternVariableSchema = z.object({
  name: z.string(),
  least: z.int().min(0),
  /** null: any number. */
  most: z.int().min(1).nullable(),
  greedy: z.boolean(),
  /** Absent: every row. */
  condition: MatchExpressionSchema.optional(),
})
export type PatternVariable = z.infer<typeof PatternVariableSchema>

/** Where the search goes on behind a match; `variable` counts those of the pattern. */
export const MatchSkipSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('past-last-row') }),
  z.object({ kind: z.literal('to-next-row') }),
  z.object({ kind: z.literal('to-first'), variable: z.int().min(0) }),
  z.object({ kind: z.literal('to-last'), variable: z.int().min(0) }),
])
export type MatchSkip = z.infer<typeof MatchSkipSchema>

const source = z.object({
  op: z.literal('source'),
  connector: z.string(),
  tableName: z.string(),
  options,
  schema,
  projection: columns,
  bounded: z.boolean(),
})

export const OperatorSpecSchema = z.discriminatedUnion('op', [
  /**
   * Reads a table whose physical columns are `schema`. Output: those of `projection`, in that order. The whole schema is needed
   * where fields are found by position (csv) or a column decides how many rows there are (datagen's sequences). No input.
   */
  source,
  /** Keeps rows whose condition is TRUE, then computes the projection. Row kinds are kept. */
  z.object({ op: z.literal('calc'), condition: ExpressionSchema.optional(), projection: z.array(ExpressionSchema).readonly() }),
  /**
   * Watermarks: the highest value of `expression` (TIMESTAMP or TIMESTAMP_LTZ) so far, in ms; rows pass unchanged.
   * As in Flink SQL the watermark is the value itself: a window [s, e) fires when it reaches e - 1.
   */
  z.object({
    op: z.literal('watermark'),
    expression: ExpressionSchema,
    rowtimeColumn: z.int().min(0),
    idleTimeoutMs: z.number(),
    /** A watermark follows each row that raises it, not each batch. */
    eachRow: z.literal(true).optional(),
  }),
  /**
   * GROUP BY keys. Output: keys, then one column per call. `output` 'changelog': +I, then -U/+U as groups change, -D when a
   * group vanishes; 'final': +I once per group at the end of input (batch). No keys: one global group, which in 'final' mode
   * yields a row even without input (COUNT 0, others NULL).
   */
  z.object({
    op: z.literal('group-aggregate'),
    keys: columns,
    calls: z.array(AggregateCallSchema).readonly(),
    /** True when the input may retract (-U, -D). */
    retractInput: z.boolean(),
    output: z.enum(['changelog', 'final']),
    /** Ms of processing time after which a group is forgotten that no row has reached; absent: never. Only of changelogs. */
    stateTtlMs: z.number().positive().optional(),
  }),
  /**
   * Window TVF + GROUP BY window_start, window_end (+ keys), fused. Output: keys, calls, then the window columns of `emit` in
   * that order. A window fires when the watermark reaches its end - 1; later rows for it are dropped and counted.
   */
  z.object({
    op: z.literal('window-aggregate'),
    window: WindowSchema,
    timeColumn: z.int().min(0),
    /** Rows belong to the windows of the moment when they come; the time column only says in which zone these are counted. */
    processingTime: z.boolean().optional(),
    keys: columns,
    calls: z.array(AggregateCallSchema).readonly(),
    emit: z.array(z.enum(['window_start', 'window_end', 'window_time'])).readonly(),
  }),
  /**
   * Session windows: rows of a `partition` whose times are no more than `gapMs` apart. Without `aggregate` rows come out when their session
   * fires, with window_start, window_end, window_time; with it as those of window-aggregate, and `condition` is a BOOLEAN column: rows
   * for which it is not TRUE keep the session going but do not count.
   */
  z.object({
    op: z.literal('session-window'),
    gapMs: z.number().positive(),
    timeColumn: z.int().min(0),
    /** As in window-aggregate. */
    processingTime: z.literal(true).optional(),
    partition: columns,
    retractInput: z.boolean(),
    aggregate: z
      .object({
        keys: columns,
        calls: z.array(AggregateCallSchema).readonly(),
        emit: z.array(z.enum(['window_start', 'window_end', 'window_time'])).readonly(),
        condition: z.int().min(0).optional(),
      })
      .optional(),
  }),
  /**
   * Each row once for every element of an ARRAY, MAP or MULTISET column. Output: the columns `kept`, then the element (the fields of a ROW, key and
   * value of a MAP), then with `ordinality` its number from 1. `outer`: a row without elements comes out too, with NULLs.
   */
  z.object({ op: z.literal('unnest'), column: z.int().min(0), kept: columns, outer: z.boolean(), ordinality: z.boolean() }),
  /** Window TVF without aggregation: each row once for every window it is in, with window_start, window_end, window_time. */
  z.object({
    op: z.literal('window-table-function'),
    window: WindowSchema,
    timeColumn: z.int().min(0),
    processingTime: z.boolean().optional(),
  }),
  /**
   * Regular join of input 0 (left) and 1 (right) on leftKeys = rightKeys (NULL never equals), then `condition` over
   * left ++ right columns. Output: left ++ right, of semi and anti joins left. Keeps both sides as state; retractions of either side are
   * joined too. `output` of all but inner joins, 'final': no input retracts, and rows without a match come at the end of input (batch).
   */
  z.object({
    op: z.literal('join'),
    joinType: z.enum(['inner', 'left', 'right', 'full', 'semi', 'anti']),
    leftKeys: columns,
    rightKeys: columns,
    condition: ExpressionSchema.optional(),
    /** Absent: 'changelog'. */
    output: z.enum(['changelog', 'final']).optional(),
    /** Of a left join: a second match of a left row fails the job (a sub-query as a value). */
    single: z.boolean().optional(),
    /** Ms of processing time after which a row of a side is forgotten that was not written; 0: never. Only of changelogs. */
    stateTtlMs: z
      .object({ left: z.number().min(0), right: z.number().min(0) })
      .readonly()
      .optional(),
  }),
  /**
   * Join of each row with the rows of a bounded table, read whole when the task starts: leftKeys = rightKeys, then `condition`. `rows`: the
   * table's rows as they are joined, after `calcs`. Output: input ++ rows.
   */
  z.object({
    op: z.literal('lookup-join'),
    joinType: z.enum(['inner', 'left']),
    leftKeys: columns,
    rightKeys: columns,
    condition: ExpressionSchema.optional(),
    table: source,
    calcs: z
      .array(z.object({ condition: ExpressionSchema.optional(), projection: z.array(ExpressionSchema).readonly(), output: schema }))
      .readonly(),
    rows: schema,
  }),
  /**
   * Join of insertions on leftKeys = rightKeys, `condition`, and time: leftTime between rightTime + lowerMs and rightTime + upperMs, both
   * inclusive. `time`: what those columns hold. A rowtime; or the end of a window, on the clock of the session's zone if 'zoned' (then both
   * bounds are 0). State goes when the watermark has passed what it may meet; all output is insertions. Output columns as of 'join'.
   */
  z.object({
    op: z.literal('interval-join'),
    joinType: z.enum(['inner', 'left', 'right', 'full', 'semi', 'anti']),
    leftKeys: columns,
    rightKeys: columns,
    condition: ExpressionSchema.optional(),
    time: z.enum(['rowtime', 'window-end', 'zoned-window-end']),
    leftTime: z.int().min(0),
    rightTime: z.int().min(0),
    lowerMs: z.number(),
    upperMs: z.number(),
  }),
  /**
   * Join of left rows with the version of the right row that held at their time: the one with the highest rightTime not above leftTime. The
   * right side is a changelog of rows that have a key, which is among rightKeys. Left rows come out when the watermark has passed their
   * time, with their kinds. Output columns as of 'join'.
   */
  z.object({
    op: z.literal('temporal-join'),
    joinType: z.enum(['inner', 'left']),
    leftKeys: columns,
    rightKeys: columns,
    condition: ExpressionSchema.optional(),
    leftTime: z.int().min(0),
    rightTime: z.int().min(0),
  }),
  /** ORDER BY a rowtime, ascending, and other columns: insertions come out in order when the watermark has passed them. */
  z.object({ op: z.literal('temporal-sort'), keys: z.array(SortKeySchema).min(1).readonly() }),
  /**
   * ORDER BY … [LIMIT n] [OFFSET m]. 'final': rows sorted, emitted at the end of input. 'changelog' (streaming Top-N): emits
   * the change of the first n rows after each batch. No keys: LIMIT alone.
   */
  z.object({
    op: z.literal('sort-limit'),
    keys: z.array(SortKeySchema).readonly(),
    limit: z.int().min(0).optional(),
    offset: z.int().min(0),
    output: z.enum(['changelog', 'final']),
    /** False: the input never retracts, so rows beyond offset + limit need not be kept. Absent: it may. */
    retractInput: z.boolean().optional(),
  }),
  /**
   * The first `limit` rows of each partition (ROW_NUMBER). Output: the input's columns, with `numbered` the row's number, BIGINT. Of equal rows the
   * first to come is first, with `lastWins` the last.
   */
  z.object({
    op: z.literal('rank'),
    partition: columns,
    order: z.array(SortKeySchema).min(1).readonly(),
    limit: z.int().min(1),
    numbered: z.boolean(),
    lastWins: z.boolean(),
    retractInput: z.boolean(),
    output: z.enum(['changelog', 'final']),
  }),
  /**
   * OVER: each row with one column per call behind its own. 'rowtime': rows are looked at when the watermark has passed their time (`order` is that
   * column); 'processing-time': at once; both take and emit insertions, of frames that end at the row. 'changelog': after each batch what changed
   * in the partitions that it touched, rows of equal keys in the order of their arrival; 'final': +I at the end of input.
   */
  z.object({
    op: z.literal('over'),
    partition: columns,
    order: z.array(SortKeySchema).readonly(),
    frame: FrameSchema,
    calls: z.array(OverCallSchema).readonly(),
    /** Of 'changelog': the input may retract. */
    retractInput: z.boolean(),
    output: z.enum(['rowtime', 'processing-time', 'changelog', 'final']),
  }),
  /**
   * MATCH_RECOGNIZE, one row per match: in each partition, rows in the order of time (then `order`, then as they came) that follow the pattern without a
   * gap. Output: the partition's columns, then the measures. `withinMs`: a match's last row is less than that behind its first.
   */
  z.object({
    op: z.literal('match-recognize'),
    partition: columns,
    timeColumn: z.int().min(0),
    /** Rows are of the moment when they come. */
    processingTime: z.boolean().optional(),
    order: z.array(SortKeySchema).readonly(),
    pattern: z.array(PatternVariableSchema).min(1).readonly(),
    skip: MatchSkipSchema,
    withinMs: z.number().positive().optional(),
    measures: z.array(MatchExpressionSchema).readonly(),
  }),
  /** TO_CHANGELOG: the code of the row's kind (by RowKind; null: such rows are left out), then the input's columns, as insertions. */
  z.object({ op: z.literal('to-changelog'), codes: z.array(z.string().nullable()).length(4).readonly() }),
  /** FROM_CHANGELOG: the input's columns without `column`, whose code says the row's kind. */
  z.object({
    op: z.literal('from-changelog'),
    column: z.int().min(0),
    kinds: z.array(z.object({ code: z.string(), kind: z.int().min(0).max(3) })).readonly(),
  }),
  /** UNION ALL: passes the rows of all its inputs. */
  z.object({ op: z.literal('union') }),
  /** INTERSECT and EXCEPT over inputs 0 and 1 of the same columns. 'final': no input retracts. */
  z.object({
    op: z.literal('set-operation'),
    operator: z.enum(['intersect', 'except']),
    all: z.boolean(),
    output: z.enum(['changelog', 'final']),
  }),
  /** Literal rows: `values[row][column]` as in LiteralValue. No input. */
  z.object({
    op: z.literal('values'),
    schema,
    rows: z.array(z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]))).readonly(),
  }),
  /** Writes a table. Input: `schema`. `notNull`: columns that must not be NULL, and what to do then. */
  z.object({
    op: z.literal('sink'),
    connector: z.string(),
    tableName: z.string(),
    options,
    schema,
    notNullEnforcer: z.enum(['ERROR', 'DROP']),
    /** Absent: lengths, and what is inside of values, are not looked at. */
    lengthEnforcer: z.enum(['TRIM_PAD', 'ERROR']).optional(),
    nestedEnforcer: z.enum(['ROWS', 'ROWS_AND_COLLECTIONS']).optional(),
  }),
  /** Result of a SELECT on its way to the client, through the operator's coordinator beside the JobMaster. */
  z.object({ op: z.literal('collect'), schema }),
  /**
   * An operator of a DataStream program. What it does is in the program's bundle, found there by operator id; `operator` is the kind of its
   * definition (runtime/operators/process/definition.ts), `position` its place in the program's graph.
   */
  z.object({
    op: z.literal('function'),
    operator: z.string().min(1).max(100),
    role: z.enum(['source', 'operator', 'sink', 'collect']),
    /** Of a source: it ends by itself. */
    bounded: z.boolean(),
    position: z.int().min(0),
    program: ProgramReferenceSchema,
  }),
])

export type OperatorSpec = z.infer<typeof OperatorSpecSchema>
export type OperatorKind = OperatorSpec['op']
export type JoinType = SpecOf<'join'>['joinType']
export type SpecOf<K extends OperatorKind> = Extract<OperatorSpec, { op: K }>

/** What an operator is to its job: where rows begin, where they end, where they go to the client. */
export function roleOf(spec: OperatorSpec): 'source' | 'operator' | 'sink' | 'collect' {
  switch (spec.op) {
    case 'function':
      return spec.role
    case 'source':
    case 'sink':
    case 'collect':
      return spec.op
    default:
      return 'operator'
  }
}

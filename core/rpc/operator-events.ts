/** What operators and their coordinators beside the JobMaster say to each other (`JobMaster.operatorRequest`). */
import * as z from '../zod.js'

/** Source → enumerator. */
export const SourceRequestSchema = z.object({ type: z.literal('requestSplit') })
/** `split`: JSON that the connector's reader understands; null: there are no more, the source ends. */
export const SourceAnswerSchema = z.object({ split: z.unknown().nullable() })

/**
 * A cell of a collected row as text; null is SQL NULL. Text as Flink prints it (CAST to STRING, and bytes as x'0a'). `json`: of columns of bytes and
 * of values made of values, whose text does not tell everything, as JSON; null: another column, or NULL. Absent where there are none.
 */
export const CollectedRowSchema = z.object({
  kind: z.int().min(0).max(3),
  cells: z.array(z.string().nullable()),
  json: z.array(z.string().nullable()).optional(),
})
export type CollectedRow = z.infer<typeof CollectedRowSchema>

/** Collect operator → coordinator. The answer comes when there is room for more (back-pressure). */
export const CollectRequestSchema = z.object({ type: z.literal('rows'), rows: z.array(CollectedRowSchema).max(10_000) })
export const CollectAnswerSchema = z.object({})

/** Watermark alignment: a subtask's watermark, null while it holds back nobody. The answer: the lowest of its group, null: there is none. */
export const AlignmentRequestSchema = z.object({
  type: z.literal('alignment'),
  group: z.string().min(1).max(1000),
  watermark: z.number().nullable(),
})
export const AlignmentAnswerSchema = z.object({ least: z.number().nullable() })

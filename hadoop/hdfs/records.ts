/** What WebHDFS answers, as far as it is read. Source: WebHDFS REST API, JSON schemas. */
import * as z from '#core/zod.js'

export const HdfsFileStatusSchema = z.object({
  type: z.enum(['FILE', 'DIRECTORY', 'SYMLINK']),
  length: z.number(),
  /** Milliseconds since the epoch. */
  modificationTime: z.number(),
  /** Octal digits. */
  permission: z.string().regex(/^[0-7]{1,5}$/),
  owner: z.string(),
  group: z.string(),
  /** Name below the listed folder; '' for the path itself. */
  pathSuffix: z.string(),
  replication: z.number().optional(),
  blockSize: z.number().optional(),
  fileId: z.number().optional(),
})
export type HdfsFileStatus = z.infer<typeof HdfsFileStatusSchema>

export const FileStatusAnswer = z.object({ FileStatus: HdfsFileStatusSchema })
export const DirectoryListingAnswer = z.object({
  DirectoryListing: z.object({
    partialListing: z.object({ FileStatuses: z.object({ FileStatus: z.array(HdfsFileStatusSchema) }) }),
    remainingEntries: z.number(),
  }),
})
export const BooleanAnswer = z.object({ boolean: z.boolean() })
export const LocationAnswer = z.object({ Location: z.string() })
/** Without Kerberos the answer is null. */
export const TokenAnswer = z.object({ Token: z.object({ urlString: z.string().max(64 * 1024) }).nullable() })
/** Milliseconds since the epoch. */
export const TimeAnswer = z.object({ long: z.number() })
export const PathAnswer = z.object({ Path: z.string() })

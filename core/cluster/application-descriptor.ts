/**
 * What a client hands to the process (or thread) that becomes the master of one application. On YARN it is a file in the
 * application master's working directory; locally it is the thread's workerData. Holds no secret.
 */
import * as z from '../zod.js'
import type { JobId } from '../ids/ids.js'
import { FunctionFilesSchema } from './function-files.js'

export const APPLICATION_DESCRIPTOR_FILE = 'weft-application.json'
/** Alias of the user's keytab among the credentials of the master, and of nobody else. */
export const KEYTAB_ALIAS = 'weft.kerberos.keytab'
export const APPLICATION_DESCRIPTOR_VERSION = 1

/** A file that YARN puts into a container's working directory (LocalResourceProto, hadoop/yarn). */
export const LocalResourceSchema = z.object({
  /** Name in the working directory. */
  link: z.string().min(1),
  uri: z.string().min(1),
  size: z.number(),
  /** Modification time of the file in ms; must match at localization. */
  timestamp: z.number(),
  type: z.enum(['FILE', 'ARCHIVE']),
  visibility: z.enum(['PUBLIC', 'PRIVATE', 'APPLICATION']),
})
export type LocalResource = z.infer<typeof LocalResourceSchema>

export const ApplicationDescriptorSchema = z.object({
  version: z.literal(APPLICATION_DESCRIPTOR_VERSION),
  /** Id of the application's first job, chosen by the client so that it is the same in every attempt. */
  jobId: z.string().regex(/^[0-9a-f]{32}$/) as unknown as z.ZodType<JobId>,
  name: z.string(),
  user: z.string(),
  /** The client waits: results of a SELECT go to it, and the master waits a moment for it to fetch the end. */
  attached: z.boolean(),
  /** Full effective configuration in text form. */
  configuration: z.record(z.string(), z.string()),
  program: z.discriminatedUnion('kind', [
    /** A SQL script: `text` itself (it is small), and its name for messages. */
    z.object({
      kind: z.literal('sql'),
      name: z.string(),
      text: z.string().max(16 * 1024 * 1024),
      /** Modules of its CREATE FUNCTION statements. */
      functions: FunctionFilesSchema.optional(),
    }),
    /** A program bundled to one ES module that exports `main(env)`; path relative to the master's working directory, or absolute. */
    z.object({ kind: z.literal('module'), name: z.string(), path: z.string(), args: z.array(z.string()) }),
    /** None: the master takes jobs from clients until it is stopped (session-submission.ts). */
    z.object({ kind: z.literal('session') }),
  ]),
  target: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('local'), workingDirectory: z.string() }),
    /** Processes of this machine. `directory`: the application's own (0700), removed by the client at the end. */
    z.object({ kind: z.literal('local-processes'), workingDirectory: z.string(), directory: z.string() }),
    z.object({
      kind: z.literal('yarn-application'),
      applicationId: z.string(),
      /** URI of the application's own folder (0700), removed at the end. */
      stagingDirectory: z.string(),
      /** Resolved Hadoop properties (site files of the client). */
      hadoopConfiguration: z.record(z.string(), z.string()),
      /** What every TaskManager container gets. The runtime archive is linked as `runtime`. */
      workerResources: z.array(LocalResourceSchema),
    }),
  ]),
})
export type ApplicationDescriptor = z.infer<typeof ApplicationDescriptorSchema>

/** Link name of the unpacked runtime archive in a container: `runtime/node`, `runtime/am.mjs`, `runtime/container.mjs`. */
export const RUNTIME_LINK = 'runtime'
/** Alias of the application's secret (32 random bytes) in a Hadoop credentials file. */
export const SECRET_ALIAS = 'weft.application.secret'

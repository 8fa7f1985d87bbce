/** Files that client and JobManager share where both are processes of one machine (am/local-process-main.ts). */
import * as z from '../zod.js'

/** A Hadoop credentials file with the application's secret, as in a YARN container. */
export const LOCAL_TOKEN_FILE = 'container_tokens'
/** Where REST listens, written anew by each attempt. */
export const LOCAL_REST_FILE = 'rest.json'
export const LocalRestSchema = z.object({ attempt: z.int().min(1), port: z.int().min(1).max(65535) })

/** Exit status of a JobManager whose application has ended otherwise than well: it is not to be started again. */
export const APPLICATION_ENDED_BADLY = 3

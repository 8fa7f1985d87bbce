/** Where local runs leave what is to be found again. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Checkpoints of those that name no directory, one for each application; a full URI. */
export function localCheckpointDirectory(applicationId: string): string {
  return `file://${tmpdir()}/weft-checkpoints-${applicationId}`
}

/** What clients submit to a session that is a thread of its command; an absolute path. */
export function localSessionDirectory(sessionId: string): string {
  return join(tmpdir(), `weft-session-${sessionId}`)
}

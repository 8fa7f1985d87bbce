/** Checkpoints of local runs that name no directory. */
import { tmpdir } from 'node:os'

/** One for each application, in the system's temporary directory; a full URI. */
export function localCheckpointDirectory(applicationId: string): string {
  return `file://${tmpdir()}/weft-checkpoints-${applicationId}`
}

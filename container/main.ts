/** Entry of a TaskManager's process (a container of YARN's, say), told by WEFT_WORKER and the token file. */
import { runTaskManager } from './task-manager.js'

await runTaskManager()

/** Loads every option's declaration, so that unknown keys can be told from known ones. */
import './checkpointing.js'
import './cluster.js'
import './containerized.js'
import './execution.js'
import './memory.js'
import './rest.js'
import './sql.js'
import './yarn.js'

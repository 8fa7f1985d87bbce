#!/usr/bin/env node
// The `weft` command: the bundled client where it has been built, else the compiled one.
import { existsSync, mkdirSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Compiled code is kept from run to run (Node 22 and later), in a folder that only its user can write: it is executed as it is.
if (module.enableCompileCache !== undefined && process.env.NODE_COMPILE_CACHE === undefined) {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'weft', 'compile-cache')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    module.enableCompileCache(folder)
    process.env.NODE_COMPILE_CACHE = folder // for the threads
  } catch {
    // No home to write to: a slower start, nothing else.
  }
}

const bundled = new URL('../build/runtime/weft.mjs', import.meta.url)
await import((existsSync(bundled) ? bundled : new URL('../dist/client/cli/main.js', import.meta.url)).href)

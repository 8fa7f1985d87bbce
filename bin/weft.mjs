#!/usr/bin/env node
// The `weft` command: the bundled client where it has been built, else the compiled one.
import { existsSync } from 'node:fs'

const bundled = new URL('../build/runtime/weft.mjs', import.meta.url)
await import((existsSync(bundled) ? bundled : new URL('../dist/client/cli/main.js', import.meta.url)).href)

/**
 * Compiles kernels/*.ts (AssemblyScript) to runtime/kernels/<name>-binary.ts, WebAssembly in base64, which is committed: whoever builds
 * or bundles the runtime needs no compiler of it. With --check: fails when a committed file is not what its source compiles to.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = new URL('../../', import.meta.url).pathname
const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory']

function compile(source: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'weft-kernels-'))
  try {
    const binary = join(folder, 'kernel.wasm')
    execFileSync(process.execPath, [join(root, 'node_modules/assemblyscript/bin/asc.js'), source, ...FLAGS, '-o', binary], {
      cwd: root,
      stdio: 'inherit',
    })
    return readFileSync(binary)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const LINE = 120

function moduleText(source: string, binary: Buffer): string {
  const text = binary.toString('base64')
  const lines = Array.from({ length: Math.ceil(text.length / LINE) }, (_, i) => `  '${text.slice(i * LINE, (i + 1) * LINE)}'`)
  return `/** Made from ${source} by \`make kernels\`: WebAssembly, ${binary.length} bytes. */\nexport const WASM_BASE64 =\n${lines.join(' +\n')}\n`
}

let stale = 0
for (const file of readdirSync(join(root, 'kernels')).filter((name) => name.endsWith('.ts'))) {
  const source = `kernels/${file}`
  const target = `runtime/kernels/${file.replace(/\.ts$/, '-binary.ts')}`
  const text = moduleText(source, compile(source))
  if (!process.argv.includes('--check')) writeFileSync(join(root, target), text)
  else if (readFileSync(join(root, target), 'utf8') !== text) {
    process.stderr.write(`${target} is not what ${source} compiles to: run make kernels\n`)
    stale++
  }
}
process.exitCode = stale === 0 ? 0 : 1

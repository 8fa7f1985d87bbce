/**
 * Bundles the processes and packs the runtime archive that YARN containers unpack:
 *
 *   build/runtime/{weft,am,container,embedded,slot,heartbeat}.mjs + shared chunks     the bundles
 *   build/runtime/node                                                       pinned Node binary, stripped
 *   build/weft-runtime-<sha256, 16 hex>.tar.gz                               all but the client's bundle
 *
 * The archive's name is the hash of its content: same content, same name, so that a cluster stores it once.
 */
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { build, type Plugin } from 'esbuild'

const root = new URL('../../', import.meta.url).pathname
const output = join(root, 'build/runtime')
const require = createRequire(import.meta.url)

/**
 * Node's own modules, taken as the objects they are. An import statement makes a namespace of each and thereby runs all its lazy
 * getters: that of node:http alone loads the whole of fetch, 50 ms in every thread.
 */
const nodeModules: Plugin = {
  name: 'node-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path)
        ? { path: path.replace(/^node:/, ''), namespace: 'node-modules', sideEffects: false }
        : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'node-modules' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}')`,
      loader: 'js',
    }))
  },
}

async function bundle(): Promise<void> {
  if (existsSync(output)) {
    for (const name of readdirSync(output)) if (name.endsWith('.mjs') || name.endsWith('.map')) rmSync(join(output, name))
  }
  await build({
    absWorkingDir: root,
    entryPoints: {
      weft: 'dist/client/cli/main.js',
      am: 'dist/am/main.js',
      container: 'dist/container/main.js',
      embedded: 'dist/container/embedded.js',
      slot: 'dist/container/slot-main.js',
      heartbeat: 'dist/am/resourcemanager/drivers/yarn/heartbeat-main.js',
    },
    outdir: output,
    outExtension: { '.js': '.mjs' },
    entryNames: '[name]',
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    sourcemap: false,
    legalComments: 'none',
    // Native or heavy packages that only some clients need; loaded from node_modules when asked for.
    external: ['kerberos', 'koffi', 'esbuild'],
    plugins: [nodeModules],
    // CommonJS packages inside an ES module bundle call `require` for Node's own modules.
    banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    logLevel: 'warning',
  })
}

/** The pinned Node of the registry's platform package; without it (another platform) this process's own binary. */
function nodeBinary(): string {
  const platformPackage = `node-${process.platform}-${process.arch}`
  try {
    return join(require.resolve(`${platformPackage}/package.json`), '../bin/node')
  } catch {
    process.stderr.write(`${platformPackage} is not installed: the runtime archive takes ${process.execPath} (${process.version}).\n`)
    return process.execPath
  }
}

function placeNode(): void {
  const source = nodeBinary()
  const target = join(output, 'node')
  const stamp = join(root, 'build/node.stamp')
  const wanted = `${source} ${statSync(source).size} ${statSync(source).mtimeMs}`
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  copyFileSync(source, target)
  chmodSync(target, 0o755)
  try {
    execFileSync('strip', [target], { stdio: 'ignore' })
  } catch {
    // No binutils: the archive is some 12 MB larger, nothing else.
  }
  writeFileSync(stamp, wanted)
}

/** What calls the node's Kerberos library, for masters that log in from a keytab. Optional: without it only those fail, and say so. */
function placeKoffi(): void {
  const target = join(output, 'koffi.node')
  const platform = `${process.platform}-${process.arch}`
  try {
    const binary = join(require.resolve('koffi'), '../../@koromix', `koffi-${platform}`, platform.replace('-', '_'), 'koffi.node')
    copyFileSync(binary, target)
  } catch {
    rmSync(target, { force: true })
    process.stderr.write('koffi is not installed: masters of this build cannot log in to Kerberos from a keytab.\n')
  }
}

function pack(): string {
  const members = readdirSync(output)
    .filter((name) => name !== 'weft.mjs')
    .sort()
  const hash = createHash('sha256')
  for (const name of members)
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(join(output, name)))
  const archive = join(root, `build/weft-runtime-${hash.digest('hex').slice(0, 16)}.tar.gz`)
  if (existsSync(archive)) return archive
  fillCompileCache()
  const temporary = `${archive}.new`
  execFileSync('tar', [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mtime=2000-01-01',
    '-C',
    output,
    '-cf',
    `${temporary}.tar`,
    ...members,
  ])
  execFileSync('gzip', ['-n', '-6', '-f', `${temporary}.tar`])
  renameSync(`${temporary}.tar.gz`, archive)
  // Only now: a submission that runs meanwhile finds the one or the other.
  for (const name of readdirSync(join(root, 'build'))) {
    if (/^weft-runtime-.*\.tar\.gz$/.test(name) && name !== basename(archive)) rmSync(join(root, 'build', name))
  }
  return archive
}

/** One small job, so that the first run of a new build finds its code compiled (bin/weft.mjs keeps it). */
function fillCompileCache(): void {
  const folder = mkdtempSync(join(tmpdir(), 'weft-build-'))
  try {
    const script = join(folder, 'warm-up.sql')
    writeFileSync(script, 'SELECT 1;\n')
    const node = join(root, 'node_modules/.bin/node')
    execFileSync(existsSync(node) ? node : process.execPath, [join(root, 'bin/weft.mjs'), 'run', script], {
      stdio: 'ignore',
      timeout: 30_000,
    })
  } catch {
    // Then the first run is slower, nothing else: whether the build works is for the tests to say.
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

mkdirSync(output, { recursive: true })
await bundle()
placeNode()
placeKoffi()
const archive = pack()
process.stdout.write(`${archive.slice(root.length)}: ${(statSync(archive).size / 1e6).toFixed(1)} MB\n`)

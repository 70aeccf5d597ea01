/** Measures what a page loads to upload, and fails when it is more than it may be. Run it with `npm run size`. */

import { gzipSync } from 'node:zlib';
import { readFileSync, readdirSync } from 'node:fs';
import { build } from 'esbuild';

const src = new URL('./src/', import.meta.url);

/** The budget of the core, in bytes: minified and gzipped, as a bundler would ship it. */
const CORE = 12_000;

/** The bytes of a module with all that it imports when it starts; with `whole`, also of what it imports later. */
async function size(name, whole) {
  const { outputFiles, metafile } = await build({
    entryPoints: [new URL(name, src).pathname], bundle: true, minify: true, format: 'esm', target: 'es2022',
    splitting: !whole, outdir: 'out', write: false, metafile: true,
  });
  const outputs = metafile.outputs;
  const loaded = new Set();
  const load = (path) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const it of outputs[path].imports) if (it.kind === 'import-statement') load(it.path);
  };
  load(Object.keys(outputs).find((path) => outputs[path].entryPoint?.endsWith(name)));
  const files = outputFiles.filter((file) => [...loaded].some((path) => file.path.endsWith(path)));
  return gzip(Buffer.concat(files.map((file) => file.contents)));
}

const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const worker = await size('checksum.worker.js', true);
const core = (await size('index.js', false)) + worker;
const served = readdirSync(src).filter((name) => !['types.js', 'element.js'].includes(name));
const asIs = gzip(Buffer.concat(served.map((name) => readFileSync(new URL(name, src)))));

console.log(`core with its worker: ${kilobytes(core)} minified and gzipped, of ${kilobytes(CORE)}`);
console.log(`with all that it loads on demand: ${kilobytes((await size('index.js', true)) + worker)}`);
console.log(`all files as they are served, comments included: ${kilobytes(asIs)} gzipped`);
if (core > CORE) {
  console.error('the core is too large: load something on demand, or leave it out');
  process.exitCode = 1;
}

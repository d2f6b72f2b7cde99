// Builds the package into `dist` (or $STILLHERE_DIST): types are checked first, then
//   esm/      one module per source file with its types, for bundlers
//   client.js the one-tag build, which the edge and the status host serve
//   words/    the languages that the one-tag build loads on demand
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { readdir, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = path.resolve(here, process.env.STILLHERE_DIST ?? 'dist');
const src = path.join(here, 'src');

try {
  execFileSync(process.execPath, [path.join(here, 'node_modules/typescript/bin/tsc'), '-p', here, '--outDir', path.join(dist, 'esm')], { stdio: 'inherit' });
} catch {
  // tsc has said what is wrong.
  process.exit(1);
}

const target = 'es2022';
await build({ entryPoints: [path.join(src, 'tag.ts')], bundle: true, minify: true, format: 'iife', target, charset: 'utf8', legalComments: 'none', outfile: path.join(dist, 'client.js') });

await mkdir(path.join(dist, 'words'), { recursive: true });
for (const file of await readdir(path.join(dist, 'esm/words'))) {
  if (!file.endsWith('.js')) continue;
  const { default: words } = await import(pathToFileURL(path.join(dist, 'esm/words', file)));
  await writeFile(path.join(dist, 'words', file.replace(/\.js$/, '.json')), JSON.stringify(words));
}

// Builds the package into `dist` (or $STILLHERE_DIST): types are checked first, then
//   esm/      one module per source file with its types, for bundlers
//   client.js the one-tag build, which the edge and the status host serve
//   words/    the languages that the one-tag build loads on demand
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = path.resolve(here, process.env.STILLHERE_DIST ?? 'dist');
const src = path.join(here, 'src');

try {
  execFileSync(process.execPath, [path.join(here, 'node_modules/typescript/bin/tsc'), '-p', here, '--outDir', path.join(dist, 'esm')], { stdio: 'inherit' });
} catch {
  // tsc has said what is wrong.
  process.exit(1);
}

const out = await build({
  entryPoints: [path.join(src, 'tag.ts')], bundle: true, minify: true, format: 'iife', target: 'es2022', charset: 'utf8', legalComments: 'none', write: false,
});
const files = new Map([['client.js', out.outputFiles[0].text]]);
for (const file of await readdir(path.join(dist, 'esm/words'))) {
  if (!file.endsWith('.js')) continue;
  const { default: words } = await import(pathToFileURL(path.join(dist, 'esm/words', file)));
  files.set(`words/${file.replace(/\.js$/, '.json')}`, JSON.stringify(words));
}

// `served` is what the Rust build takes along. Written only if it is another one: cargo goes by the time of writing.
for (const folder of [dist, ...process.env.STILLHERE_DIST ? [] : [path.join(here, 'served')]]) {
  await mkdir(path.join(folder, 'words'), { recursive: true });
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    if (await readFile(file, 'utf8').catch(() => '') === text) continue;
    await writeFile(file, text);
    await writeFile(`${file}.gz`, gzipSync(text, { level: 9 }));
  }
}

// Builds the package into `dist` (or $STILLHERE_DIST): types are checked first, then
//   esm/      one module per source file with its types, for bundlers
//   client.js the one-tag build, which the edge and the status host serve; face.js, room.js, tell.js and kept.js are loaded by it
//   socket.js connections that outlive cuts, for pages without a bundler; they load it themselves
//   words/    the languages that the one-tag build loads on demand
//   sw.js     the worker; away.js is the rest of it, with the page that it shows; sw-off.js takes it away
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const begun = new Date();
const here = fileURLToPath(new URL('.', import.meta.url));
const dist = path.resolve(here, process.env.STILLHERE_DIST ?? 'dist');
const src = path.join(here, 'src');

try {
  execFileSync(process.execPath, [path.join(here, 'node_modules/typescript/bin/tsc'), '-p', here, '--outDir', path.join(dist, 'esm')], { stdio: 'inherit' });
} catch {
  // tsc has said what is wrong.
  process.exit(1);
}

const how = { bundle: true, minify: true, target: 'es2022', charset: 'utf8', legalComments: 'none', write: false };
/** `more`: options of esbuild beside ours. */
const bundle = async (entry, more = {}) => (await build({ entryPoints: [path.join(src, entry)], format: 'iife', ...how, ...more })).outputFiles[0].text;

// What `client.js` is already, the others take from it: two of each would be two truths.
const SHARED = {
  './bus.js': 'export const { on, emit } = globalThis.stillhere',
  './pace.js': 'export const { pace, spread } = globalThis.stillhere',
  './start.js': 'export const { state } = globalThis.stillhere',
};
const BANNER = { './banner.js': 'export const words = () => globalThis.stillhere.face.words()' };
const FACE = { './said.js': "export const ofAction = (...all) => globalThis.stillhere.face?.ofAction(...all) ?? null", './words/en.js': 'export default undefined' };
const shared = modules => ({
  format: 'esm', plugins: [{
    name: 'shared', setup(b) {
      b.onResolve({ filter: /^\.{1,2}\// }, a => {
        const name = './' + path.relative(src, path.resolve(a.resolveDir, a.path)).replaceAll('\\', '/');
        return name in modules ? { path: name, namespace: 'shared' } : undefined;
      });
      b.onLoad({ filter: /.*/, namespace: 'shared' }, a => ({ contents: modules[a.path] }));
    },
  }],
});

const files = new Map([
  ['client.js', await bundle('tag.ts')],
  ['face.js', await bundle('face.ts', shared(SHARED))],
  ['room.js', await bundle('room.ts', shared(SHARED))],
  ['tell.js', await bundle('tell.ts', shared({ ...SHARED, ...BANNER }))],
  ['kept.js', await bundle('kept.ts', shared({ ...SHARED, ...FACE }))],
  ['socket.js', await bundle('socket.ts', shared(SHARED))],
]);
for (const file of await readdir(path.join(dist, 'esm/words'))) {
  if (!file.endsWith('.js')) continue;
  const { default: words } = await import(pathToFileURL(path.join(dist, 'esm/words', file)));
  files.set(`words/${file.replace(/\.js$/, '.json')}`, JSON.stringify(words));
}


// The page of the worker has the looks of the edge's, and comes as one: its policy names exactly this style and this script.
const status = name => readFile(path.join(here, '../status', name), 'utf8');
const style = (await build({ stdin: { contents: (await Promise.all([status('base.css'), status('away.css'), readFile(path.join(src, 'away/page.css'), 'utf8')])).join('\n'), loader: 'css' }, ...how })).outputFiles[0].text.trim();
// It asks for nothing of its own that could fail.
const script = (await bundle('away.ts', { plugins: shared({ './watch.js': 'export const watch = () => () => undefined' }).plugins })).trim().replaceAll('</script', '<\\/script');
const hash = text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const { awayWords } = await import(pathToFileURL(path.join(dist, 'esm/away/words.js')));
const glyphs = (await status('glyphs.svg')).split('\n').filter(l => !l.startsWith('<symbol id=i-p')).join('');
const parts = { style, script, glyphs };
const html = (await readFile(path.join(src, 'away/page.html'), 'utf8')).replace(/\{(style|script|glyphs)\}/g, (_, name) => parts[name]);
const words = Object.fromEntries([...files].filter(([name]) => name.startsWith('words/')).map(([name, text]) => [path.basename(name, '.json'), { ...JSON.parse(text), ...awayWords[path.basename(name, '.json')] }]));
files.set('away.js', await bundle('sw/rest.ts', { define: { PAGE: JSON.stringify({ html, policy: `style-src ${hash(style)}; script-src ${hash(script)}`, words }) } }));
// Another page is another worker, byte for byte: browsers look at the worker itself first.
const edition = createHash('sha256').update(files.get('away.js')).digest('hex').slice(0, 12);
files.set('sw.js', await bundle('sw.ts', { define: { REST: JSON.stringify(`away.js?v=${edition}`) } }));
// To be served in its place by whoever wants it gone.
files.set('sw-off.js', "self.addEventListener('install',()=>self.skipWaiting());self.addEventListener('activate',e=>e.waitUntil(self.registration.unregister()));\n");

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

// What changed since it began to read is newer than this, and `crates/tell/build.rs` makes it again.
if (!process.env.STILLHERE_DIST) {
  const stamp = path.join(here, 'served/.made');
  await writeFile(stamp, '');
  await utimes(stamp, begun, begun);
}

// Builds the console into `served`: what the Rust build takes along, packed. Nothing is kept unpacked that can be packed.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';
import { LANGUAGES, moduleOf, PARTS } from './words.mjs';

const begun = new Date();
const served = fileURLToPath(new URL('served', import.meta.url));
const status = name => readFileSync(new URL(`../status/${name}`, import.meta.url), 'utf8');

/** Colours are those of the public page: they are tested for contrast there, and what is red here is red there. */
function colours() {
  const css = status('base.css');
  const light = css.match(/^:root\{([^}]*)\}/m)[1].replace(/color-scheme:[^;]*;?/, '');
  const dark = css.match(/prefers-color-scheme:dark\)\{:root\{([^}]*)\}/)[1];
  return `:root{${light};color-scheme:light dark}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=light]{color-scheme:light}
:root[data-theme=dark]{${dark};color-scheme:dark}`;
}

/** The style of the public page for a preview in its shadow: colours come from around it. */
function pageStyle() {
  const css = (status('base.css') + status('status.css')).replace(/\/\*[^]*?\*\//g, '');
  return css.replace(/^:root\{[^}]*\}/m, '').replace(/@media \(prefers-color-scheme:dark\)\{:root\{[^}]*\}\}/, '')
    .replace(/^html\{[^}]*\}$/m, '').replace(/^body>\*\{[^}]*\}$/m, '').replace(/^body\{/m, '.body{').split('\n').map(l => l.trim()).join('');
}

const made = {
  'virtual:words/en': () => moduleOf('en'),
  'virtual:words/zh-CN': () => moduleOf('zh-CN'),
  ...Object.fromEntries(PARTS.flatMap(part => LANGUAGES.map(lang => [`virtual:words/${part}/${lang}`, () => moduleOf(lang, part)]))),
  'virtual:colours.css': colours,
  'virtual:page-style': () => `export default ${JSON.stringify(pageStyle())}`,
  'virtual:glyphs': () => `export default ${JSON.stringify(status('glyphs.svg'))}`,
};

const fromElsewhere = () => ({
  name: 'from-elsewhere',
  resolveId: id => (id in made ? `\0${id}` : undefined),
  load: id => made[id.slice(1)]?.(),
});

/** The worker that keeps the files on the device: it is told which there are, under a name that changes with any of them. */
const worker = () => ({
  name: 'worker',
  closeBundle() {
    const names = readdirSync(served, { recursive: true }).filter(f => statSync(path.join(served, f)).isFile() && !f.startsWith('.')).sort();
    const code = readFileSync(new URL('src/worker.js', import.meta.url), 'utf8').replace(/^\/\/.*\n|^ *\/\*\* .*\n/gm, '');
    const hash = createHash('sha256').update(code);
    for (const name of names) hash.update(name).update(readFileSync(path.join(served, name)));
    const files = names.map(name => (name === 'index.html' ? '/console/' : `/console/${name.split(path.sep).join('/')}`));
    writeFileSync(path.join(served, 'worker.js'), `const NAME='stillhere-console-${hash.digest('hex').slice(0, 16)}',FILES=${JSON.stringify(files)};\n${code}`);
  },
});

/** Every file in the forms in which it is sent, and a stamp by which the Rust build knows what it was made of. */
const packed = () => ({
  name: 'packed',
  closeBundle() {
    const all = readdirSync(served, { recursive: true }).filter(f => statSync(path.join(served, f)).isFile());
    for (const name of all) {
      if (/\.(png|gz|br)$/.test(name) || name.startsWith('.')) continue;
      const file = path.join(served, name);
      const text = readFileSync(file);
      writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
      writeFileSync(`${file}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }));
      rmSync(file);
    }
    // What changed since it began to read is newer than this, and `crates/web/build.rs` makes it again.
    const stamp = path.join(served, '.made');
    writeFileSync(stamp, '');
    utimesSync(stamp, begun, begun);
  },
});

mkdirSync(served, { recursive: true });
export default defineConfig({
  base: '/console/',
  plugins: [fromElsewhere(), svelte(), worker(), packed()],
  build: {
    outDir: served,
    emptyOutDir: true,
    target: 'es2022',
    // Small files as `data:` would not be files that are kept by their name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: false,
  },
});

// One file of rivals/ with everything that it needs, as a page or a worker loads it.
import { build } from 'esbuild';

export async function bundle(file) {
  const made = await build({ entryPoints: [new URL(`rivals/${file}.mjs`, import.meta.url).pathname], bundle: true, format: 'esm', write: false, minify: true, define: { 'process.env.NODE_ENV': '"production"' } });
  return made.outputFiles[0].text;
}

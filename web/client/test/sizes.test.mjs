// What each part weighs, compressed. The goal is 6 kB for socket, outbox and form together; the
// ceilings here are what they weigh today, so that nothing grows unseen.
import { build } from 'esbuild';
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const ESM = path.join(fileURLToPath(new URL('..', import.meta.url)), process.env.STILLHERE_DIST ?? 'dist', 'esm');
const CEILINGS = { 'socket': 4_300, 'outbox': 4_900, 'socket outbox form': 10_900, 'sse': 1_550, 'adapters/signalr': 400, 'adapters/livekit': 400, 'adapters/phoenix': 400, 'adapters/socketio': 400, 'adapters/centrifuge': 400, 'adapters/tanstack': 400 };

test('no part grows unseen (words apart, which every language has its own of)', async () => {
  for (const [parts, most] of Object.entries(CEILINGS)) {
    const contents = parts.split(' ').map(p => `export * from ${JSON.stringify(path.join(ESM, p + '.js'))};`).join('\n');
    const { outputFiles: [file] } = await build({ stdin: { contents, resolveDir: ESM }, bundle: true, minify: true, format: 'esm', target: 'es2022', external: ['*/words/en.js'], write: false });
    const bytes = gzipSync(file.contents, { level: 9 }).length;
    console.log(`# ${parts}: ${bytes} bytes`);
    assert.ok(bytes <= most, `${parts}: ${bytes} > ${most}`);
  }
});

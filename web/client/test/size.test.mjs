// What a page has to load. The goals are 8 kB for the script of the page and 3 kB for the worker; ceilings only ever go down.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { DIST } from './world.mjs';

/** Compressed. `client.js` is what a page has to load; it loads `face.js` in the same moment, and `kept.js` where something is to be kept. */
const MOST = { 'client.js': 8_000, 'face.js': 6_000, 'room.js': 1_300, 'tell.js': 3_600, 'kept.js': 6_900, 'sw.js': 3_000, 'away.js': 34_000 };

test('no file that a page loads is larger than it may be', async () => {
  for (const [name, most] of Object.entries(MOST)) {
    const text = await readFile(path.join(DIST, name)), gzip = gzipSync(text, { level: 9 }).length;
    console.log(`${name}: ${text.length} bytes, ${gzip} gzip, ${brotliCompressSync(text).length} brotli; at most ${most} gzip`);
    assert.ok(gzip <= most, `${name}: ${gzip} bytes`);
    assert.doesNotMatch(String(text), /sourceMappingURL/);
  }
});

test('outside of browsers the package is loaded and started without any effect', async () => {
  const { start, state, on } = await import('../dist/esm/index.js');
  await import('../dist/esm/element.js');
  const client = start({ mirrors: ['https://status.example/notice'], key: 'nonsense' });
  assert.equal(client.state.name, 'ok');
  assert.equal((await client.diagnose()).name, 'ok');
  assert.equal(state().name, 'ok');
  on('state', () => assert.fail())();
  client.stop();
});

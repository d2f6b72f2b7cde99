// What a page has to load. The figure to reach is 8 kB for the whole script; the ceiling here only ever goes down.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { DIST } from './world.mjs';

const CEILING_BYTES = 11_600;

test('the one-tag build does not grow', async () => {
  const text = await readFile(path.join(DIST, 'client.js'));
  const gzip = gzipSync(text, { level: 9 }).length;
  console.log(`client.js: ${text.length} bytes, ${gzip} gzip, ${brotliCompressSync(text).length} brotli; the figure to reach is 8,000 gzip`);
  assert.ok(gzip <= CEILING_BYTES, `${gzip} bytes`);
  assert.doesNotMatch(String(text), /sourceMappingURL/);
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

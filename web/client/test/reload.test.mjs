// `Socket` in Chromium through the real edge: a reload of the tab goes on with the session, and the browser's own way to
// see a cut.
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { Edge, Link, Origin, until } from './kit/edge.mjs';

const ESM = path.join(fileURLToPath(new URL('..', import.meta.url)), process.env.STILLHERE_DIST ?? 'dist', 'esm');
let chrome, edge, origin, link, clients, got;
before(async () => {
  const script = (await build({ entryPoints: [path.join(ESM, 'socket.js')], bundle: true, format: 'esm', write: false })).outputFiles[0].text;
  got = [];
  origin = await Origin.up((q, r) => {
    if (q.url === '/client.mjs') return r.setHeader('content-type', 'text/javascript').end(script);
    r.setHeader('content-type', 'text/html').end(`<!doctype html><link rel=icon href=data:,><script type=module>
      import { Socket } from '/client.mjs';
      window.heard = []; window.events = [];
      window.socket = new Socket('/ws', ['chat'], { tab: 'board' });
      socket.binaryType = 'arraybuffer';
      socket.onmessage = e => heard.push(typeof e.data === 'string' ? e.data : 'binary ' + new Uint8Array(e.data).join());
      for (const kind of ['open', 'away', 'back', 'gap', 'uncertain', 'close']) socket.addEventListener(kind, e => events.push(kind));
    </script>`);
  }, server => {
    clients = [];
    new WebSocketServer({ server, handleProtocols: set => set.has('chat') && 'chat' }).on('connection', ws => { clients.push(ws); ws.on('message', m => got.push(String(m))); });
  });
  edge = await Edge.up(origin.at);
  link = await Link.to(edge.port);
  chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
});
after(async () => { await chrome?.close(); await link?.down(); await edge?.down(); await origin?.kill(); });

test('a reload of the tab goes on: the origin notices nothing, and what it said meanwhile comes', { timeout: 60_000 }, async t => {
  const context = await chrome.newContext();
  t.after(() => context.close());
  const p = await context.newPage();
  await p.goto(link.origin);
  await p.waitForFunction(() => window.socket?.readyState === 1);
  await p.evaluate(() => { socket.send('a'); socket.send(new Uint8Array([98])); });
  clients[0].send('one');
  clients[0].send(Buffer.from([1, 2]), { binary: true });
  await p.waitForFunction(() => heard.length === 2);
  assert.deepEqual(await p.evaluate(() => [heard, socket.protocol]), [['one', 'binary 1,2'], 'chat']);
  // What cannot be sent any more by this page is sent by the next one, and what is said in between is not missed.
  link.refuse = true;
  link.cutAll();
  await p.waitForFunction(() => socket.state === 'resuming');
  await p.evaluate(() => socket.send('from the page before'));
  clients[0].send('two');
  link.refuse = false;
  await p.reload();
  await p.waitForFunction(() => window.socket?.readyState === 1 && heard.length === 1);
  assert.deepEqual(await p.evaluate(() => [heard, events, socket.protocol]), [['two'], ['open'], 'chat']);
  await until('it is there', () => got.length === 3);
  assert.deepEqual(got, ['a', 'b', 'from the page before']);
  assert.equal(clients.length, 1, 'the origin has had one connection');
  assert.equal(await p.evaluate(() => sessionStorage.length), 0, 'the token is on no disk while a page has it');
});

test('cuts in a real browser: nothing is lost or doubled, and the page is not told to begin anew', { timeout: 60_000 }, async t => {
  const context = await chrome.newContext();
  t.after(() => context.close());
  const p = await context.newPage();
  await p.goto(link.origin);
  await p.waitForFunction(() => window.socket?.readyState === 1);
  const ws = clients.at(-1), from = got.length;
  // Six: who is cut at once each time comes back ever later, and the tenth time may be 70 s after the first.
  for (let i = 0; i < 6; i += 1) {
    await p.evaluate(i => { for (let k = 0; k < 10; k += 1) socket.send(`${i * 10 + k}`); }, i);
    for (let k = 0; k < 10; k += 1) ws.send(`${i * 10 + k}`);
    link.cutAll();
    await until('it goes on', () => p.evaluate(i => socket.state === 'open' && heard.length === (i + 1) * 10, i));
  }
  const all = Array.from({ length: 60 }, (_, i) => String(i));
  await until('all', () => got.length === from + all.length);
  assert.deepEqual(got.slice(from), all);
  assert.deepEqual(await p.evaluate(() => heard), all);
  assert.equal(await p.evaluate(() => events.filter(e => e === 'open' || e === 'gap' || e === 'uncertain').length), 1);
});

// `Socket` through the real edge: the client's link is cut, the origin is killed, the edge is killed.
// DROPS sets how many cuts (default 60; the figures in docs/client-behaviour.md are from 1,000 and more).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import WS, { WebSocketServer } from 'ws';
import { Socket } from '../dist/esm/socket.js';
import { Edge, Link, Origin, freePort, until } from './kit/edge.mjs';

const DROPS = Number(process.env.DROPS ?? 60);
const SOCKETS = Number(process.env.SOCKETS ?? 20);
/** Each connection lives about so long, which is more than a redial takes. */
const LIFE_MS = 1_500;

let edge, origin, link;
/** What origins got of each client, by the client's name, over all their lives. */
let ledger;
before(async () => {
  ledger = new Map();
  origin = await Origin.up(undefined, server => new WebSocketServer({ server, handleProtocols: set => set.has('chat.v2') && 'chat.v2' }).on('connection', ws => {
    ws.on('message', (data, binary) => {
      const m = binary ? `b${Buffer.from(data)}` : String(data);
      const [name, n] = m.replace(/^b/, '').split(':');
      if (name === 'quit') return ws.close(Number(n), 'as you wish');
      (ledger.get(name) ?? ledger.set(name, []).get(name)).push(Number(n));
      ws.send(binary ? data : `echo ${m}`, { binary });
    });
  }));
  edge = await Edge.up(origin.at);
  link = await Link.to(edge.port);
});
after(async () => { await link?.down(); await edge?.down(); await origin?.kill(); });

/** A client that sends numbers until it is told to stop, and keeps everything that it is told. */
class Talker {
  constructor(name, url) {
    Object.assign(this, { name, sent: 0, heard: [], uncertain: new Set(), lost: 0, gaps: [], opens: 0, backs: [] });
    const s = this.socket = new Socket(url, ['chat.v2'], { WebSocket: WS });
    s.binaryType = 'arraybuffer';
    s.onopen = () => { this.opens += 1; };
    s.onmessage = e => this.heard.push(Number((typeof e.data === 'string' ? e.data : new TextDecoder().decode(e.data)).split(':')[1]));
    s.addEventListener('gap', e => this.gaps.push(e.detail));
    s.addEventListener('back', e => this.backs.push(e.detail.fresh));
    s.addEventListener('uncertain', e => {
      assert.equal(e.detail.count, e.detail.messages.length, 'all of them are still there to be shown');
      for (const m of e.detail.messages) this.uncertain.add(Number((typeof m === 'string' ? m : new TextDecoder().decode(m)).split(':')[1]));
    });
  }
  say() {
    const text = `${this.name}:${++this.sent}`;
    this.socket.send(this.sent % 7 ? text : new TextEncoder().encode(text));
  }
  talk(every = 25) { this.timer = setInterval(() => this.socket.readyState === 1 && this.say(), every); }
  hush() { clearInterval(this.timer); }
  get ledger() { return ledger.get(this.name) ?? []; }
  /** Everything that was sent is in the ledger once and in order, or was said to be uncertain, or counted as lost. */
  judge() {
    assert.deepEqual(this.ledger, [...new Set(this.ledger)].sort((a, b) => a - b), `${this.name}: none doubled, none out of order`);
    assert.deepEqual(this.heard, [...new Set(this.heard)].sort((a, b) => a - b), `${this.name}: none heard twice or out of order`);
    const got = new Set(this.ledger);
    const missing = Array.from({ length: this.sent }, (_, i) => i + 1).filter(n => !got.has(n) && !this.uncertain.has(n));
    const lost = this.gaps.reduce((sum, g) => sum + (g.side === 'sent' ? g.lost : 0), 0);
    assert.equal(missing.length, lost, `${this.name}: ${missing.slice(0, 5)} are neither delivered nor said to be uncertain`);
    return this.uncertain.size;
  }
}
const room = async (name, n = SOCKETS) => {
  const all = Array.from({ length: n }, (_, i) => new Talker(`${name}${i}`, `${link.origin}/ws`));
  await until('all are open', () => all.every(t => t.opens === 1));
  return all;
};
const settle = all => until('all is delivered', () => all.every(t => t.socket.state === 'open' && t.socket.bufferedAmount === 0
  && (t.heard.at(-1) === t.sent || t.uncertain.has(t.sent))), 60_000);

test(`over ${DROPS} cuts of the client's link nothing is lost, doubled or reordered, either way`, { timeout: 600_000 }, async () => {
  const all = await room('cut');
  assert.equal(all[0].socket.protocol, 'chat.v2');
  for (const t of all) t.talk();
  const from = link.cuts;
  while (link.cuts - from < DROPS) {
    await pause(LIFE_MS / SOCKETS);
    // One at a time; one in fifty is not cut but falls silent.
    const pairs = [...link.pairs].filter(p => !p.frozen);
    const pair = pairs[Math.floor(Math.random() * pairs.length)];
    if (!pair) continue;
    if (Math.random() < 0.02) { pair.frozen = true; link.cuts += 1; } else link.cut(pair);
  }
  for (const t of all) t.hush();
  await settle(all);
  for (const t of all) {
    assert.equal(t.judge(), 0);
    assert.deepEqual(t.heard, Array.from({ length: t.sent }, (_, i) => i + 1), 'every echo came');
    assert.deepEqual([t.gaps, t.opens], [[], 1]);
    t.socket.close();
  }
  console.log(`# ${link.cuts - from} cuts, ${all.reduce((n, t) => n + t.sent, 0)} messages each way: 0 lost, 0 doubled, 0 reordered`);
});

test('an origin that is killed and comes back: each message once, or said to be uncertain, and every new origin is told', { timeout: 600_000 }, async () => {
  const all = await room('kill');
  for (const t of all) t.talk(10);
  const kills = Math.max(3, Math.round(DROPS / 50));
  for (let i = 0; i < kills; i += 1) {
    await pause(400);
    await origin.kill();
    await until('they are told', () => all.every(t => t.socket.state === 'away'));
    link.cutAll();
    await pause(100);
    await origin.start();
    await until('it goes on', () => all.every(t => t.opens === i + 2 && t.socket.state === 'open'), 60_000);
  }
  for (const t of all) t.hush();
  for (const t of all) t.say();
  await settle(all);
  let uncertain = 0;
  for (const t of all) {
    uncertain += t.judge();
    assert.equal(t.backs.filter(Boolean).length, kills, 'each new origin is told as one');
    assert.deepEqual(t.gaps, []);
    t.socket.close();
  }
  console.log(`# ${kills} deaths of the origin × ${SOCKETS} sockets, ${all.reduce((n, t) => n + t.sent, 0)} messages: 0 lost, 0 doubled, ${uncertain} said to be uncertain`);
});

test('an edge that is killed: what nobody knows is said, what never left is sent, and nothing is doubled', { timeout: 600_000 }, async () => {
  const all = await room('edge', 5);
  for (const t of all) t.talk(20);
  for (let i = 0; i < 3; i += 1) {
    await pause(1_200);
    await edge.kill();
    await until('they notice', () => all.every(t => t.socket.state === 'resuming'));
    await pause(200);
    await edge.start();
    await until('a new session', () => all.every(t => t.opens === i + 2), 60_000);
  }
  for (const t of all) t.hush();
  for (const t of all) t.say();
  await settle(all);
  for (const t of all) {
    t.judge();
    assert.deepEqual(t.gaps.filter(g => g.side === 'received'), Array.from({ length: 3 }, () => ({ side: 'received', lost: undefined })));
    t.socket.close();
  }
});

test('an edge that is replaced by its next version: the session goes on there, and nothing is lost, doubled or uncertain', { timeout: 600_000 }, async () => {
  const all = await room('next', 5);
  for (const t of all) t.talk(20);
  await pause(300);
  await edge.upgrade();
  // Each in its turn, within half a minute.
  await until('all of them have gone over', () => all.every(t => t.backs.some(Boolean)), 60_000);
  for (const t of all) t.hush();
  for (const t of all) t.say();
  await settle(all);
  for (const t of all) {
    assert.equal(t.judge(), 0, 'nothing is uncertain');
    assert.deepEqual(t.heard, Array.from({ length: t.sent }, (_, i) => i + 1), 'every echo came');
    assert.deepEqual([t.gaps, t.backs.filter(Boolean).length], [[], 1]);
    t.socket.close();
  }
});

test('a frozen connection is noticed within 8 s and a bit, and close() never waits for it', { timeout: 60_000 }, async () => {
  const [t] = await room('freeze', 1);
  let noticed = false;
  t.socket.addEventListener('away', () => { noticed = true; });
  const began = Date.now();
  link.freezeAll();
  await until('noticed', () => noticed, 15_000);
  assert.ok(Date.now() - began < 8_500, `${Date.now() - began} ms`);
  await until('resumed', () => t.socket.state === 'open');
  assert.equal(t.opens, 1);
  link.freezeAll();
  t.say();
  const closed = new Promise(resolve => { t.socket.onclose = resolve; });
  const at = Date.now();
  t.socket.close(1000, 'done');
  const event = await closed;
  assert.ok(Date.now() - at < 1_500);
  assert.deepEqual([event.code, event.wasClean, t.socket.readyState], [1006, false, 3]);
  assert.deepEqual([...t.uncertain], [1], 'what the frozen connection swallowed is not claimed to be delivered');
});

test("the application's own close passes both ways with code and reason", async () => {
  const [a, b] = await room('close', 2);
  const closed = t => new Promise(resolve => { t.socket.onclose = e => resolve([e.code, e.reason, e.wasClean]); });
  const [ofA, ofB] = [closed(a), closed(b)];
  a.say();
  a.socket.close(3001, 'enough');
  b.socket.send('quit:4567');
  assert.deepEqual(await ofB, [4567, 'as you wish', true]);
  assert.deepEqual((await ofA).slice(0, 1), [3001]);
  await until('what was said before came', () => a.ledger.length === 1);
});

test('without an edge it is an ordinary WebSocket that dials again and admits the gap', async () => {
  const port = await freePort();
  const open = () => new Promise(resolve => { const s = new WebSocketServer({ port, handleProtocols: set => set.has('chat.v2') && 'chat.v2' }, () => resolve(s)); s.on('connection', ws => ws.on('message', m => ws.send(`echo ${m}`))); });
  let server = await open();
  const t = new Talker('plain', `ws://127.0.0.1:${port}/`);
  await until('open', () => t.opens === 1);
  assert.equal(t.socket.protocol, 'chat.v2');
  t.say();
  await until('heard', () => t.heard.length === 1);
  for (const c of server.clients) c.terminate();
  await new Promise(resolve => server.close(resolve));
  await until('away', () => t.socket.state === 'resuming');
  t.say();
  server = await open();
  await until('it is back', () => t.opens === 2);
  await until('what was kept is sent', () => t.heard.length === 2);
  assert.deepEqual(t.gaps, [{ side: 'received', lost: undefined }, { side: 'sent', lost: undefined }]);
  t.socket.close();
  server.close();
});

test('a server that takes none of the offer is asked again without it', async () => {
  const port = await freePort();
  const asked = [];
  const server = new WebSocketServer({ port, verifyClient: ({ req }) => { asked.push(req.headers['sec-websocket-protocol']); return !req.headers['sec-websocket-protocol']; } });
  const s = new Socket(`ws://127.0.0.1:${port}/`, [], { WebSocket: WS });
  await until('open', () => s.readyState === 1);
  assert.deepEqual(asked, ['stillhere.resume.v1', undefined]);
  s.close();
  server.close();
});

test('it has the shape of a WebSocket', () => {
  class Never { close() {} }
  const s = new Socket('ws://h.example/a', [], { WebSocket: Never });
  for (const [name, n] of Object.entries({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })) assert.deepEqual([Socket[name], s[name]], [n, n]);
  assert.deepEqual([s.url, s.protocol, s.extensions, s.readyState, s.binaryType, s.bufferedAmount, s.onopen, s.onclose], ['ws://h.example/a', '', '', 0, 'blob', 0, null, null]);
  assert.throws(() => s.send('x'), { name: 'InvalidStateError' });
  assert.throws(() => s.close(1001), { name: 'InvalidAccessError' });
  assert.throws(() => s.close(1000, 'x'.repeat(124)), { name: 'SyntaxError' });
  assert.throws(() => new Socket('ftp://h.example'), { name: 'SyntaxError' });
  assert.equal(new Socket('https://h.example/x', [], { WebSocket: Never }).url, 'wss://h.example/x');
  s.close();
});

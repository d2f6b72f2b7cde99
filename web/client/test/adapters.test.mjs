// The adapters in the real libraries: each of them comes back after its server died, and not before the moment that the
// server has given to this client.
import { HubConnectionBuilder, HttpTransportType, LogLevel } from '@microsoft/signalr';
import { QueryClient } from '@tanstack/query-core';
import { Centrifuge } from 'centrifuge';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Socket as PhoenixSocket } from 'phoenix';
import { Server as IoServer } from 'socket.io';
import { io } from 'socket.io-client';
import WS, { WebSocketServer } from 'ws';
import { emit } from '../dist/esm/bus.js';
import { paced as centrifuge } from '../dist/esm/adapters/centrifuge.js';
import { reconnectPolicy } from '../dist/esm/adapters/livekit.js';
import { reconnectAfterMs } from '../dist/esm/adapters/phoenix.js';
import { retryPolicy } from '../dist/esm/adapters/signalr.js';
import { paced as socketio } from '../dist/esm/adapters/socketio.js';
import { retrying } from '../dist/esm/adapters/tanstack.js';
import { freePort, until } from './kit/edge.mjs';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const SLOT_MS = 900;

/** A WebSocket server that answers each message by `answer`; it can be killed and started again, and knows who came when. */
async function server(answer) {
  const it = { port: await freePort(), came: [] };
  it.start = () => new Promise(resolve => {
    it.wss = new WebSocketServer({ port: it.port }, resolve);
    it.wss.on('connection', ws => { it.came.push(Date.now()); ws.on('error', () => {}).on('message', m => { const say = answer(String(m)); if (say) ws.send(say); }); });
  });
  it.kill = () => new Promise(resolve => { for (const c of it.wss.clients) c.terminate(); it.wss.close(resolve); });
  await it.start();
  return it;
}

/** Kills the server of a client that is connected, gives it a slot, and sees when it comes back. */
async function comesBack(s, connected) {
  await until('connected', connected);
  emit('slot', SLOT_MS);
  const at = Date.now();
  const before = s.came.length;
  await s.kill();
  await s.start();
  await until('it is back', () => s.came.length > before && connected());
  const after = s.came[before] - at;
  assert.ok(after >= SLOT_MS - 20, `not before its slot: ${after} ms`);
  emit('slot', 0);
  await s.kill();
}

test('SignalR comes back in its slot, and never gives up', async () => {
  const s = await server(m => m.includes('"protocol"') && '{}\x1e');
  globalThis.WebSocket ??= WS;
  const hub = new HubConnectionBuilder().withUrl(`http://127.0.0.1:${s.port}/hub`, { transport: HttpTransportType.WebSockets, skipNegotiation: true, WebSocket: WS })
    .withAutomaticReconnect(retryPolicy).configureLogging(LogLevel.None).build();
  await hub.start();
  await comesBack(s, () => hub.state === 'Connected');
  await hub.stop();
  assert.ok(retryPolicy.nextRetryDelayInMilliseconds({ previousRetryCount: 1_000, elapsedMilliseconds: 1e9, retryReason: new Error() }) <= 20_000);
});

test('Phoenix comes back in its slot', async () => {
  const s = await server(() => undefined);
  const socket = new PhoenixSocket(`ws://127.0.0.1:${s.port}/socket`, { transport: WS, reconnectAfterMs });
  socket.connect();
  await comesBack(s, () => socket.isConnected());
  await new Promise(resolve => socket.disconnect(resolve));
});

test('Socket.IO comes back in its slot', async () => {
  const it = { port: await freePort(), came: [] };
  it.start = () => new Promise(resolve => { it.http = http.createServer(); it.io = new IoServer(it.http); it.io.on('connection', () => it.came.push(Date.now())); it.http.listen(it.port, '127.0.0.1', resolve); });
  it.kill = () => { it.http.closeAllConnections(); it.io.engine.close(); return new Promise(resolve => it.io.close(() => resolve())); };
  await it.start();
  const socket = io(`http://127.0.0.1:${it.port}`, { transports: ['websocket'] });
  // A server that says goodbye properly wants nobody back (`io server disconnect`); one that dies does not say it.
  socketio(socket.io);
  socket.on('disconnect', why => { if (why === 'io server disconnect') socket.connect(); });
  await comesBack(it, () => socket.connected);
  socket.disconnect();
});

test('Centrifuge comes back in its slot', async () => {
  const s = await server(m => `{"id":${JSON.parse(m.split('\n')[0]).id},"connect":{"client":"c","version":"1","ping":25,"pong":true}}`);
  const client = centrifuge(new Centrifuge(`ws://127.0.0.1:${s.port}/`, { websocket: WS }));
  client.connect();
  await comesBack(s, () => client.state === 'connected');
  client.disconnect();
});

test('TanStack Query asks again in its slot', async () => {
  const client = new QueryClient({ defaultOptions: { queries: retrying } });
  const asked = [];
  emit('slot', SLOT_MS);
  const at = Date.now();
  const answer = await client.fetchQuery({ queryKey: ['a'], queryFn: async () => { asked.push(Date.now() - at); if (asked.length < 2) throw new Error('away'); return 'here'; } });
  assert.equal(answer, 'here');
  assert.ok(asked[1] >= SLOT_MS - 20, `${asked}`);
  emit('slot', 0);
});

test('where the page knows of an outage, its length spreads those who come back', () => {
  emit('state', { unreachableSince: Date.now() - 60_000 });
  for (let attempt = 0; attempt < 100; attempt += 1) assert.ok(reconnectPolicy.nextRetryDelayInMs({ retryCount: attempt, elapsedMs: 60_000 }) >= 22_500);
  emit('state', { unreachableSince: null });
  for (let attempt = 0; attempt < 100; attempt += 1) assert.ok(reconnectPolicy.nextRetryDelayInMs({ retryCount: 0, elapsedMs: 0 }) <= 500);
});

test('LiveKit is never told to give up', () => {
  for (let retryCount = 0; retryCount < 1_000; retryCount += 1) {
    const ms = reconnectPolicy.nextRetryDelayInMs({ retryCount, elapsedMs: retryCount * 20_000 });
    assert.ok(ms > 0 && ms <= 20_000);
  }
});

test("the adapters are what the libraries' own types ask for", { timeout: 120_000 }, async () => {
  const dir = await mkdtemp(path.join(HERE, 'types-'));
  try {
    await writeFile(path.join(dir, 'uses.ts'), `
      import { HubConnectionBuilder, type IRetryPolicy } from '@microsoft/signalr';
      import { type DefaultOptions } from '@tanstack/query-core';
      import { Centrifuge } from 'centrifuge';
      import { type ReconnectPolicy } from 'livekit-client';
      import { Socket } from 'phoenix';
      import { io } from 'socket.io-client';
      import { paced as centrifuge } from '../dist/esm/adapters/centrifuge.js';
      import { reconnectPolicy } from '../dist/esm/adapters/livekit.js';
      import { reconnectAfterMs, rejoinAfterMs } from '../dist/esm/adapters/phoenix.js';
      import { retryPolicy } from '../dist/esm/adapters/signalr.js';
      import { paced as socketio } from '../dist/esm/adapters/socketio.js';
      import { retrying } from '../dist/esm/adapters/tanstack.js';
      export const a: IRetryPolicy = retryPolicy;
      export const b = new HubConnectionBuilder().withAutomaticReconnect(retryPolicy);
      export const c: DefaultOptions['queries'] = retrying;
      export const d: Centrifuge = centrifuge(new Centrifuge('ws://h'));
      export const e: ReconnectPolicy = reconnectPolicy;
      export const f = new Socket('ws://h', { reconnectAfterMs, rejoinAfterMs });
      export const g = socketio(io('http://h').io);
      // @ts-expect-error a delay is a number of milliseconds
      export const h: string = reconnectPolicy.nextRetryDelayInMs({ retryCount: 0 });`);
    await writeFile(path.join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: { target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2023', 'DOM'], types: [], strict: true, noEmit: true, skipLibCheck: true } }));
    execFileSync(process.execPath, [path.join(HERE, 'node_modules/typescript/bin/tsc'), '-p', dir], { encoding: 'utf8', stdio: 'pipe' });
  } catch (e) { throw new Error(e.stdout || e.message, { cause: e }); } finally { await rm(dir, { recursive: true, force: true }); }
});

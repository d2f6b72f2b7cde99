// Sockets of one of the rivals, or of ours, over links that are cut: `node sockets.mjs WHO DROPS`. One line of JSON for each fact.
//
// A hundred of them, each says a number every 100 ms, the origin writes it into its ledger and answers it. One after another is cut; one in fifty
// falls silent instead, and is cut after 20 s. Now and then the origin dies with all of them, and three times the edge where there is one.
import RWS from 'reconnecting-websocket';
import { WebSocket as PartySocket } from 'partysocket';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import WS, { WebSocketServer } from 'ws';
import { Socket } from '../../web/client/dist/esm/socket.js';
import { Edge, Link, Origin, until } from '../../web/client/test/kit/edge.mjs';

const [, , who, wanted] = process.argv;
const DROPS = Number(wanted), SOCKETS = 100, SPEAKS_MS = 100, CUT_MS = 15, SILENT_MS = 20_000, DEAD_MS = 300;
/** So many times in the course of all this. */
const DEATHS = Math.max(3, Math.round(DROPS / 700)), EDGE_DEATHS = 3;
const SETTLE_MS = 90_000, SAY_MS = 10_000;
const say = what => console.log(JSON.stringify(what));
const pause = ms => new Promise(done => setTimeout(done, ms));
/** A browser's own never throws what nobody listens to. */
class Quiet extends WS { constructor(...a) { super(...a); this.on('error', () => {}); } }
globalThis.WebSocket = Quiet;

/** By name: numbers as they came to the origin. */
const ledger = new Map();
const takes = text => { const [name, n] = String(text).split(':'); (ledger.get(name) ?? ledger.set(name, []).get(name)).push(Number(n)); return `echo:${n}`; };
const plain = server => new WebSocketServer({ server }).on('connection', ws => { ws.on('error', () => {}); ws.on('message', m => ws.send(takes(m))); });
/** With the recovery of connections that its guide describes. */
const socketio = server => { new Server(server, { connectionStateRecovery: {}, transports: ['websocket'] }).on('connection', s => s.on('say', (m, ack) => { s.emit('echo', takes(m)); ack?.(); })); };

const buffering = Kind => (url, hears) => {
  const s = new Kind(url.replace('http', 'ws'), [], { WebSocket: Quiet, maxEnqueuedMessages: Infinity });
  s.addEventListener('message', e => hears(String(e.data)));
  s.addEventListener('error', () => {});
  return { say: text => s.send(text), idle: () => s.readyState === 1 && !s.bufferedAmount, end: () => s.close() };
};
/** `say`, and `unsure`: numbers that it told the application it cannot answer for. */
const KINDS = {
  stillhere: url => (hears, it) => {
    const s = new Socket(`${url}/ws`, [], { WebSocket: Quiet });
    s.onmessage = e => hears(String(e.data));
    s.addEventListener('uncertain', e => e.detail.messages.forEach(m => it.unsure.add(Number(String(m).split(':')[1]))));
    s.addEventListener('gap', e => { if (e.detail.side === 'received') it.told = true; });
    return { say: text => s.send(text), ready: () => s.readyState === 1, idle: () => s.state === 'open' && !s.bufferedAmount, end: () => s.close() };
  },
  partysocket: url => hears => buffering(PartySocket)(url, hears),
  'reconnecting-websocket': url => hears => buffering(RWS)(url, hears),
  'socket.io': url => hears => {
    const s = io(url, { transports: ['websocket'], retries: 3, ackTimeout: 10_000, forceNew: true });
    s.on('echo', hears);
    let open = 0;
    return { say: text => { open += 1; s.emit('say', text, () => { open -= 1; }); }, idle: () => s.connected && !open, end: () => s.close() };
  },
};

const origin = await Origin.up(undefined, who === 'socket.io' ? socketio : plain);
const edge = who === 'stillhere' ? await Edge.up(origin.at) : undefined;
const link = await Link.to(edge?.port ?? origin.port);
const began = Date.now();
let dropped = 0;
const talkers = Array.from({ length: SOCKETS }, (_, i) => {
  const it = { name: `s${i}`, sent: 0, heard: [], unsure: new Set(), told: false };
  it.socket = KINDS[who](link.origin)(text => it.heard.push(Number(text.split(':')[1])), it);
  it.speak = () => { if (it.socket.ready?.() ?? true) it.socket.say(`${it.name}:${++it.sent}`); };
  return it;
});
await until('all have been heard', () => { talkers.forEach(t => t.sent || t.speak()); return talkers.every(t => t.heard.length); });
const talk = setInterval(() => talkers.forEach(t => t.speak()), SPEAKS_MS);
const progress = setInterval(() => say({ progress: `${dropped} of ${DROPS} drops` }), SAY_MS);
/** A death takes all who are connected. */
const dies = async what => {
  dropped += link.pairs.size;
  await what.kill();
  await pause(DEAD_MS);
  await what.start();
};
let deaths = 0, edgeDeaths = 0;
while (dropped < DROPS) {
  await pause(CUT_MS);
  const share = dropped / DROPS, pairs = [...link.pairs].filter(p => !p.frozen), pair = pairs[Math.floor(Math.random() * pairs.length)];
  if (edgeDeaths < EDGE_DEATHS && share > (edgeDeaths + 0.5) / EDGE_DEATHS) { edgeDeaths += 1; await dies(edge ?? origin); continue; }
  if (deaths < DEATHS && share > (deaths + 0.3) / DEATHS) { deaths += 1; await dies(origin); continue; }
  if (!pair) continue;
  dropped += 1;
  if (Math.random() < 0.02) { pair.frozen = true; setTimeout(() => link.pairs.has(pair) && link.cut(pair), SILENT_MS); } else link.cut(pair);
}
clearInterval(talk);
clearInterval(progress);
const shaken = Math.round((Date.now() - began) / 1000), end = Date.now() + SETTLE_MS;
while (!talkers.every(t => t.socket.idle()) && Date.now() < end) await pause(100);
// What is on its way arrives; who has no acknowledgements cannot be asked whether all has.
for (let last = -1, now = 0; now !== last && Date.now() < end; await pause(1_000)) { last = now; now = talkers.reduce((n, t) => n + t.heard.length, 0) + [...ledger.values()].reduce((n, l) => n + l.length, 0); }

const sum = { sent: 0, lost: 0, doubled: 0, disordered: 0, unsure: 0, unheard: 0, heardTwice: 0, gapsTold: 0 };
for (const t of talkers) {
  const got = ledger.get(t.name) ?? [], set = new Set(got), heard = new Set(t.heard);
  sum.sent += t.sent;
  sum.doubled += got.length - set.size;
  let most = 0;
  for (const n of got) { if (n < most) sum.disordered += 1; most = Math.max(most, n); }
  for (let n = 1; n <= t.sent; n += 1) {
    if (!set.has(n)) { if (t.unsure.has(n)) sum.unsure += 1; else sum.lost += 1; } else if (!heard.has(n)) { if (t.told || t.unsure.has(n)) sum.gapsTold += 1; else sum.unheard += 1; }
  }
  sum.heardTwice += t.heard.length - heard.size;
  t.socket.end();
}
say({ result: { who, drops: dropped, deaths, edgeDeaths: edge ? edgeDeaths : 0, seconds: shaken, ...sum } });
await link.down();
await edge?.down();
process.exit(0);

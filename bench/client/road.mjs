// The way between a browser and whatever serves the shop, and the shop itself with its books. What goes wrong is decided by the number of the
// order and of the attempt, not by the time: everybody meets the very same faults.
import http from 'node:http';

const SILENT_MS = 1_500;
const DEAD_MS = 500;
const DIES_EVERY = 100;
const ROAD = ['refused', 'half', 'unsaid', 'silent'], SHOP = ['503', 'dies'];

/** A number in 0..1 that depends on what it is given alone. */
export function dice(...what) {
  let h = 2166136261;
  for (const c of what.join()) h = Math.imul(h ^ c.charCodeAt(0), 16777619);
  for (let i = 0; i < 3; i += 1) h = Math.imul(h ^ h >>> 15, 2246822507);
  return (h >>> 0) / 2 ** 32;
}
/** Most first attempts meet one, later ones fewer: it is a bad day, and a day ends. */
function fault(seed, kinds, n, attempt, share) {
  if (dice(seed, kinds[0], n, attempt) >= share / Math.min(attempt, 3)) return undefined;
  return kinds[Math.floor(dice(seed, 'which', kinds[0], n, attempt) * kinds.length)];
}
const count = (map, n) => map.set(n, (map.get(n) ?? 0) + 1).get(n);
const text = async q => { let all = ''; for await (const d of q) all += d; return all; };
const cut = q => q.socket.resetAndDestroy();
const listen = (server, port = 0) => new Promise(done => server.listen(port, '127.0.0.1', () => done(server.address().port)));

/** `files`: what it serves beside orders. An order with a key that is known is not done again. */
export class Shop {
  constructor(seed, files) { Object.assign(this, { seed, files, done: new Map(), keys: new Map(), came: new Map(), faults: 0, deaths: 0 }); }
  async up(port = 0) {
    this.server = http.createServer({ keepAliveTimeout: 60_000 }, (q, r) => { this.answer(q, r).catch(() => cut(q)); });
    this.port = await listen(this.server, port);
    return this;
  }
  down() { return new Promise(done => { this.server.close(done); this.server.closeAllConnections(); }); }
  async dies() {
    this.deaths += 1;
    await this.down();
    setTimeout(() => void this.up(this.port), DEAD_MS);
  }
  async answer(q, r) {
    if (q.method !== 'POST') {
      const file = this.files[q.url.split('?')[0]];
      return file ? r.writeHead(200, { 'content-type': file.type, 'cache-control': 'no-store' }).end(file.text) : r.writeHead(404).end();
    }
    const { n } = JSON.parse(await text(q)), attempt = count(this.came, n), key = q.headers['idempotency-key'];
    const what = fault(this.seed, SHOP, n, attempt, 0.25);
    this.faults += what ? 1 : 0;
    if (what === '503') return r.writeHead(503).end();
    if (!key || !this.keys.has(key)) count(this.done, n);
    if (key) this.keys.set(key, n);
    if (what === 'dies') return cut(q);
    return r.writeHead(201, { 'content-type': 'application/json' }).end('{}');
  }
}

/** `kill` is called for the first attempt of each hundredth order. */
export class Road {
  constructor(seed, to, kill) { Object.assign(this, { seed, to, kill, came: new Map(), faults: 0, agent: new http.Agent({ keepAlive: true }) }); }
  async up() {
    this.server = http.createServer({ keepAliveTimeout: 60_000 }, (q, r) => { this.pass(q, r).catch(() => cut(q)); });
    this.origin = `http://127.0.0.1:${await listen(this.server)}`;
    return this;
  }
  down() { this.server.closeAllConnections(); this.server.close(); }
  async pass(q, r) {
    const body = await text(q);
    const n = q.method === 'POST' ? JSON.parse(body).n : undefined, attempt = n === undefined ? 0 : count(this.came, n);
    if (attempt === 1 && n % DIES_EVERY === DIES_EVERY - 1) void this.kill();
    const what = attempt ? fault(this.seed, ROAD, n, attempt, 0.6) : undefined;
    this.faults += what ? 1 : 0;
    if (what === 'refused') return cut(q);
    if (what === 'silent') return void setTimeout(cut, SILENT_MS, q);
    const ask = http.request(this.to + q.url, { method: q.method, headers: { ...q.headers, connection: 'keep-alive' }, agent: what === 'half' ? undefined : this.agent });
    ask.on('error', () => cut(q));
    if (what === 'half') return ask.write(body.slice(0, body.length / 2), () => { ask.destroy(); });
    ask.on('response', async a => {
      const said = await text(a).catch(() => undefined);
      if (what === 'unsaid' || said === undefined) return cut(q);
      const { connection, 'transfer-encoding': _, ...headers } = a.headers;
      r.writeHead(a.statusCode, headers).end(said);
    });
    ask.end(body);
  }
}

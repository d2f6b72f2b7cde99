// What the browser tests have in common: a real browser, an origin that can die in every way, mirrors that sign, lie or are silent.
//
// Nothing here sleeps for an effect: `until` asks again until it is there, and gives up at its deadline.
import { chromium } from 'playwright-core';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking } from '../../test/until.mjs';

export const DIST = path.resolve(fileURLToPath(new URL('..', import.meta.url)), process.env.STILLHERE_DIST ?? 'dist');
const DEADLINE_MS = 20_000;
const POLL_MS = 20;

export const until = asking(POLL_MS, DEADLINE_MS);

export const browser = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/** Signs as the core does (docs/notice.md). */
export class Signer {
  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.key = privateKey;
    this.hex = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  }
  envelope(payload) {
    const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
    const sig = sign(null, Buffer.concat([Buffer.from('stillhere notice v1\n'), bytes]), this.key);
    return JSON.stringify({ key_id: '0'.repeat(16), notice: bytes.toString('base64url'), sig: sig.toString('base64url') });
  }
}

let seq = Date.now();
const both = (en, zh = en) => ({ en, 'zh-CN': zh });
export { both };
/** A payload that is fresh. */
export function notice(state = 'operational', more = {}) {
  const now = Date.now();
  return {
    v: 1, epoch: 1, seq: ++seq, made_at: new Date(now).toISOString(), fresh_until: new Date(now + 180_000).toISOString(), last_look: null,
    site: { name: both('Lantern', '灯塔'), url: 'https://status.example.net', time_zone: 'UTC', languages: ['en', 'zh-CN'] },
    indicator: 'none', state, headline: both(state), services_total: 1, services: [], services_left_out: 0, incidents: [], incidents_left_out: 0, maintenances: [], maintenances_left_out: 0,
    next_update_by: null, contact: {}, ...more,
  };
}
export const incident = (more = {}) => ({
  id: 'i1', title: both('Payments are down', '支付中断'), said: both('The database failed over. Two engineers are on it.', '数据库已切换，两名工程师正在处理。'), said_at: new Date(Date.now() - 120_000).toISOString(),
  services: ['checkout'], status: 'identified', impact: 'critical', started_at: new Date(Date.now() - 600_000).toISOString(), next_update_by: new Date(Date.now() + 900_000).toISOString(), promise_missed: false, url: 'https://status.example.net/i/1', ...more,
});

/** A server whose answer is decided by `mode` for each request; `kill` and `up` at the same address. */
class Server {
  async listen(port = 0) {
    this.server = http.createServer((q, r) => { this.asked.push({ method: q.method, url: q.url, headers: q.headers, at: performance.now() }); this.answer(q, r); });
    await new Promise((done, no) => this.server.once('error', no).listen(port, '127.0.0.1', done));
    this.port = this.server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
    return this;
  }
  asked = [];
  kill() { return new Promise(done => { this.server.close(done); this.server.closeAllConnections(); }); }
  up() { return this.listen(this.port); }
  stop() { this.server.closeAllConnections(); this.server.close(); }
}

/** The application. Modes: `ok`, `frozen`, `503`, `sorry` (an edge's own word), `paused`, `busy`. */
export class Origin extends Server {
  mode = 'ok';
  head = '';
  headers = {};
  back = undefined;
  edgeNotice = undefined;
  body = '<main><h1>A shop</h1><p>Something to read, and a <a href="/other">link</a>.</p><input id=i aria-label=Name></main>';
  async answer(q, r) {
    const own = q.url.startsWith('/.well-known/stillhere/') && q.url.slice('/.well-known/stillhere/'.length);
    const file = own && own.split('?')[0];
    if (/^[\w-]+\.js$|^words\/[\w-]+\.json$/.test(file)) return this.client(file, r);
    if (own === 'notice') return this.edgeNotice ? r.writeHead(200, { 'content-type': 'application/json' }).end(this.edgeNotice) : r.writeHead(404).end();
    if (this.mode === 'frozen') return undefined;
    if (this.mode === '503') return r.writeHead(503, this.headers).end('no');
    const why = { sorry: 'all-out', paused: 'paused', busy: 'overloaded' }[this.mode];
    if (why) return r.writeHead(503, { 'stillhere-why': why, ...this.headers }).end();
    if (q.headers['stillhere-probe'] && this.back !== undefined) return r.writeHead(204, { 'stillhere-return': this.back }).end();
    if (q.url === '/api') return r.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    r.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...this.headers }).end(`<!doctype html><html lang="${this.lang ?? 'en'}"><meta charset=utf-8><meta name=viewport content="width=device-width"><title>Shop</title><style>body{font:16px system-ui;margin:2rem}</style>${this.head}<body>${this.body}`);
  }
  async client(file, r) {
    const text = this.files?.[file] ?? await readFile(path.join(DIST, file));
    return r.writeHead(200, { 'content-type': file.endsWith('.js') ? 'text/javascript; charset=utf-8' : 'application/json', 'access-control-allow-origin': '*', ...file.startsWith('sw') && { 'service-worker-allowed': '/' } }).end(text);
  }
  /** The tag for its pages. */
  tag(mirrors, signer, more = '') {
    this.head = `<script async src="/.well-known/stillhere/client.js" data-edge="${this.edgeNotice !== undefined}" data-mirrors="${mirrors.map(m => m.url).join(' ')}" ${signer ? `data-key="${signer.hex}"` : ''} ${more}></script>`;
  }
}

/** Serves the notice from elsewhere. */
export class Mirror extends Server {
  text = '';
  status = 200;
  cors = true;
  frozen = false;
  get url() { return `${this.origin}/notice`; }
  says(signer, payload) { this.text = signer.envelope(payload); return this; }
  answer(q, r) {
    if (this.frozen) return undefined;
    return r.writeHead(this.status, { 'content-type': 'application/json', ...this.cors && { 'access-control-allow-origin': '*' } }).end(this.text);
  }
}

/** What the page shows. */
export const shown = page => page.evaluate(() => {
  const root = document.querySelector('stillhere-status')?.shadowRoot, text = s => root?.querySelector(s)?.textContent.replace(/[\u2066-\u2069]/g, '') ?? '';
  return { state: window.stillhere?.state().name, tone: root?.querySelector('section')?.className, title: text('.t'), lead: text('[part=lead]'), lines: [...root?.querySelectorAll('li') ?? []].map(l => l.textContent.replace(/[\u2066-\u2069]/g, '')) };
});
export const names = (page, name, deadline) => until(`the state ${name}`, async () => (await shown(page)).state === name, deadline);

// A real edge (`crates/edge/examples/front.rs`) with an origin that can be killed and a link that can be cut.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking } from '../../../test/until.mjs';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const BIN = process.env.STILLHERE_FRONT ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'debug/examples/front');
const DEADLINE_MS = 30_000;
const children = new Set();
/** Edges that have taken over from a child. */
const heirs = new Set();
const end = pid => { try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended by itself */ } };
process.on('exit', () => { children.forEach(c => c.kill('SIGKILL')); heirs.forEach(end); });

export const until = asking(20, DEADLINE_MS);

export const freePort = () => new Promise(resolve => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
});

/** An edge in front of origins; it can be killed (`kill -9`) and brought back at the same address with the same folder. */
export class Edge {
  /** Nodes by their address; an object is more of `[edge]`. */
  static async up(...nodes) {
    if (!existsSync(BIN)) execFileSync('cargo', ['build', '-q', '-p', 'stillhere-edge', '--example', 'front'], { cwd: ROOT, stdio: 'inherit' });
    const it = new Edge();
    const more = Object.assign({}, ...nodes.filter(n => typeof n === 'object'));
    Object.assign(it, { more, nodes: nodes.filter(n => typeof n === 'string'), port: await freePort(), dir: await mkdtemp(path.join(os.tmpdir(), 'stillhere-client-')) });
    it.origin = `http://127.0.0.1:${it.port}`;
    await it.start();
    return it;
  }
  async start() {
    const limits = { connections: 5000, connections_per_address: 5000, connections_per_network: 5000, by_address: "off" };
    this.child = spawn(BIN, [`127.0.0.1:${this.port}`, this.dir, ...this.nodes, '--with', JSON.stringify({ ...this.more, limits })], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.add(this.child);
    this.ended = new Promise(resolve => this.child.once('exit', resolve));
    this.said = '';
    this.child.stdout.setEncoding('utf8').on('data', text => { this.said += text; });
    await until('the edge answers', async () => (await fetch(`${this.origin}/.well-known/stillhere/ping`)).ok);
  }
  /** Whoever serves now: each process says its address and id once. */
  pids() { return this.said.trim().split('\n').filter(l => /^\S+ \d+$/.test(l)).map(l => Number(l.split(' ')[1])); }
  /** Another process takes over; this one ends by itself when nothing is left to it. */
  async upgrade() {
    const before = this.pids().length;
    process.kill(this.pids().at(-1), 'SIGUSR2');
    await until('another process serves', () => this.pids().length > before);
    heirs.add(this.pids().at(-1));
  }
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
    children.delete(this.child);
    for (const pid of this.pids().filter(p => heirs.delete(p))) end(pid);
  }
  async down() { await this.kill(); await rm(this.dir, { recursive: true, force: true }); }
}

/** An HTTP origin at a fixed address; `attach` may add a WebSocket server to each life of it. */
export class Origin {
  static async up(answer = (q, r) => r.end('ok'), attach = () => {}) {
    const it = new Origin();
    Object.assign(it, { port: await freePort(), answer, attach });
    it.at = `http://127.0.0.1:${it.port}`;
    await it.start();
    return it;
  }
  start() {
    this.sockets = new Set();
    this.server = http.createServer((q, r) => this.answer(q, r));
    this.server.on('connection', s => { this.sockets.add(s); s.on('close', () => this.sockets.delete(s)).on('error', () => {}); });
    this.attach(this.server);
    return new Promise(resolve => this.server.listen(this.port, '127.0.0.1', resolve));
  }
  kill() {
    for (const s of this.sockets) s.resetAndDestroy();
    return new Promise(resolve => { this.server.close(resolve); this.server.closeAllConnections(); });
  }
}

/** A link whose connections can be reset, frozen (open and silent, which is what people forget) or let through. `lives` says for how many ms. */
export class Link {
  static async to(port) {
    const it = new Link();
    Object.assign(it, { pairs: new Set(), cuts: 0, refuse: false });
    it.server = net.createServer(a => {
      if (it.refuse) return a.resetAndDestroy();
      const b = net.connect(port, '127.0.0.1');
      const pair = { a, b, frozen: false, end: () => { it.pairs.delete(pair); a.destroy(); b.destroy(); } };
      it.pairs.add(pair);
      if (it.lives) setTimeout(() => it.pairs.has(pair) && it.cut(pair), it.lives());
      for (const [from, to] of [[a, b], [b, a]]) {
        from.setNoDelay(true);
        from.on('data', d => { if (!pair.frozen) to.write(d); }).on('close', pair.end).on('error', pair.end);
      }
    });
    await new Promise(resolve => it.server.listen(0, '127.0.0.1', resolve));
    it.port = it.server.address().port;
    it.origin = `http://127.0.0.1:${it.port}`;
    return it;
  }
  cut(pair) { this.cuts += 1; this.pairs.delete(pair); pair.a.resetAndDestroy(); pair.b.resetAndDestroy(); }
  cutAll() { for (const pair of [...this.pairs]) this.cut(pair); }
  freezeAll() { for (const pair of this.pairs) { this.cuts += 1; pair.frozen = true; } }
  down() { for (const pair of [...this.pairs]) pair.end(); return new Promise(resolve => this.server.close(resolve)); }
}

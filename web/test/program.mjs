// What the tests of the status page and of the console have in common: the real program, and real HTTP targets on free loopback ports.
//
// Nothing here sleeps for an effect: `until` asks again until it is there, and gives up at its deadline.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking } from './until.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target');
export const BIN = process.env.STILLHERE_BIN ?? path.join(TARGET, 'debug', 'stillhere');
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** How often `until` asks. */
const POLL_MS = 50;
/** How long anything that must come may take on a busy machine. */
export const DEADLINE_MS = 30_000;

/** What must not outlive this process, whatever happens to it. */
const children = new Set();
process.on('exit', () => children.forEach(c => c.kill('SIGKILL')));

export const until = asking(POLL_MS, DEADLINE_MS);

export function freePort() {
  return new Promise((resolve, reject) => {
    const s = net.createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

/** A website that is watched. It can be killed and brought back at the same address. */
export class Target {
  constructor(port, answer) { this.port = port; this.url = `http://127.0.0.1:${port}/`; this.answer = answer; }
  static async start(answer = (q, r) => r.end('ok'), port) { const t = new Target(port ?? await freePort(), answer); await t.up(); return t; }
  up() {
    return new Promise((resolve, reject) => {
      this.server = http.createServer(this.answer).once('error', reject).listen(this.port, '127.0.0.1', resolve);
    });
  }
  kill() {
    return new Promise(resolve => { this.server.close(resolve); this.server.closeAllConnections(); });
  }
}

/** A running Stillhere with a data folder of its own. */
export class Stillhere {
  /** `env`: variables that the program has besides ours. */
  static async up(toml, env = {}) {
    const it = new this();
    it.env = { ...process.env, ...env };
    it.dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-web-'));
    it.port = await freePort();
    it.origin = `http://127.0.0.1:${it.port}`;
    await writeFile(path.join(it.dir, 'stillhere.toml'), toml);
    await it.start();
    return it;
  }
  async start() {
    this.said = '';
    const child = spawn(BIN, ['up', '--listen', `127.0.0.1:${this.port}`], { cwd: this.dir, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    children.add(child);
    this.ended = new Promise(resolve => child.once('exit', code => { children.delete(child); this.over = true; resolve(code); }));
    this.over = false;
    child.once('error', e => { this.over = true; this.said += e; });
    for (const s of [child.stdout, child.stderr]) s.on('data', d => { this.said += d; });
    await until('the page answers', async () => {
      if (this.over) throw new Error(`stillhere ended:\n${this.said}`);
      return (await fetch(`${this.origin}/healthz`)).ok;
    });
  }
  /** `kill -9`: no goodbye to anybody. */
  async kill() { this.child.kill('SIGKILL'); await this.ended; }
  async down() {
    if (!this.over) { this.child.kill('SIGTERM'); await this.ended; }
    await rm(this.dir, { recursive: true, force: true });
  }
  cli(...args) {
    return new Promise((resolve, reject) => execFile(BIN, args, { cwd: this.dir }, (e, out, err) =>
      e ? reject(new Error(`stillhere ${args.join(' ').slice(0, 200)}: ${err || e.message}`)) : resolve(out)));
  }
  async json(path) {
    const answer = await fetch(this.origin + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }
  /** Waits until each named service has this status. */
  statuses(want) {
    return until(JSON.stringify(want), async () => {
      const have = Object.fromEntries((await this.json('/api/v1/services')).services.map(s => [s.id, s.status]));
      for (const [id, status] of Object.entries(want)) {
        if (have[id] !== status) throw new Error(`${id} is ${have[id]}\n${this.said.slice(-2000)}`);
      }
      return true;
    });
  }
}

export const service = (id, en, zh, target, more = '') => `
[[service]]
id = "${id}"
name = { en = "${en}", zh-CN = "${zh}" }
url = "${target.url}"
${more}`;

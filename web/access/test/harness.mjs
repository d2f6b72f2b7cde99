// The real program with a data folder of its own, and a real browser.
import { chromium } from 'playwright-core';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { asking } from '../../test/until.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target');
const BIN = process.env.STILLHERE_BIN ?? path.join(TARGET, 'debug', 'stillhere');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** How long anything that must come may take on a busy machine. */
const DEADLINE_MS = 60_000;
const POLL_MS = 50;

/** What must not outlive this process, whatever happens to it. */
const children = new Set();
process.on('exit', () => children.forEach(c => c.kill('SIGKILL')));

export const until = asking(POLL_MS, DEADLINE_MS);
export const browser = () => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });

export const freePort = () => new Promise((resolve, reject) => {
  const s = net.createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => resolve(port));
  });
});

export class Stillhere {
  /** `more` makes the rest of the file from where this one is reached. */
  static async up(more = () => '') {
    const it = new Stillhere();
    it.dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-access-'));
    it.port = await freePort();
    // A passkey belongs to a name; an address has none.
    it.origin = `http://localhost:${it.port}`;
    await writeFile(path.join(it.dir, 'stillhere.toml'), '');
    await it.configure(more(it.origin));
    const child = spawn(BIN, ['up', '--listen', `127.0.0.1:${it.port}`], { cwd: it.dir, stdio: ['ignore', 'ignore', 'inherit'] });
    it.child = child;
    children.add(child);
    it.ended = new Promise(resolve => child.once('exit', () => { children.delete(child); resolve(); }));
    await until('the page answers', async () => (await fetch(`${it.origin}/healthz`)).ok);
    return it;
  }
  configure(more) {
    return writeFile(path.join(this.dir, 'stillhere.toml'), `${more}\n[[service]]\nid = "shop"\n`);
  }
  async down() {
    this.child.kill('SIGINT');
    await this.ended;
    await rm(this.dir, { recursive: true, force: true });
  }
  /** Standard output of another command in the same folder. */
  async cli(...args) {
    return (await promisify(execFile)(BIN, args, { cwd: this.dir })).stdout;
  }
  /** Somebody at another browser. */
  async logIn(name, password) {
    const headers = { 'content-type': 'application/json', origin: this.origin };
    const begun = await fetch(`${this.origin}/api/v1/session`, { method: 'POST', headers, body: JSON.stringify({ name, password }) });
    if (!begun.ok) throw new Error(`${name}: ${begun.status}`);
    const cookie = begun.headers.getSetCookie().map(c => c.split(';')[0]).join('; ');
    return { status: async () => (await fetch(`${this.origin}/api/v1/session`, { headers: { cookie } })).status };
  }
}

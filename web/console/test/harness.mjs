// What the tests have in common: the real program, real HTTP targets on free loopback ports, a real browser, a person who signs in.
//
// Nothing here sleeps for an effect: `until` asks again until it is there, and gives up at its deadline.
import { chromium } from 'playwright-core';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking } from '../../test/until.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target');
export const BIN = process.env.STILLHERE_BIN ?? path.join(TARGET, 'debug', 'stillhere');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** How long anything that must come may take on a busy machine. */
const DEADLINE_MS = 30_000;
const POLL_MS = 50;

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
  constructor(port) { this.port = port; this.url = `http://127.0.0.1:${port}/`; }
  static async start() { const t = new Target(await freePort()); await t.up(); return t; }
  up() {
    return new Promise((resolve, reject) => {
      this.server = http.createServer((q, r) => r.end('ok')).once('error', reject).listen(this.port, '127.0.0.1', resolve);
    });
  }
  kill() {
    return new Promise(resolve => { this.server.close(resolve); this.server.closeAllConnections(); });
  }
}

/** A running Stillhere with a data folder of its own. */
export class Stillhere {
  static async up(toml) {
    const it = new Stillhere();
    it.dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-console-'));
    it.port = await freePort();
    it.origin = `http://127.0.0.1:${it.port}`;
    await writeFile(path.join(it.dir, 'stillhere.toml'), toml);
    await it.start();
    return it;
  }
  async start() {
    this.said = '';
    const child = spawn(BIN, ['up', '--listen', `127.0.0.1:${this.port}`], { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
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
  /** What visitors read. */
  async page(path = '/', lang = 'en') { return (await fetch(`${this.origin}${path}?lang=${lang}`)).text(); }
  statuses(want) {
    return until(JSON.stringify(want), async () => {
      const have = Object.fromEntries((await this.json('/api/v1/services')).services.map(s => [s.id, s.status]));
      for (const [id, status] of Object.entries(want)) {
        if (have[id] !== status) throw new Error(`${id} is ${have[id]}\n${this.said.slice(-2000)}`);
      }
      return true;
    });
  }
  incident() {
    return until('an open incident', async () => (await this.json('/api/v1/incidents')).incidents.find(i => !i.resolved_at));
  }
}

export const HEAD = `
[site]
name = { en = "Lantern Shop", zh-CN = "灯笼商店" }
languages = ["en", "zh-CN"]
time_zone = "Asia/Shanghai"

[respond]
verify = "1s"

[defaults]
interval = "1s"
`;

export const service = (id, en, zh, target, more = '') => `
[[service]]
id = "${id}"
name = { en = "${en}", zh-CN = "${zh}" }
url = "${target.url}"
${more}`;

export const browser = () => chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--no-proxy-server', '--disable-background-networking', '--disable-component-update'],
});

export const PHONE = { width: 375, height: 720 };
export const DESKTOP = { width: 1280, height: 850 };

/** Opens a page in a context of its own; `wrong` collects everything that a page must never do. */
export async function visit(chrome, url, { lang = 'en', cookies = [], ...options } = {}) {
  const context = await chrome.newContext({ locale: lang, timezoneId: 'Asia/Shanghai', viewport: DESKTOP, ...options });
  await context.addCookies(cookies);
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', e => wrong.push(`error: ${e.message}`));
  page.on('request', r => { if (!r.url().startsWith(new URL(url).origin)) wrong.push(`request: ${r.url()}`); });
  page.on('dialog', d => { wrong.push(`dialog: ${d.message()}`); void d.dismiss(); });
  await page.exposeFunction('violated', what => wrong.push(`policy: ${what}`));
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', e => window.violated(`${e.violatedDirective} ${e.blockedURI}`)));
  await page.goto(url);
  return { page, context, wrong, close: () => context.close() };
}

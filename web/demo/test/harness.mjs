// The real demo and a real browser. Nothing here sleeps for an effect: `until` asks again until it is there.
import { spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { asking } from '../../test/until.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BIN = process.env.STILLHERE_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'debug', 'stillhere');
/** How long anything that must come may take on a busy machine. */
const DEADLINE_MS = 60_000;
const POLL_MS = 50;
export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 860 } };

/** What must not outlive this process, whatever happens to it. */
const children = new Set();
process.on('exit', () => children.forEach(c => c.kill('SIGKILL')));

export const until = asking(POLL_MS, DEADLINE_MS);

const isFree = port => new Promise(resolve => {
  const s = net.createServer().once('error', () => resolve(0)).listen(port, '127.0.0.1', () => {
    const found = s.address().port;
    s.close(() => resolve(found));
  });
});

/** Three in a row. */
async function ports() {
  for (;;) {
    const first = await isFree(0);
    if (first < 65_000 && await isFree(first + 1) && await isFree(first + 2)) return first;
  }
}

export class Demo {
  static async up() {
    const it = new Demo();
    const port = await ports();
    [it.status, it.control, it.shop] = [0, 1, 2].map(n => `http://127.0.0.1:${port + n}`);
    const child = spawn(BIN, ['demo', '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    it.child = child;
    let said = '';
    child.stdout.on('data', data => { said += data; });
    await until('the demo is open', () => said.includes('Stop with Ctrl-C'));
    // The crowd is for the other page; here every order is one of ours.
    await it.press('/crowd/off');
    return it;
  }
  async down() {
    const gone = new Promise(resolve => this.child.once('exit', resolve));
    this.child.kill('SIGINT');
    await gone;
    children.delete(this.child);
  }
  async press(what) {
    const answer = await fetch(this.control + what, { method: 'POST', headers: { origin: this.control } });
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
  }
  async killBoth() {
    await Promise.all(['/part/node-a/killed', '/part/node-b/killed'].map(what => this.press(what)));
  }
  mend() { return this.press('/mend'); }
  /** Orders in the books: the row of each, as the accountant reads it. */
  async books() {
    const page = await (await fetch(this.control)).text();
    const table = page.slice(page.indexOf('id=ledger'), page.indexOf('</table>'));
    return [...table.matchAll(/<tr><td>(\d+)<td>.*?<td>(\w)<td>(\d+)<td[^>]*>(\d+)/g)].map(([, number, node, asked, done]) => ({ number: +number, node, asked: +asked, done: +done }));
  }
}

export const browser = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/** A visitor of their own, with everything that the page complained of. */
export async function visitor(chrome, options = {}) {
  const context = await chrome.newContext({ viewport: SIZES.desktop, locale: 'en', ...options });
  const page = await context.newPage();
  page.troubles = [];
  page.on('pageerror', e => page.troubles.push(String(e)));
  page.on('console', m => { if (/Content Security Policy|stillhere:/.test(m.text())) page.troubles.push(m.text()); });
  return page;
}

/** What the banner says, all of it. */
export const banner = page => page.evaluate(() => {
  const parts = document.querySelector('stillhere-status')?.shadowRoot?.querySelector('[part~=banner]');
  return parts && !parts.hidden ? parts.innerText : '';
});

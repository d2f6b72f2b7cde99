// Chromium, Firefox and WebKitGTK, as Debian has them, behind three calls: `goto`, `evaluate`, `close`. Each page is in a browser
// profile of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { existsSync } from 'node:fs';
import { asking } from '../../web/test/until.mjs';
import { browser } from '../../web/client/test/world.mjs';

const until = asking(50, 30_000);
const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const MINI = ['4.1', '6.0', '4.0'].map(v => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${v}/MiniBrowser`);
/** A driver that has said nothing for so long hangs; its longest wait is 30 s. */
const SILENT_MS = 60_000;
const children = new Set();
process.on('exit', () => children.forEach(c => c.kill('SIGKILL')));

const freePort = async () => {
  const s = net.createServer().listen(0, '127.0.0.1');
  await once(s, 'listening');
  const { port } = s.address();
  s.close();
  return port;
};

async function chromium() {
  const it = await browser();
  return {
    version: `Chromium ${it.version()}`,
    async open() {
      const context = await it.newContext({ locale: 'en-GB' }), page = await context.newPage();
      return { goto: (url, o) => page.goto(url, o), evaluate: (...a) => page.evaluate(...a), close: () => context.close() };
    },
    close: () => it.close(),
  };
}

async function firefox() {
  const { default: puppeteer } = await import('puppeteer-core');
  const it = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, extraPrefsFirefox: { 'intl.accept_languages': 'en-GB, en', 'network.captive-portal-service.enabled': false } });
  return {
    version: (await it.version()).replace('/', ' '),
    async open() {
      const context = await it.createBrowserContext(), page = await context.newPage();
      return { goto: (url, o) => page.goto(url, { waitUntil: 'domcontentloaded', ...o }), evaluate: (...a) => page.evaluate(...a), close: () => context.close() };
    },
    close: () => it.close(),
  };
}

/** WebKitGTK's own driver speaks W3C WebDriver. One session is one browser, with nothing of another. */
async function webkit() {
  const display = await new Promise((found, no) => {
    const x = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    children.add(x);
    x.once('error', no);
    x.stdio[3].once('data', d => found({ x, name: `:${String(d).trim()}` }));
  });
  const port = await freePort();
  const driver = spawn('WebKitWebDriver', ['-p', String(port)], { stdio: 'ignore', env: { ...process.env, DISPLAY: display.name, LANGUAGE: 'en_GB', LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' } });
  children.add(driver);
  const ask = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal: AbortSignal.timeout(SILENT_MS), ...body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${value?.error}: ${value?.message}`);
    return value;
  };
  await until('the driver of WebKit answers', async () => (await ask('GET', '/status')).ready !== undefined);
  const binary = MINI.find(existsSync);
  const session = () => ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: ['--automation'] }, pageLoadStrategy: 'eager', timeouts: { pageLoad: 30_000, script: 30_000 } } } });
  const first = await session();
  await ask('DELETE', `/session/${first.sessionId}`);
  return {
    version: `WebKitGTK ${first.capabilities.browserVersion}`,
    async open() {
      const { sessionId } = await session(), path = `/session/${sessionId}`;
      return {
        goto: url => ask('POST', `${path}/url`, { url }),
        evaluate: async (f, ...args) => {
          const said = await ask('POST', `${path}/execute/async`, {
            script: `const done = arguments[arguments.length - 1], args = arguments[0]; Promise.resolve().then(() => (${f})(...args)).then(v => done({ v }), e => done({ e: String(e) }));`, args: [args],
          });
          if (said.e) throw new Error(said.e);
          return said.v ?? undefined;
        },
        close: () => ask('DELETE', path),
      };
    },
    close: async () => { driver.kill(); display.x.kill(); },
  };
}

export const ENGINES = { chromium, firefox, webkit };

// What the tests have in common: the real program and a real browser.
import { chromium } from 'playwright-core';
import http from 'node:http';
import { CHROMIUM, DEADLINE_MS, Stillhere as Program } from '../../test/program.mjs';

export { service, Target, until } from '../../test/program.mjs';

export class Stillhere extends Program {
  /** Length in bytes of what goes over the wire to a browser. */
  wireLength(path) {
    return new Promise((resolve, reject) => http.get(this.origin + path, { headers: { 'accept-encoding': 'gzip' } }, r => {
      let n = 0;
      r.on('data', d => { n += d.length; }).on('end', () => resolve({ bytes: n, encoding: r.headers['content-encoding'] }));
    }).on('error', reject));
  }
}

/** The head of a configuration: two languages, a person to talk to, quick to call things over. */
export const HEAD = `
[site]
name = { en = "Lantern Shop", zh-CN = "灯笼商店" }
languages = ["en", "zh-CN"]
time_zone = "Asia/Shanghai"
contact = { phone = "+86 21 5555 0100", chat_url = "https://lantern.example/chat", email = "help@lantern.example", hours = { en = "every day, 8 to 22", zh-CN = "每天 8–22 点" } }

[respond]
verify = "1s"

[defaults]
interval = "1s"
`;

export const browser = () => chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** Opens a page and keeps a list of everything about it that must not happen. */
export async function visit(chrome, url, options = {}) {
  const context = await chrome.newContext({ locale: 'en', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const wrong = [];
  const origin = new URL(url).origin;
  page.on('console', m => ['error', 'warning'].includes(m.type()) && wrong.push(`console: ${m.text()}`));
  page.on('pageerror', e => wrong.push(`script: ${e}`));
  page.on('request', r => new URL(r.url()).origin === origin || r.url().startsWith('data:') || wrong.push(`loads ${r.url()}`));
  if (options.javaScriptEnabled !== false) {
    await page.exposeFunction('violated', what => { wrong.push(`policy: ${what}`); });
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation', e => window.violated(`${e.violatedDirective} ${e.blockedURI}`)));
  }
  if (options.clock) await page.clock.install();
  await page.goto(url);
  return { page, wrong, close: () => context.close() };
}

/** Waits until the page's live stream has spoken. */
export const live = page => page.waitForFunction(() => /\d/.test(document.querySelector('#checked')?.textContent)
  && document.querySelector('#checked').textContent.startsWith(document.querySelector('#checked').dataset.w.split('%')[0]));

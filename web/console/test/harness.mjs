// What the tests have in common: the real program, a real browser, a person who signs in.
import { chromium } from 'playwright-core';
import http from 'node:http';
import { CHROMIUM, DEADLINE_MS, Stillhere as Program, until } from '../../test/program.mjs';

export { service, Target, until } from '../../test/program.mjs';

/** Whom a channel tells: it answers each message with `status`, which can be changed, and keeps the last one. */
export class Hook {
  constructor(status) { this.status = status; this.got = 0; }
  static async start(status) {
    const h = new Hook(status);
    await new Promise((resolve, reject) => {
      h.server = http.createServer((q, r) => { let body = ''; q.setEncoding('utf8').on('data', d => { body += d; }).on('end', () => { Object.assign(h, { got: h.got + 1, path: q.url, body }); r.statusCode = h.status; r.end('nobody lives here'); }); })
        .once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return h;
  }
  channel(name) {
    return `\n[[channel]]\nname = "${name}"\nkind = "webhook"\naudience = ["public"]\nurl = "http://127.0.0.1:${this.server.address().port}/"\n`;
  }
  kill() {
    return new Promise(resolve => { this.server.close(resolve); this.server.closeAllConnections(); });
  }
}

export class Stillhere extends Program {
  /** What visitors read. */
  async page(path = '/', lang = 'en') { return (await fetch(`${this.origin}${path}?lang=${lang}`)).text(); }
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

export const browser = () => chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--no-proxy-server', '--disable-background-networking', '--disable-component-update'],
});

export const PHONE = { width: 375, height: 720 };
export const DESKTOP = { width: 1280, height: 850 };

/** Opens a page in a context of its own; `wrong` collects everything that a page must never do. */
export async function visit(chrome, url, { lang = 'en', cookies = [], ...options } = {}) {
  // What goes through a worker cannot be held up by a test; `pwa.test.mjs` lets it.
  const context = await chrome.newContext({ serviceWorkers: 'block', locale: lang, timezoneId: 'Asia/Shanghai', viewport: DESKTOP, ...options });
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

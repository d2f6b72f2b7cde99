// "Tell me when it is over": one tap, in a real browser. Only what Chromium asks its own push service for (an address) is put in its place, and
// what that service would deliver is handed to the browser by its own debugging protocol.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { Mirror, Origin, Signer, both, browser, incident, names, notice, until } from './world.mjs';

const KEY = 'B'.repeat(87);
const SIZES = { phone: { width: 375, height: 812 }, desktop: { width: 1280, height: 900 } };
let chrome, context, origin, mirror, signer, page, site;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
afterEach(async () => {
  await context?.close();
  for (const s of [origin, mirror, site]) s?.stop();
});

/** The status site, as far as it takes down who is to be told. */
class Site {
  asked = [];
  status = 202;
  async listen() {
    this.server = http.createServer((q, r) => {
      let body = '';
      q.on('data', d => { body += d; }).on('end', () => {
        this.asked.push({ url: q.url, headers: q.headers, fields: Object.fromEntries(new URLSearchParams(body)) });
        r.writeHead(this.status, { 'access-control-allow-origin': '*' }).end();
      });
    });
    await new Promise(done => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}/subscribe/once`;
    return this;
  }
  stop() { this.server.closeAllConnections(); this.server.close(); }
}

const trouble = (more = {}) => notice('major', { incidents: [incident()], services: [{ id: 'checkout', name: both('Checkout', '结账'), status: 'major_outage' }], ...more });
const offer = () => ({ push: { key: KEY, url: site.url } });
async function open({ worker = true, lang = 'en', permissions = ['notifications'], options = {}, says = {} } = {}) {
  signer = new Signer();
  site = await new Site().listen();
  origin = Object.assign(await new Origin().listen(), { lang });
  mirror = await new Mirror().listen();
  mirror.says(signer, notice('operational', { ...offer(), ...says }));
  origin.tag([mirror], signer, `data-site="Lantern" data-service="checkout" ${worker ? 'data-worker' : ''}`);
  context = await chrome.newContext({ locale: 'en-GB', permissions, ...options });
  page = await context.newPage();
  await page.addInitScript(() => {
    const subscription = { endpoint: 'https://push.example/p/1', toJSON: () => ({ endpoint: 'https://push.example/p/1', keys: { p256dh: 'P', auth: 'A' } }), unsubscribe: async () => { window.ended = true; return true; } };
    PushManager.prototype.subscribe = async options => {
      if (!options.userVisibleOnly) throw new TypeError('as browsers ask for');
      window.bound = options.applicationServerKey;
      return subscription;
    };
  });
  await page.goto(origin.origin);
  if (worker) await until('an active worker', () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/'))?.active?.state === 'activated'));
  await page.waitForFunction(() => JSON.parse(localStorage.stillhere ?? '{}').held);
  // All of it: an origin that dies in the middle is asked again, when it is back.
  await page.waitForFunction(() => performance.getEntriesByType('resource').some(e => e.name.endsWith('/tell.js') && e.responseEnd > 0));
}
/** The origin dies, and the notice says so. */
async function out(says = trouble(offer())) {
  mirror.says(signer, says);
  await origin.kill();
  await page.evaluate(() => fetch('/api').catch(() => {}));
  await names(page, 'down');
}
async function back() {
  mirror.says(signer, notice('operational', offer()));
  await origin.up();
  await page.evaluate(() => window.stillhere.diagnose());
  await names(page, 'ok');
}
const button = () => page.getByRole('button', { name: 'Tell me when it is over' });
const answer = () => page.locator('stillhere-status [part=tell] [role=status]').textContent();

test('one tap: the status site is told where, and the worker shows the one message', async () => {
  await open();
  assert.equal(await button().count(), 0, 'while all is well there is nothing to tell');
  await out();
  await button().click();
  await until('it is said', async () => await answer() === 'We will send this browser a notification when it is over. You may close this page.');
  assert.equal(await button().count(), 0);
  const [{ fields, headers }] = site.asked;
  assert.deepEqual(fields, { incident: 'i1', lang: 'en', endpoint: 'https://push.example/p/1', p256dh: 'P', auth: 'A' });
  assert.deepEqual([headers.cookie, headers.referer, await page.evaluate(() => window.bound)], [undefined, undefined, KEY]);

  const cdp = await context.newCDPSession(page);
  let registrationId;
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => { registrationId = registrations.find(r => !r.isDeleted)?.registrationId ?? registrationId; });
  await cdp.send('ServiceWorker.enable');
  await until('the worker is known', () => registrationId);
  const deliver = message => cdp.send('ServiceWorker.deliverPushMessage', { origin: origin.origin, registrationId, data: JSON.stringify(message) });
  const shown = () => page.evaluate(async () => (await (await navigator.serviceWorker.getRegistration('/')).getNotifications()).map(n => [n.title, n.body, n.lang, n.tag]));
  // What is somebody else's is left alone.
  await deliver({ title: 'Sale', body: 'Buy', tag: 'sale' });
  await deliver({ stillhere: 'over', title: 'Resolved: Payments are down', body: 'It works again.', lang: 'en', tag: 'i1' });
  assert.deepEqual(await until('the notification', async () => { const all = await shown(); return all.length && all; }), [['Resolved: Payments are down', 'It works again.', 'en', 'i1']]);
  await back();
  await until('nothing is left of it', () => page.evaluate(() => sessionStorage.getItem('stillhere.told') === null));
  assert.equal(await page.locator('stillhere-status [part=tell]').count(), 0);
});

for (const [what, given, status] of [
  ['the browser does not allow it', { permissions: [] }, 202],
  ['there is no worker', { worker: false }, 202],
  ['the status site has no room', {}, 503],
  ['the status site is away', {}, 0],
]) test(`else this tab tells: ${what}`, async () => {
  await open(given);
  if (status) site.status = status;
  else site.stop();
  await out();
  await button().click();
  await until('it is said', async () => await answer() === 'This tab will tell you. Please leave it open.');
  if (given.permissions || given.worker === false) assert.equal(site.asked.length, 0);
  else assert.equal(await page.evaluate(() => window.ended), true, 'an address that nobody has is ended');
  // Hidden, nobody asks it for anything: it has to see by itself that it is over, and its title tells.
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  mirror.says(signer, notice('operational', offer()));
  await origin.up();
  await until('the title', async () => /^✓ (Checkout|Lantern) is back$/.test(await page.title()));
  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await until('its own title again', async () => await page.title() === 'Shop');
});

test('what was promised for one outage is not said in the next', async () => {
  await open();
  await out();
  await button().click();
  await until('it is said', async () => /^We will send/.test(await answer()));
  // It is over while the page is closed, so to speak: nobody has told it.
  await page.goto('about:blank');
  mirror.says(signer, notice('operational', offer()));
  await origin.up();
  await page.goto(origin.origin);
  await page.waitForFunction(() => performance.getEntriesByType('resource').some(e => e.name.endsWith('/tell.js') && e.responseEnd > 0));
  assert.match(await page.evaluate(() => sessionStorage.getItem('stillhere.told')), /i1/);
  await out(trouble({ ...offer(), incidents: [incident({ id: 'i2' })] }));
  await button().waitFor();
  assert.equal(await answer(), '');
});

test('without an offer in the notice, or without an incident of this page, this tab tells', async () => {
  await open({ says: { push: null } });
  await out(trouble({ push: null }));
  await button().click();
  await until('it is said', async () => await answer() === 'This tab will tell you. Please leave it open.');
  assert.equal(site.asked.length, 0);
});

test('axe finds nothing on it, and it fits', async () => {
  for (const colorScheme of ['light', 'dark']) for (const [size, viewport] of Object.entries(SIZES)) for (const lang of ['en', 'zh-CN']) {
    await open({ lang, options: { colorScheme, viewport, locale: lang } });
    await out();
    const tell = page.locator('stillhere-status [part=tell] button');
    await tell.waitFor();
    await until('its language', async () => /恢复/.test(await tell.textContent()) === (lang === 'zh-CN'));
    const look = async name => {
      await page.waitForTimeout(300);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 160)).join('\n')}`), [], `${name} ${lang} on a ${colorScheme} ${size}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} scrolls sideways`);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/tell-${name}-${lang}-${size}-${colorScheme}.png` });
    };
    await look('ask');
    await tell.click();
    await until('it is said', async () => await answer());
    await look('told');
    await context.close();
    for (const s of [origin, mirror, site]) s.stop();
  }
});

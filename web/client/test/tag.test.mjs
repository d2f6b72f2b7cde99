// What the one tag loads, and when: the banner at once, the outbox where something is to be kept, and both in spite of a bad moment.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Mirror, Origin, Signer, browser, notice, shown, until } from './world.mjs';

let chrome, context, origin, mirror, signer, page;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
afterEach(async () => {
  await context?.close();
  for (const s of [origin, mirror]) s.stop();
});

async function open({ more = '', prepare } = {}) {
  signer = new Signer();
  origin = await new Origin().listen();
  mirror = await new Mirror().listen();
  mirror.says(signer, notice());
  origin.tag([mirror], signer, more);
  origin.orders = [];
  const was = origin.answer.bind(origin);
  origin.answer = (q, r) => {
    if (q.method !== 'POST') return was(q, r);
    let body = '';
    q.on('data', d => { body += d; }).on('end', () => { origin.orders.push({ body, key: q.headers['idempotency-key'] }); r.writeHead(201).end('{}'); });
  };
  prepare?.();
  context = await chrome.newContext({ locale: 'en-GB' });
  page = await context.newPage();
  await page.goto(origin.origin);
  return page;
}
const loaded = file => origin.asked.some(q => q.url.startsWith(`/.well-known/stillhere/${file}`));
const FORM = '<main><h1>A shop</h1><form method=post action=/order data-stillhere="Your order"><input name=item value=lamp aria-label=Item><button>Order</button></form></main>';

test('a page that keeps nothing loads no outbox and no worker', async () => {
  await open();
  await until('the banner', () => page.evaluate(() => !!document.querySelector('stillhere-status')?.shadowRoot));
  await until('a first poll', () => mirror.asked.length);
  assert.deepEqual(['kept.js', 'sw.js', 'away.js'].filter(loaded), []);
});

test('a guarded form needs only the tag: it is sent once, and the banner\'s words tell of it', async () => {
  await open({ prepare: () => { origin.body = FORM; } });
  await until('the guard', () => page.evaluate(() => !!document.querySelector('[data-stillhere-status]')));
  await page.evaluate(() => { window.settled = new Promise(done => document.addEventListener('stillhere:settled', e => done(e.detail.state))); });
  await page.click('button');
  assert.equal(await page.evaluate(() => window.settled), 'done');
  assert.match((await page.locator('[data-stillhere-status]').textContent()).replace(/[\u2066-\u2069]/g, ''), /^Your order: received at \d\d:\d\d\.$/);
  assert.equal(origin.orders.length, 1);
  assert.ok(origin.orders[0].key);
});

test('send() fetches the outbox when it is called, and what a closed tab left goes out from a page without any form', async () => {
  await open();
  await until('the client', () => page.evaluate(() => !!window.stillhere?.send));
  await page.evaluate(() => window.stillhere.actions());
  await context.setOffline(true);
  const state = await page.evaluate(() => window.stillhere.send('/api/order', { body: 'item=lamp', label: 'Your order' }).then(s => s.state));
  assert.equal(state, 'saved');
  const next = await context.newPage();
  await page.close();
  await context.setOffline(false);
  assert.equal(origin.orders.length, 0);
  await next.goto(origin.origin);
  await until('the order', () => origin.orders.length === 1);
  await until('nothing waits any more', () => next.evaluate(() => localStorage.getItem('stillhere.waits') === null));
});

test('a banner that could not be loaded in a bad moment is loaded later', async () => {
  let times = 0;
  await open({ prepare: () => {
    const client = origin.client.bind(origin);
    origin.client = (file, r) => file === 'face.js' && !times++ ? r.destroy() : client(file, r);
  } });
  await until('the banner', () => page.evaluate(() => !!document.querySelector('stillhere-status')?.shadowRoot));
  assert.equal(times, 2);
  assert.equal((await shown(page)).state, 'ok');
});

test('without an edge nothing is sent into a known outage: the order stays certain, and is done once', async () => {
  await open({ prepare: () => { origin.body = FORM; } });
  await until('the guard', () => page.evaluate(() => !!document.querySelector('[data-stillhere-status]')));
  await origin.kill();
  await page.evaluate(() => fetch('/api').catch(() => 0));
  await until('an outage', () => page.evaluate(() => window.stillhere.state().unreachableSince !== null));
  await page.click('button');
  await until('a word', async () => /saved on this device/.test(await page.locator('[data-stillhere-status]').textContent()));
  // It has had its turn, and was not tried.
  await page.evaluate(() => new Promise(done => setTimeout(done, 2_500)));
  assert.match(await page.locator('[data-stillhere-status]').textContent(), /saved on this device/);
  await origin.up();
  await until('received', async () => /received at/.test(await page.locator('[data-stillhere-status]').textContent()));
  assert.equal(origin.orders.length, 1);
});

test('the tag may come from another host, with all that it loads, in the language of the page', async () => {
  const host = await new Origin().listen();
  await open({ prepare: () => {
    origin.lang = 'zh-CN';
    origin.head = origin.head.replace('/.well-known', `${host.origin}/.well-known`);
    origin.body = FORM;
  } });
  await until('the guard', () => page.evaluate(() => !!document.querySelector('[data-stillhere-status]')));
  assert.equal(loaded(''), false);
  await until('its language', () => host.asked.some(q => q.url.endsWith('/words/zh-CN.json')));
  await origin.kill();
  await page.evaluate(() => fetch('/api').catch(() => 0));
  await until('words', async () => /连不上|无法使用/.test((await shown(page)).title));
  host.stop();
});

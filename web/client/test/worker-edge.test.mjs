// The worker behind the real edge: what the edge keeps is the edge's to tell; what it cannot keep, and what it never got, is ours.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Edge, Origin, until } from './kit/edge.mjs';
import { DIST, browser } from './world.mjs';

const FORM = '<!doctype html><html lang=en><title>Shop</title><link rel=icon href=data:,><h1>A shop</h1><form method=post action=/order><input name=item value=lamp aria-label=Item><button>Order</button></form>';
// At an address of the site's own, next to its parts.
const TAG = '<script async src="/stillhere/client.js" data-edge=true data-site=Lantern data-worker="/stillhere/sw.js" data-worker-posts="/order"></script>';
let chrome, context, page, edge, origin, orders;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
beforeEach(async () => {
  orders = [];
  origin = await Origin.up(answer);
  edge = await Edge.up({ routes: [{ keyed: { origin_honours: true }, nodes: [origin.at] }] }, origin.at);
  context = await chrome.newContext({ locale: 'en-GB' });
  page = await context.newPage();
  await page.goto(edge.origin + '/');
  await until('an active worker', () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/'))?.active?.state === 'activated'));
});
afterEach(async () => { await context?.close(); await edge?.down(); await origin?.kill(); });

async function answer(q, r) {
  const file = /^\/stillhere\/([\w/-]+\.js(?:on)?)(\?|$)/.exec(q.url)?.[1];
  if (file) return r.writeHead(200, { 'content-type': file.endsWith('.js') ? 'text/javascript' : 'application/json', 'service-worker-allowed': '/' }).end(await readFile(path.join(DIST, file)));
  if (q.method !== 'POST') return r.writeHead(200, { 'content-type': 'text/html' }).end(q.url === '/thanks' ? '<title>Thanks</title>' : FORM + TAG);
  let body = '';
  q.on('data', d => { body += d; }).on('end', () => {
    orders.push({ body, key: q.headers['idempotency-key'] });
    r.writeHead(303, { location: '/thanks' }).end();
  });
}
const quiet = () => page.evaluate(() => new Promise(done => setTimeout(done, 1_500))).catch(() => {});

test('the origin is dead and the edge lives: the order is kept, and done once when the origin is back', { timeout: 90_000 }, async () => {
  await origin.kill();
  await page.click('button');
  await until('a page that tells of it', async () => /keep|kept|saved/i.test(await page.locator('body').innerText()));
  assert.equal(orders.length, 0);
  await origin.start();
  await until('the order', () => orders.length === 1);
  await quiet();
  assert.equal(orders.length, 1);
});

test('edge and origin are dead: kept on the device, and done once when they are back', { timeout: 90_000 }, async () => {
  await edge.kill();
  await page.click('button');
  await until('the page', () => page.locator('#acts .inc').count());
  assert.match(await page.locator('#acts').innerText(), /saved on this device/);
  await edge.start();
  await until('the order', () => orders.length === 1);
  await until('where it led', () => page.url().endsWith('/thanks'));
  assert.equal(orders.length, 1);
});

test('a page behind an edge whose origin is dead is the edge\'s own, whose words are the newest', { timeout: 60_000 }, async () => {
  await origin.kill();
  const answer = await page.goto(edge.origin + "/other", { timeout: 60_000 });
  assert.ok(answer.headers()['stillhere-why']);
  assert.equal(await page.locator('#acts').count(), 0);
});

// The worker in a real browser: origins that refuse, stall, or answer 502, forms that are sent in the middle of it, and a way out.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DIST, Mirror, Origin, Signer, browser, incident, notice, until } from './world.mjs';

let chrome, context, origin, mirror, signer, page;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
afterEach(async () => {
  await context?.close();
  for (const s of [origin, mirror]) s?.stop();
});

const FORM = '<form method=post action=/order id=f><input name=item value=lamp><input name=pin aria-label=pin><button>Order</button></form><form method=post action=/elsewhere id=g><input name=x value=1><button>Go</button></form>';

/** A shop whose ledger knows every order that it was sent. */
class Shop extends Origin {
  orders = [];
  body = `<main><h1>A shop</h1>${FORM}</main>`;
  slow = 0;
  late = 0;
  answer(q, r) {
    if (q.method === 'POST' && this.mode !== 'frozen') {
      let body = '';
      return void q.on('data', d => { body += d; }).on('end', () => {
        this.orders.push({ url: q.url, body, key: q.headers['idempotency-key'] });
        if (this.mode === 'die') return void this.kill();
        if (this.mode === '502') return r.writeHead(502).end();
        if (this.direct) return r.writeHead(200, { 'content-type': 'text/html' }).end('<title>Thanks</title><h1>Thank you, directly</h1>');
        setTimeout(() => r.writeHead(303, { location: '/thanks' }).end(), this.late);
      });
    }
    if (q.url === '/own-worker.js') return r.writeHead(200, { 'content-type': 'text/javascript' }).end(`${this.line ?? ''};self.addEventListener("install", () => skipWaiting())`);
    if (q.url === '/edge') return r.writeHead(503, { 'stillhere-why': 'all-out', 'content-type': 'text/html' }).end('<title>The page of the edge</title>');
    if (q.url.startsWith('/status/')) return r.writeHead(Number(q.url.slice(8)), { of: 'the origin' }).end('its own words');
    if (this.mode === '502' && !q.url.startsWith('/.well-known/')) return r.writeHead(502).end('bad gateway');
    if (this.slow && q.method === 'GET' && q.url === '/slow') return void setTimeout(() => super.answer(q, r), this.slow);
    return super.answer(q, r);
  }
}

/** A page that has been well, with a worker. */
async function open({ more = '', options, says = notice(), edge } = {}) {
  signer = new Signer();
  origin = await new Shop().listen();
  mirror = await new Mirror().listen();
  mirror.says(signer, says);
  if (edge) origin.edgeNotice = signer.envelope(notice());
  origin.tag([mirror], signer, `data-site="Lantern" data-worker data-worker-posts="/order" ${more}`);
  context = await chrome.newContext({ locale: 'en-GB', ...options });
  page = await context.newPage();
  await page.goto(origin.origin + '/');
  await active(page);
  await page.waitForFunction(() => JSON.parse(localStorage.stillhere ?? '{}').held);
  return page;
}
const active = p => until('an active worker', () => p.evaluate(async () => (await navigator.serviceWorker.getRegistration('/'))?.active?.state === 'activated'));
/** The browser has asked for a newer one; whether it took it is another question. */
const renewed = p => until('a look for a newer worker', () => p.evaluate(async () => { await (await navigator.serviceWorker.getRegistration('/')).update().catch(() => {}); return true; }));
const plain = text => text?.replace(/[\u2066-\u2069]/g, '');
const title = p => p.locator('#title').textContent({ timeout: 1_000 }).then(plain);
/** Goes there and tells how long it was, by the browser's own clock, from the start of the navigation until words were painted. */
async function words(p, path = '/other') {
  await p.goto(origin.origin + path, { waitUntil: 'commit' });
  await p.waitForFunction(() => document.querySelector('#title')?.textContent);
  return until('paint', () => p.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime));
}
/** The orders of the shop, once the page has had the time to send another. */
const settled = async n => {
  await until(`${n} order(s)`, () => origin.orders.length >= n);
  await pause(1_500);
  return origin.orders;
};
const RUNS = Number(process.env.STILLHERE_RUNS ?? 5);
const at = (all, part) => [...all].sort((a, b) => a - b)[Math.floor(all.length * part)];
const median = all => at(all, .5), p95 = all => at(all, .95);

test('refused: the page at once (the goal is 0.3 s), and the person is taken back to the same address', async () => {
  await open({ says: notice('major', { incidents: [incident()] }) });
  await origin.kill();
  const times = [];
  for (let i = 0; i < RUNS; i++) times.push(await words(page, `/other?${i}`));
  console.log(`refused: first words after ${median(times).toFixed()} ms (median of ${RUNS}), p95 ${p95(times).toFixed()} ms, worst ${Math.max(...times).toFixed()} ms`);
  // The goal is 300 ms; what is asserted, a busy machine can hold.
  assert.ok(median(times) < 2_000, `${median(times)} ms`);
  await until('down', async () => await title(page) === 'Lantern is down');
  const all = plain(await page.locator('main').innerText());
  assert.match(all, /It is our fault, not your connection/);
  assert.match(all, /Payments are down\s+The database failed over/);
  assert.match(all, /Next update by \d\d:\d\d/);
  assert.equal(await page.title(), 'Lantern is down · Lantern');
  mirror.says(signer, notice());
  await origin.up();
  await until('the origin\'s own page', async () => await page.title() === 'Shop');
  assert.equal(page.url(), `${origin.origin}/other?${RUNS - 1}`);
});

test('stalled, and a mirror says so: the page as soon as it does (the goal is 1.5 s)', async () => {
  await open();
  mirror.says(signer, notice('major', { incidents: [incident()] }));
  origin.mode = 'frozen';
  const times = [];
  for (let i = 0; i < RUNS; i++) times.push(await words(page, `/other?${i}`));
  console.log(`stalled: first words after ${median(times).toFixed()} ms (median of ${RUNS}), p95 ${p95(times).toFixed()} ms, worst ${Math.max(...times).toFixed()} ms`);
  // The goal is 1,500 ms. Without the word of the mirror it would be 8 s.
  assert.ok(median(times) < 5_000, `${median(times)} ms`);
  await until('down', async () => await title(page) === 'Lantern is down');
});

test('stalled, and nobody knows of it: unknown, no fault of anybody', async () => {
  await open();
  origin.mode = 'frozen';
  await words(page);
  await until('unknown', async () => await title(page) === 'Lantern cannot be reached from here');
  assert.doesNotMatch(await page.locator('main').innerText(), /our fault|your connection/);
});

test('a page that is slow is waited for: the origin answers other questions', async () => {
  await open();
  mirror.says(signer, notice('degraded'));
  origin.slow = 2_500;
  await page.goto(origin.origin + '/slow');
  assert.equal(await page.title(), 'Shop');
});

test('502 from a server in front: the page, and it is confirmed; an answer of the edge, a 404 and a 500 are handed on as they are', async () => {
  await open();
  origin.mode = '502';
  await words(page);
  await until('down', async () => await title(page) === 'Lantern is down');
  origin.mode = 'sorry';
  const edge = await context.newPage();
  const answer = await edge.goto(origin.origin + '/edge');
  assert.equal(answer.headers()['stillhere-why'], 'all-out');
  for (const status of [404, 500]) assert.equal((await edge.goto(`${origin.origin}/status/${status}`)).headers()['of'], 'the origin');
  await edge.close();
  origin.mode = 'ok';
  await until('back', async () => await page.title() === 'Shop');
});

test('planned work, and nothing at all answers', async () => {
  await open({ says: notice('maintenance', { maintenances: [{ title: { en: 'New storage' }, ends_at: new Date(Date.now() + 1_800_000).toISOString() }] }) });
  await origin.kill();
  await words(page);
  await until('planned', async () => await title(page) === 'Planned work on Lantern');
  assert.match(await page.locator('main').innerText(), /Planned to end at/);
  await mirror.kill();
  // Held notices are forgotten: this visitor knows nothing.
  await page.evaluate(() => { const s = JSON.parse(localStorage.stillhere); localStorage.stillhere = JSON.stringify({ ...s, held: null }); });
  await words(page, '/again');
  await until('you', async () => await title(page) === 'Nothing can be reached from here');
  assert.doesNotMatch(await page.locator('main').innerText(), /our fault/);
});

test('opened while the device is offline: it is this device, at once, and nobody\'s fault; with the network it is left', async () => {
  await open();
  await context.setOffline(true);
  const fresh = await context.newPage();
  await page.close();
  page = fresh;
  await words(page);
  await until('this device is offline', async () => await title(page) === 'This device is offline');
  const all = plain(await page.locator('main').innerText());
  assert.match(all, /Lantern can be reached again when the device is connected/);
  assert.doesNotMatch(all, /our fault|do not know why/);
  await context.setOffline(false);
  await until('the origin\'s own page', async () => await page.title() === 'Shop');
});

test('an order in the middle of an outage: kept, shown, sent once when the origin is back, with one key', async () => {
  await open();
  await origin.kill();
  await page.click('#f button');
  await until('the page', () => page.locator('#acts .inc').count());
  assert.match(plain(await page.locator('#acts').innerText()), /What you sent: saved on this device, and will be sent once[^]*Do not send it again/);
  await origin.up();
  const orders = await settled(1);
  assert.equal(orders.length, 1);
  assert.match(orders[0].key, /^"[\da-f-]{36}"$/);
  assert.equal(orders[0].body, 'item=lamp&pin=');
  await until('where the answer led', () => page.url().endsWith('/thanks'));
});

test('an order whose answer is a page of its own, not a redirection: received is said, and the way on is the page it came from', async () => {
  await open();
  await origin.kill();
  await page.click('#f button');
  await until('the page', () => page.locator('#acts .inc').count());
  origin.direct = true;
  await origin.up();
  await until('received', async () => /What you sent: received at \d\d:\d\d/.test(plain(await page.locator('#acts').innerText())));
  assert.equal(await page.locator('#again').isVisible(), false);
  await page.click('#on');
  await until('the shop', async () => await page.title() === 'Shop' && page.url() === `${origin.origin}/`);
  assert.equal((await settled(1)).length, 1);
});

test('a form may say what it is called', async () => {
  await open();
  await page.evaluate(() => document.getElementById('f').insertAdjacentHTML('beforeend', '<input type=hidden name=stillhere value="Your lamp">'));
  await origin.kill();
  await page.click('#f button');
  await until('the page', () => page.locator('#acts .inc').count());
  assert.match(plain(await page.locator('#acts').innerText()), /^Your lamp: saved on this device/);
});

test('every language of the banner has the words of the page, and Arabic is written from the right', async () => {
  const { awayWords } = await import(path.join(DIST, 'esm/away/words.js'));
  const langs = (await readdir(path.join(DIST, 'words'))).filter(f => f.endsWith('.json')).map(f => f.slice(0, -5));
  assert.deepEqual(Object.keys(awayWords).sort(), langs.sort());
  for (const [lang, words] of Object.entries(awayWords)) for (const key of ['auto', 'again', 'on']) assert.ok(words[key].length > 1, `${lang} ${key}`);
  await open({ options: { locale: 'ar' } });
  await origin.kill();
  await words(page);
  assert.deepEqual(await page.evaluate(() => [document.documentElement.dir, document.documentElement.lang, document.documentElement.scrollWidth <= innerWidth]), ['rtl', 'ar', true]);
});

test('an order whose tab is closed is sent once by the next page of the site', async () => {
  await open();
  await origin.kill();
  await page.click('#f button');
  await until('the page', () => page.locator('#acts .inc').count());
  const next = await context.newPage();
  await page.close();
  page = next;
  await origin.up();
  assert.equal(origin.orders.length, 0);
  await page.goto(origin.origin + '/elsewhere');
  assert.equal((await settled(1)).length, 1);
});

test('an order when all is well goes straight through, once, and leaves nothing behind; pressed twice it is one', async () => {
  await open();
  await page.click('#f button');
  await until('thanks', () => page.url().endsWith('/thanks'));
  assert.equal(origin.orders.length, 1);
  assert.ok(origin.orders[0].key);
  await page.waitForFunction(() => window.stillhere);
  const left = await page.evaluate(() => window.stillhere.actions().then(all => all.length));
  assert.equal(left, 0);
  await page.goto(origin.origin + '/');
  origin.late = 500;
  await page.evaluate(() => { const f = document.getElementById('f'); f.item.value = 'two'; f.submit(); setTimeout(() => f.submit(), 0); });
  await until('thanks', () => page.url().endsWith('/thanks'));
  assert.equal((await settled(2)).filter(o => o.body.includes('two')).length, 1);
});

test('the origin dies with the order in its hands: nobody claims to know, and without an edge it is not sent again', async () => {
  await open();
  origin.mode = 'die';
  await page.click('#f button');
  await until('the page', () => page.locator('#acts .inc').count());
  assert.match(plain(await page.locator('#acts').innerText()), /we do not know yet whether it arrived/);
  origin.mode = 'ok';
  await origin.up();
  await until('the end of it', async () => /cannot be found out from here/.test(plain(await page.locator('#acts').innerText())));
  assert.equal(await page.locator('#on').isVisible(), true);
  // Chromium itself may have repeated the request, with the same key; we have not.
  assert.equal(new Set(origin.orders.map(o => o.key)).size, 1);
});

test('left alone: paths that are not listed, secrets, a post from another site, and a frame', async () => {
  await open();
  await page.click('#g button');
  await until('sent', () => origin.orders.length === 1);
  assert.equal(origin.orders[0].key, undefined);
  await page.goto(origin.origin + '/');
  await page.fill('[name=pin]', '1234');
  await page.click('#f button');
  await until('sent', () => origin.orders.length === 2);
  assert.equal(origin.orders[1].key, undefined);
  // Of another site: no key, and none of our hands in it.
  const other = await new Origin().listen();
  other.body = `<form method=post action="${origin.origin}/order"><input name=item value=forged><button>Go</button></form>`;
  await page.goto(other.origin.replace('127.0.0.1', 'localhost'));
  await page.click('button');
  await until('sent', () => origin.orders.length === 3);
  assert.equal(origin.orders[2].key, undefined);
  other.stop();
  await page.goto(origin.origin + '/');
  await origin.kill();
  await page.evaluate(() => { const f = document.createElement('iframe'); f.src = '/frame'; document.body.append(f); });
  await page.click('#g button').catch(() => {});
  await until('the browser\'s own page', () => page.url().startsWith('chrome-error://'));
});

test('one call takes it away; so does the tag without the attribute, and a file of the server', async () => {
  await open();
  const gone = () => page.evaluate(async () => !(await navigator.serviceWorker.getRegistration('/')));
  assert.equal(await page.evaluate(() => window.stillhere.removeWorker()), true);
  assert.equal(await gone(), true);
  await page.reload();
  await active(page);
  origin.tag([mirror], signer);
  await page.reload();
  await until('gone', gone);
  origin.tag([mirror], signer, 'data-worker');
  await page.reload();
  await active(page);
  origin.files = { 'sw.js': await (await fetch(`${origin.origin}/.well-known/stillhere/sw-off.js`)).text() };
  await page.reload();
  await page.evaluate(async () => { await (await navigator.serviceWorker.getRegistration('/'))?.update(); });
  await until('gone', gone);
});

test('a new version takes over at once, and its page is the one that is shown', async () => {
  await open();
  const text = async name => (await (await fetch(`${origin.origin}/.well-known/stillhere/${name}`)).text());
  origin.files = { 'sw.js': (await text('sw.js')).replace(/\?v=\w+/, '?v=next'), 'away.js': (await text('away.js')).replace('<main>', '<main data-edition=next>') };
  await page.reload();
  await renewed(page);
  await until('the next version', () => page.evaluate(async () => { const r = await navigator.serviceWorker.getRegistration('/'); return !r.installing && !r.waiting && r.active.state === 'activated'; }));
  await origin.kill();
  await words(page);
  assert.equal(await page.locator('main').getAttribute('data-edition'), 'next');
});

test('a version whose rest cannot be fetched is not installed, and the one before goes on', async () => {
  await open();
  origin.files = { 'sw.js': (await (await fetch(`${origin.origin}/.well-known/stillhere/sw.js`)).text()).replace(/away\.js\?v=\w+/, 'nothing-there') };
  await renewed(page);
  await origin.kill();
  assert.ok(await words(page));
});

test('a worker that throws is no worse than none: pages, errors and posts go the browser\'s own way', async () => {
  await open();
  origin.files = { 'away.js': 'self.stillhereRest={page(){throw 1},post(){throw 1},silence(){throw 1}}', 'sw.js': (await (await fetch(`${origin.origin}/.well-known/stillhere/sw.js`)).text()).replace(/\?v=\w+/, '?v=broken') };
  await renewed(page);
  await until('the broken one', () => page.evaluate(async () => { const r = await navigator.serviceWorker.getRegistration('/'); return !r.installing && !r.waiting && r.active.state === 'activated'; }));
  await page.goto(origin.origin + '/other');
  assert.equal(await page.title(), 'Shop');
  origin.slow = 1_500;
  await page.goto(origin.origin + '/slow');
  assert.equal(await page.title(), 'Shop');
  origin.mode = '502';
  assert.equal((await page.goto(origin.origin + '/other')).status(), 502);
  origin.mode = 'ok';
  await page.goto(origin.origin + '/');
  await page.click('#f button');
  await until('thanks', () => page.url().endsWith('/thanks'));
  assert.equal(origin.orders.length, 1);
});

test('a form of several parts pressed twice during an outage is one order, with its file', async () => {
  await open();
  await page.evaluate(() => { const f = document.getElementById('f'); f.enctype = 'multipart/form-data'; f.insertAdjacentHTML('beforeend', '<input type=file name=list>'); });
  await page.setInputFiles('[name=list]', { name: 'list.txt', mimeType: 'text/plain', buffer: Buffer.from('three lamps') });
  await origin.kill();
  const waiting = () => page.evaluate(async () => { const rows = await new Promise(done => { indexedDB.open('stillhere').onsuccess = e => { e.target.result.transaction('action').objectStore('action').getAll().onsuccess = r => done(r.target.result); }; }); return rows.filter(r => !r.over).map(r => r.bytes); });
  await page.evaluate(() => { const f = document.getElementById('f'); f.submit(); setTimeout(() => f.submit(), 0); });
  await until('the page', () => page.locator('#acts .inc').count());
  await until('one record', async () => (await waiting()).length === 1);
  await origin.up();
  const orders = await settled(1);
  assert.equal(orders.length, 1);
  assert.match(orders[0].body, /filename="list.txt"[^]*three lamps/);
});

test('a file that is too large to be kept goes the browser\'s own way, once', async () => {
  await open();
  await page.evaluate(() => { const f = document.getElementById('f'); f.enctype = 'multipart/form-data'; f.insertAdjacentHTML('beforeend', '<input type=file name=list>'); });
  await page.setInputFiles('[name=list]', { name: 'list.txt', mimeType: 'text/plain', buffer: Buffer.alloc(3 * 1024 * 1024, 'x') });
  await page.click('#f button');
  await until('thanks', () => page.url().endsWith('/thanks'));
  const orders = await settled(1);
  assert.deepEqual([orders.length, orders[0].key], [1, undefined]);
  assert.ok(orders[0].body.length > 3 * 1024 * 1024);
});

test('it is never put over a worker of the site, which may take it in', async () => {
  signer = new Signer();
  origin = await new Shop().listen();
  mirror = await new Mirror().listen();
  context = await chrome.newContext();
  page = await context.newPage();
  const said = [];
  page.on('console', m => said.push(m.text()));
  await page.goto(origin.origin + '/');
  await page.evaluate(() => navigator.serviceWorker.register('/own-worker.js', { scope: '/' }));
  await active(page);
  origin.tag([mirror], signer, 'data-worker');
  await page.reload();
  await until('a word on the console', () => said.some(t => /importScripts/.test(t)));
  assert.match(await page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/')).active.scriptURL), /own-worker\.js$/);
  origin.line = said.find(t => /importScripts/.test(t)).match(/self\.stillhere = .*$/)[0];
  await renewed(page);
  await until('the next version', () => page.evaluate(async () => { const r = await navigator.serviceWorker.getRegistration('/'); return !r.installing && !r.waiting && r.active.state === 'activated'; }));
  await origin.kill();
  assert.ok(await words(page));
});

test('an address that fails again and again, though its origin answers, is left to the browser', async () => {
  await open();
  const was = origin.answer.bind(origin);
  origin.answer = (q, r) => q.url === '/broken' && q.method === 'GET' ? r.writeHead(502, { 'content-type': 'text/html' }).end('<title>Its own 502</title>') : was(q, r);
  await page.goto(origin.origin + '/broken', { waitUntil: 'commit' });
  await until('its own answer', async () => await page.title() === 'Its own 502');
});

for (const [scheme, lang, width] of [['light', 'en', 375], ['dark', 'zh-CN', 1280]]) {
  test(`axe finds nothing, nothing is cut off, no policy is broken: ${scheme}, ${lang}, ${width} wide`, async () => {
    await open({ says: notice('major', { incidents: [incident()] }), options: { locale: lang, colorScheme: scheme, viewport: { width, height: 740 } } });
    await origin.kill();
    await page.goto(origin.origin + '/').catch(() => {});
    const said = [];
    page.on('console', m => said.push(m.text()));
    await words(page, '/other');
    await until('down', async () => /is down|无法使用/.test(await title(page)));
    // Playwright's own way into the page is not subject to its policy.
    await page.evaluate(axe.source);
    const found = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    assert.deepEqual(found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join()}`), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    assert.equal(await page.evaluate(() => document.documentElement.lang), lang);
    assert.deepEqual(said.filter(t => /Content Security Policy/i.test(t)), []);
  });
}

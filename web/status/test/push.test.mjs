// Notifications in a browser: a real push service that takes and opens what the program sends, and a real browser with its worker. Only what
// Chromium asks its own push service for (an address) is put in its place, and what that service would deliver is handed to the browser by its own
// debugging protocol.
import axe from 'axe-core';
import ece from 'http_ece';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PushService } from '../../test/push-service.mjs';
import { browser, HEAD, service, Stillhere, Target, until, visit } from './harness.mjs';

const SIZES = { phone: { width: 375, height: 812 }, desktop: { width: 1280, height: 900 } };
/** Longest body that the push services of all browsers take. */
const BODY_MAX = 3_993;

let chrome, up, shop, push, dir;
before(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-push-'));
  [shop, push] = [await Target.start(), await PushService.start(dir, ece.decrypt)];
  // No mail channel: browsers alone.
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD
    + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', shop)
    + `\n[server]\nbehind_proxy = true\n\n[subscribers]\nenabled = true\npush_services = ["${push.host}"]\n`, { SSL_CERT_FILE: push.ca })]);
  await up.statuses({ shop: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
  push?.close();
  await rm(dir, { recursive: true, force: true });
});

/** A file in the data folder, wherever that is. */
const inFolder = name => path.join(up.dir, readdirSync(up.dir, { recursive: true }).find(f => path.basename(f) === name));
/** From a network of one's own: an hour of one network is soon used up. */
let networks = 0;
const elsewhere = () => ({ 'x-forwarded-for': `203.0.${networks += 1}.1` });
const keyOf = async () => /data-key="([A-Za-z0-9_-]{87})"/.exec(await (await fetch(`${up.origin}/subscribe?lang=en`)).text())[1];
const post = (path, fields) => fetch(up.origin + path, { method: 'POST', headers: elsewhere(), body: new URLSearchParams(fields) });
const ask = (b, more = {}) => post('/subscribe/push', { lang: 'en', choose: 'yes', maintenance: 'yes', endpoint: b.endpoint, p256dh: b.p256dh, auth: b.auth, ...more });
const to = b => push.taken.filter(t => t.browser === b);
const came = (b, n) => until(`message ${n} to a browser`, () => to(b)[n - 1]);
/** The program writes updates of its own besides. */
const said = (b, words) => until(`${words} to a browser`, () => to(b).find(t => words.test(`${t.message.title} ${t.message.body}`)));
const about = (b, incident) => until(`a message about ${incident} to a browser`, () => to(b).find(t => t.message.tag === incident));
const active = async () => JSON.parse(await up.cli('subscribers', '--json')).states.find(s => s.way === 'push' && s.state === 'active')?.subscribers ?? 0;
const opened = (title, services = ['shop']) => up.cli('incident', 'open', '--title', title, '--text', 'We are looking into it.', ...services.flatMap(s => ['--service', `${s}=major_outage`])).then(t => t.trim());
/** As the worker does it when the test message comes. */
async function joined(b, more) {
  assert.equal((await ask(b, more)).status, 202);
  const { message } = await came(b, 1);
  assert.equal((await post(message.confirm, {})).status, 200);
  return message.mine;
}

test('what is sent is sealed, signed, of one length, on one topic an incident, and counted as sent only when it was taken', async () => {
  const key = await keyOf();
  const b = push.browser(key);
  const mine = await joined(b, { lang: 'zh-CN', service: 'shop' });
  assert.equal((await stat(inFolder('push.key'))).mode & 0o777, 0o600);
  assert.equal(await active(), 1);
  const other = await opened('Payments fail', ['payments']);
  const incident = await opened('Orders <b>fail</b>');
  const first = await about(b, incident);
  await up.cli('incident', 'update', incident, '--text', 'Found it.', '--status', 'identified');
  const second = await said(b, /Found it\./);
  assert.match(first.message.title, /Orders/);
  assert.equal(first.message.url, `/incidents/${incident}`);
  assert.deepEqual([first.message.lang, first.message.change], ['zh-CN', '更改或停止']);
  assert.equal(first.topic, second.topic);
  assert.notEqual(first.topic, to(b)[0].topic);
  assert.ok(!first.topic.includes(incident.slice(0, 8)));
  assert.deepEqual([first.urgency, second.urgency, first.ttl], ['high', 'normal', 86_400]);
  assert.equal(new Set(push.taken.map(t => t.length)).size, 1, 'the length says nothing');
  assert.ok(first.length <= BODY_MAX);
  assert.equal(push.refused, undefined);
  await until('all of it is counted', async () => {
    const { news } = JSON.parse(await up.cli('subscribers', '--json'));
    return news.filter(n => n.way === 'push' && n.delivered === 1).length >= 2;
  });
  // What is known, and its end.
  const own = await (await fetch(up.origin + mine.manage.replace('/manage/', '/export/'))).json();
  assert.deepEqual([own.way, own.address, own.public_key, own.wish.services], ['push', b.endpoint, b.p256dh, ['shop']]);
  assert.ok(!JSON.stringify(own).includes(b.auth));
  assert.deepEqual(JSON.parse(await up.cli('subscribers', 'export', b.endpoint)).id, own.id);
  assert.equal((await fetch(up.origin + mine.leave)).status, 200, 'a GET ends nothing');
  assert.equal((await post(mine.leave, {})).status, 200);
  assert.equal(await active(), 0);
  for (const id of [incident, other]) await up.cli('incident', 'resolve', id, '--text', 'Over.');
  assert.ok(!to(b).some(t => /Over\./.test(t.message.body)), 'told after the end');
  const journal = await up.cli('journal', '--json');
  assert.ok(!journal.includes(b.endpoint) && !up.said.includes(b.endpoint), 'an address of a browser in the journal or the log');
});

test('a browser on the page of a service is told once that it is over, from any site, and is forgotten', async () => {
  const { notice } = JSON.parse(await (await fetch(`${up.origin}/.well-known/stillhere/notice`)).text());
  const { key, url } = JSON.parse(Buffer.from(notice, 'base64url')).push;
  assert.deepEqual([key, url], [await keyOf(), `${up.origin}/subscribe/once`]);
  const b = push.browser(key);
  const once = (incident, more = {}) => fetch(url, {
    method: 'POST', headers: { ...elsewhere(), 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' },
    body: new URLSearchParams({ incident, lang: 'zh-CN', endpoint: b.endpoint, p256dh: b.p256dh, auth: b.auth, ...more }),
  });
  const waiting = async () => JSON.parse(await up.cli('subscribers', '--json')).states.find(s => s.state === 'once')?.subscribers ?? 0;
  const incident = await opened('Orders fail'), other = await opened('Payments fail', ['payments']);
  for (const [what, status, wrong] of [
    ['no push service that anybody knows', 422, { endpoint: 'https://shop.example/any' }], ['a private address', 422, { endpoint: 'https://127.0.0.1:9/p' }],
    ['no secret', 422, { auth: '' }], ['no incident', 422, { incident: 'nonsense' }], ['one that is not there', 409, { incident: '019a0000-0000-7000-8000-000000000000' }],
  ]) {
    const answer = await once(incident, wrong);
    assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [status, '*'], what);
  }
  assert.equal(await waiting(), 0);
  const taken = await once(incident);
  assert.deepEqual([taken.status, taken.headers.get('access-control-allow-origin')], [202, '*']);
  assert.equal((await once(incident)).status, 202);
  assert.equal(await waiting(), 1, 'twice is once');
  // On disk before it was answered.
  await up.kill();
  await up.start();
  assert.equal(await waiting(), 1);
  await up.cli('incident', 'update', incident, '--text', 'Found it.', '--status', 'identified');
  await up.cli('incident', 'resolve', other, '--text', 'Over.');
  await up.cli('incident', 'resolve', incident, '--text', 'Over at last.');
  const first = await came(b, 1);
  assert.deepEqual([first.message.stillhere, first.message.lang, first.message.tag, first.urgency], ['over', 'zh-CN', incident, 'high']);
  assert.match(first.message.title, /Orders fail/);
  assert.ok(!('mine' in first.message) && !JSON.stringify(first.message).includes('/subscribe/'));
  await until('it is forgotten', async () => await waiting() === 0);
  assert.equal((await once(incident)).status, 409, 'over already');
  assert.equal(to(b).length, 1, 'one message, and no question before it');
});

test('nothing but the test message goes to who has not answered it, and the answer is the same for all', async () => {
  const key = await keyOf();
  const [asked, known] = [push.browser(key), push.browser(key)];
  const mine = await joined(known);
  await ask(asked);
  await came(asked, 1);
  const again = [await ask(known), await ask(push.browser(key))];
  const plain = async r => [r.status, await r.text(), [...r.headers].filter(([n]) => n !== 'date')];
  assert.deepEqual(await plain(again[0]), await plain(again[1]));
  const { message } = await came(known, 2);
  assert.deepEqual([message.confirm, message.tag], [null, 'test'], 'it is told its links once more');
  const incident = await opened('Orders fail');
  await said(known, /Orders fail/);
  assert.equal(to(asked).length, 1);
  await up.cli('incident', 'resolve', incident, '--text', 'Over.');
  await post(mine.leave, {});
  // Three test messages a day to one browser.
  for (let n = 0; n < 4; n++) assert.equal((await ask(asked)).status, 202);
  const last = push.browser(key);
  await ask(last);
  await came(last, 1);
  assert.equal(to(asked).length, 3);
});

test('only a subscription of a browser is taken, and only from this site', async () => {
  const b = push.browser(await keyOf());
  for (const [what, wrong] of Object.entries({
    'a private address': { endpoint: 'https://127.0.0.1:9/p' }, 'the clear': { endpoint: b.endpoint.replace('https', 'http') },
    'a cloud’s metadata': { endpoint: 'https://169.254.169.254/latest' }, 'nothing': { endpoint: '' },
    'another key': { p256dh: b.p256dh.slice(4) }, 'no secret': { auth: '' },
  })) assert.equal((await ask(b, wrong)).status, 422, what);
  const foreign = await fetch(`${up.origin}/subscribe/push`, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' }, body: '' });
  assert.equal(foreign.status, 403);
  // A point that is not on the curve is seen when it is used, and given up.
  const bent = Buffer.from(b.p256dh, 'base64url');
  bent[40] ^= 1;
  await ask(b, { p256dh: bent.toString('base64url') });
  assert.equal(to(b).length, 0);
});

test('404 and 410 forget a browser, 429 is obeyed, and another address of a browser takes the place of the old one', async () => {
  const key = await keyOf();
  const [gone, busy, moves] = [push.browser(key), push.browser(key), push.browser(key)];
  for (const b of [gone, busy]) await joined(b);
  const mine = await joined(moves);
  gone.answers.push([410]);
  busy.answers.push([429, { 'retry-after': '2' }]);
  const asked = Date.now();
  const incident = await opened('Orders fail');
  await until('the browser is forgotten', async () => await active() === 2);
  assert.match(await up.cli('journal', '--json'), /subscriber_left[^\n]*410/);
  await came(busy, 2);
  assert.ok(Date.now() - asked >= 1_900, 'it was asked again before its time');
  const moved = push.browser(key);
  const renewed = await post(mine.manage.replace('/manage/', '/renew/'), { endpoint: moved.endpoint, p256dh: moved.p256dh, auth: moved.auth });
  assert.equal(renewed.status, 202);
  await post((await came(moved, 1)).message.confirm, {});
  assert.equal(await active(), 2);
  const before = to(moves).length;
  await up.cli('incident', 'resolve', incident, '--text', 'Over.');
  await came(moved, 2);
  assert.equal(to(moves).length, before);
  for (const b of [busy, moved]) await post(to(b).at(-1).message.mine.leave, {});
});

test('killed while the push service has the message but we have no receipt, it is sent again on the same topic', async () => {
  const b = push.browser(await keyOf());
  const mine = await joined(b);
  b.answers.push('hang');
  const incident = await opened('Orders fail');
  const first = await about(b, incident);
  await up.kill();
  await up.start();
  const again = await until('it comes again', () => to(b).filter(t => t.message.title === first.message.title)[1]);
  assert.deepEqual([again.message, again.topic], [first.message, first.topic]);
  await until('it is counted once', async () => JSON.parse(await up.cli('subscribers', '--json')).news[0].delivered === 1);
  await up.cli('incident', 'resolve', incident, '--text', 'Over.');
  await post(mine.leave, {});
});


/** A page in a browser that has an address at our push service, and its worker's side: `deliver` hands it what came for it. */
async function withBrowser(path, options = {}) {
  const b = push.browser(await keyOf());
  const { page, wrong, close } = await visit(chrome, `${up.origin}${path}`, { serviceWorkers: 'allow', permissions: ['notifications'], extraHTTPHeaders: elsewhere(), ...options });
  await page.addInitScript(({ endpoint, p256dh, auth }) => {
    const subscription = { endpoint, toJSON: () => ({ endpoint, keys: { p256dh, auth } }), unsubscribe: async () => { localStorage.removeItem('subscribed'); return true; } };
    PushManager.prototype.subscribe = async options => {
      if (!options.userVisibleOnly || !options.applicationServerKey) throw new TypeError('as browsers ask for');
      localStorage.setItem('subscribed', options.applicationServerKey);
      return subscription;
    };
    PushManager.prototype.getSubscription = async () => localStorage.getItem('subscribed') ? subscription : null;
  }, { endpoint: b.endpoint, p256dh: b.p256dh, auth: b.auth });
  await page.reload();
  const cdp = await page.context().newCDPSession(page);
  let registrationId;
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => { registrationId = registrations.find(r => !r.isDeleted)?.registrationId ?? registrationId; });
  await cdp.send('ServiceWorker.enable');
  const deliver = async message => {
    // While it installs, what comes is lost: a browser that is told of its address has a worker that works.
    await until('the worker works', () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration('/subscribe/'))?.active?.state === 'activated'));
    await until('the worker is known', () => registrationId);
    await cdp.send('ServiceWorker.deliverPushMessage', { origin: up.origin, registrationId, data: JSON.stringify(message) });
  };
  const shown = () => page.evaluate(async () => (await (await navigator.serviceWorker.getRegistration('/subscribe/')).getNotifications())
    .map(n => ({ title: n.title, body: n.body, tag: n.tag, url: n.data.url })));
  return { b, page, wrong, close, deliver, shown };
}

test('a visitor has this browser notified, changes what it hears, and stops it', async () => {
  const { b, page, wrong, close, deliver, shown } = await withBrowser('/?lang=en');
  await page.getByRole('link', { name: 'Notifications in your browser' }).click();
  await page.getByRole('heading', { name: 'In this browser' }).waitFor();
  await page.getByLabel('Shop').check();
  await page.getByRole('button', { name: 'Notify this browser' }).click();
  await page.getByText('A test notification is on its way').waitFor();
  const { message } = await came(b, 1);
  assert.equal(message.tag, 'test');
  await deliver(message);
  await page.getByText('This browser is notified.').waitFor();
  assert.deepEqual(await until('the test is shown', async () => (await shown())[0]), { title: 'Updates about Lantern Shop', body: message.body, tag: 'test', url: message.url });
  assert.equal(await active(), 1);
  const incident = await opened('Orders fail');
  await deliver((await about(b, incident)).message);
  const news = await until('the news is shown', async () => {
    const all = await shown();
    const found = all.find(n => n.tag === incident);
    if (!found) throw new Error(JSON.stringify([all, to(b).map(t => t.message.title)]));
    return found;
  });
  assert.match(news.title, /Orders fail/);
  assert.equal(news.url, `/incidents/${incident}`);
  await up.cli('incident', 'update', incident, '--text', 'Found it.', '--status', 'identified');
  await deliver((await said(b, /Found it/)).message);
  await until('the update takes its place', async () => {
    const of = (await shown()).filter(n => n.tag === incident);
    if (of.length !== 1 || !/Found it/.test(of[0].body)) throw new Error(JSON.stringify([of, to(b).map(t => t.message.body)]));
    return true;
  });
  // The page knows it when it is opened again; from there it is changed and stopped.
  await page.reload();
  await page.getByText('This browser is notified.').waitFor();
  await page.getByRole('link', { name: 'Change or stop' }).click();
  await page.getByText('They go to a browser.').waitFor();
  await page.getByLabel('Incidents').selectOption('critical');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  await page.getByRole('button', { name: 'Stop the updates' }).click();
  await page.getByRole('heading', { name: 'The updates have stopped' }).waitFor();
  await until('the browser has ended it too', () => page.evaluate(() => localStorage.getItem('subscribed') === null));
  assert.equal(await active(), 0);
  await page.goto(`${up.origin}/subscribe?lang=en`);
  assert.equal(await page.getByRole('button', { name: 'Notify this browser' }).isEnabled(), true);
  await up.cli('incident', 'resolve', incident, '--text', 'Over.');
  assert.deepEqual(wrong, []);
  await close();
});

/** What the browser tells the worker when its push service gives it another address. Only a browser can make such an event itself. */
const changed = (page, given) => page.context().serviceWorkers()[0].evaluate(async given => {
  const e = new Event('pushsubscriptionchange');
  let done;
  e.waitUntil = p => { done = p; };
  e.newSubscription = given && { toJSON: () => given };
  self.registration.pushManager.subscribe = () => Promise.reject(new DOMException('', 'NotAllowedError'));
  self.dispatchEvent(e);
  await done;
}, given);

test('the worker takes the subscription along to another address, and ends it when its owner allows it no more', async () => {
  const { b, page, wrong, close, deliver } = await withBrowser('/subscribe?lang=en');
  await page.getByLabel('Payments').check();
  await page.getByRole('button', { name: 'Notify this browser' }).click();
  await deliver((await came(b, 1)).message);
  await page.getByText('This browser is notified.').waitFor();
  const moved = push.browser(b.key);
  await changed(page, { endpoint: moved.endpoint, keys: { p256dh: moved.p256dh, auth: moved.auth } });
  assert.equal(await active(), 0, 'nothing goes to the new one before it has answered');
  const { message } = await came(moved, 1);
  await deliver(message);
  await until('the new one is on', async () => await active() === 1);
  const own = await (await fetch(up.origin + message.mine.manage.replace('/manage/', '/export/'))).json();
  assert.deepEqual([own.address, own.wish.services], [moved.endpoint, ['payments']], 'with what was chosen');
  await changed(page, null);
  await until('it has ended', async () => await active() === 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('a browser that does not allow it is told so, and asked only after the tap', async () => {
  const { page, wrong, close } = await withBrowser('/subscribe?lang=en', { permissions: [] });
  await page.evaluate(() => { window.asked = 0; Notification.requestPermission = async () => { window.asked += 1; return 'denied'; }; });
  assert.equal(await page.evaluate(() => window.asked), 0);
  await page.getByRole('button', { name: 'Notify this browser' }).click();
  await page.getByText('does not let this page notify you').waitFor();
  assert.equal(await page.evaluate(() => window.asked), 1);
  assert.equal(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0, 'no worker without need');
  assert.deepEqual(wrong, []);
  await close();
  // Without script nothing is offered that would do nothing.
  const still = await visit(chrome, `${up.origin}/subscribe?lang=en`, { javaScriptEnabled: false });
  assert.equal(await still.page.getByRole('button').count(), 1, 'the webhook alone');
  await still.close();
});

test('axe finds nothing on its pages, and none scrolls sideways', async () => {
  for (const colorScheme of ['light', 'dark']) for (const [size, viewport] of Object.entries(SIZES)) for (const lang of ['en', 'zh-CN']) {
    const { b, page, close, deliver } = await withBrowser(`/subscribe?lang=${lang}`, { colorScheme, viewport });
    const look = async name => {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 160)).join('\n')}`), [], `${name} ${lang} on a ${colorScheme} ${size}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} scrolls sideways`);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/push-${name}-${lang}-${size}-${colorScheme}.png`, fullPage: true });
    };
    await page.locator('#push').waitFor();
    await look('ask');
    await page.locator('#push button').click();
    await deliver((await came(b, 1)).message);
    await page.locator('#push a').waitFor();
    await look('on');
    await page.locator('#push a').click();
    await page.locator('h1').waitFor();
    await look('manage');
    await page.goto(`${up.origin}/?lang=${lang}`);
    await look('status');
    await close();
  }
});

// Alerts in somebody's browser: added with one press, sent through a real push service, opened by its link without a log-in. Only the address that
// Chromium would ask its own push service for is put in its place, and what came is handed to the worker by the browser's debugging protocol.
import ece from 'http_ece';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PushService } from '../../test/push-service.mjs';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, service, Target, until, visit } from './harness.mjs';
import { NAME, open, other, start } from './signed.mjs';

let chrome, up, shop, push, dir;
before(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-alerts-'));
  [shop, push] = [await Target.start(), await PushService.start(dir, ece.decrypt)];
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop)
    + `\n[subscribers]\npush_services = ["${push.host}"]\n`, { SSL_CERT_FILE: push.ca })]);
  await up.statuses({ shop: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
  push?.close();
  await rm(dir, { recursive: true, force: true });
});

const to = b => push.taken.filter(t => t.browser === b);
const said = (b, words) => until(`${words} to a browser`, () => to(b).find(t => words.test(`${t.message.title} ${t.message.body}`)));
const region = page => page.getByRole('region', { name: /Alerts in your browsers|浏览器警报/ });

/** The account page in a browser that gets an address of our push service. */
async function withBrowser(who, options = {}) {
  const v = await open(chrome, who, '/console/me', { serviceWorkers: 'allow', ...options });
  const { page, context } = v;
  await context.grantPermissions(options.denied ? [] : ['notifications'], { origin: up.origin });
  const { key } = await page.evaluate(async () => (await fetch('/api/v1/me/browsers')).json());
  const b = push.browser(key);
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
  await region(page).waitFor();
  const cdp = await context.newCDPSession(page);
  let registrationId;
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => { registrationId = registrations.find(r => !r.isDeleted)?.registrationId ?? registrationId; });
  await cdp.send('ServiceWorker.enable');
  const deliver = async message => {
    // While it installs, what comes is lost: a browser that is told of its address has a worker that works.
    await until('the worker works', () => page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state === 'activated'));
    await until('the worker is known', () => registrationId);
    await cdp.send('ServiceWorker.deliverPushMessage', { origin: up.origin, registrationId, data: JSON.stringify(message) });
  };
  const shown = () => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications())
    .map(n => ({ title: n.title, body: n.body, tag: n.tag, url: n.data.url })));
  /** Handed over until it is shown: this rim of the browser says nothing of what it drops, and a push service asks again, too. */
  const arrives = (what, message, find) => {
    let again = 0;
    return until(what, async () => {
      if (Date.now() > again) { await deliver(message); again = Date.now() + 3_000; }
      return find(await shown());
    });
  };
  return { ...v, b, shown, arrives };
}

test('one press has this browser alerted; the alert opens the page of its incident, and acts in the name of its owner', async () => {
  const { b, page, wrong, close, arrives } = await withBrowser(up, { viewport: PHONE });
  await region(page).getByRole('button', { name: 'Alert this browser' }).click();
  await page.getByText('The test alert went out.').last().waitFor();
  const first = await said(b, /It works/);
  assert.equal((await arrives('the test is shown', first.message, all => all[0])).url, '/console/me');
  await region(page).getByText('this browser', { exact: false }).first().waitFor();
  assert.equal(await region(page).getByRole('button', { name: 'Alert this browser' }).count(), 0);
  assert.deepEqual(await complaints(page), []);

  const incident = (await up.cli('incident', 'open', '--title', 'Orders fail', '--text', 'We look.', '--service', 'shop=major_outage')).trim();
  const alert = await said(b, /Orders fail/);
  assert.match(alert.message.url, /^\/act\/[A-Za-z0-9_-]{64}$/);
  assert.deepEqual([alert.urgency, alert.ttl, alert.message.tag], ['high', 43_200, incident]);
  const note = await arrives('the alert is shown', alert.message, all => all.find(n => n.tag === incident));
  assert.equal(note.url, alert.message.url);
  // What opens it is in no other place: not in the outbox, not in the log.
  assert.ok(!up.said.includes(note.url));

  // Nobody is logged in here.
  const link = await visit(chrome, up.origin + note.url, { viewport: PHONE });
  await link.page.getByText('Orders fail').first().waitFor();
  await link.page.getByRole('button', { name: 'I have it' }).first().click();
  await until('it is taken on', async () => (await up.cli('journal', '--json')).split('\n').some(l => /acknowledged/.test(l) && l.includes(`"${NAME}"`)));
  await link.close();

  await page.reload();
  await region(page).getByText(/last alert/).waitFor();
  await region(page).getByRole('button', { name: /Take off|取消|移除/ }).click();
  await region(page).getByRole('button', { name: /no more alerts|确认停止/ }).click();
  await page.getByText('No more alerts go to that browser').last().waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem('subscribed')), null);
  const dead = await fetch(up.origin + note.url);
  assert.equal(dead.status, 410, 'its link opens nothing any more');
  await up.cli('incident', 'resolve', incident, '--text', 'Over.');
  assert.ok(!to(b).some(t => /Over\./.test(t.message.body)));
  assert.deepEqual(wrong, []);
  await close();
});

test('who may not speak is led into the console, one that hangs holds up nobody, one that is gone is forgotten', async () => {
  const viewer = await withBrowser(await other(up, 'ana', 'viewer'));
  const admin = await withBrowser(up);
  for (const v of [viewer, admin]) {
    await region(v.page).getByRole('button', { name: 'Alert this browser' }).click();
    await said(v.b, /It works/);
    await v.page.getByText('The test alert went out.').last().waitFor();
  }
  viewer.b.answers.push('hang');
  const incident = (await up.cli('incident', 'open', '--title', 'Stock is wrong', '--text', 'We look.', '--service', 'shop=major_outage')).trim();
  const [hers, his] = [await said(viewer.b, /Stock is wrong/), await said(admin.b, /Stock is wrong/)];
  assert.equal(hers.message.url, `/console/incidents/${incident}`);
  assert.match(his.message.url, /^\/act\//);
  viewer.b.hanging.writeHead(201).end();
  admin.b.answers.push([410]);
  await up.cli('incident', 'update', incident, '--text', 'Found it.', '--status', 'identified');
  await until('it is forgotten', async () => (await up.cli('journal', '--json')).split('\n').some(l => /browser_removed/.test(l) && /push service/.test(l)));
  await up.cli('incident', 'resolve', incident, '--text', 'Over.');
  // Whoever is removed is out at once, and so are their browsers.
  const before = to(viewer.b).length;
  await said(viewer.b, /Over\./);
  await up.cli('person', 'remove', 'ana');
  const next = (await up.cli('incident', 'open', '--title', 'Again', '--text', 'We look.', '--service', 'shop=major_outage')).trim();
  await up.cli('incident', 'resolve', next, '--text', 'Over.');
  assert.ok(before > 0 && !to(viewer.b).some(t => /Again/.test(t.message.title)));
  await viewer.close();
  await admin.close();
});

test('when its push service ends the address of this browser, its owner is told in the browser itself', async () => {
  const { b, page, context, close, shown } = await withBrowser(up);
  await region(page).getByRole('button', { name: 'Alert this browser' }).click();
  await said(b, /It works/);
  await page.getByText('The test alert went out.').last().waitFor();
  // Only a browser can make such an event itself.
  await context.serviceWorkers()[0].evaluate(async () => {
    const e = new Event('pushsubscriptionchange');
    let done;
    e.waitUntil = p => { done = p; };
    self.dispatchEvent(e);
    await done;
  });
  const note = await until('it is said', async () => (await shown()).find(n => n.tag === 'ended'));
  assert.match(note.body, /not alerted any more/);
  assert.equal(note.url, '/console/me');
  await region(page).getByRole('button', { name: /Take off/ }).click();
  await region(page).getByRole('button', { name: /no more alerts/ }).click();
  await page.getByText('No more alerts go to that browser').last().waitFor();
  await close();
});

test('nothing is kept of a browser that its push service does not take a message for, and the browser’s owner may say no', async () => {
  const { b, page, close } = await withBrowser(up);
  b.answers.push([403]);
  await region(page).getByRole('button', { name: 'Alert this browser' }).click();
  await region(page).getByText(/did not take the test message/).waitFor();
  const listed = await page.evaluate(async () => (await (await fetch('/api/v1/me/browsers')).json()).browsers.length);
  assert.equal(listed, 0);
  await page.evaluate(() => { Notification.requestPermission = async () => 'denied'; });
  await region(page).getByRole('button', { name: 'Alert this browser' }).click();
  await region(page).getByText('does not let the console notify you').waitFor();
  await close();
});

test('its part of the account page is found good by axe, in both languages and colours, on a phone and a desktop', async () => {
  const sizes = { phone: PHONE, desktop: { width: 1280, height: 900 } };
  for (const colorScheme of ['light', 'dark']) for (const [size, viewport] of Object.entries(sizes)) for (const lang of ['en', 'zh-CN']) {
    const { b, page, close } = await withBrowser(up, { colorScheme, viewport, lang });
    const look = async name => {
      assert.deepEqual(await complaints(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'scrolls sideways');
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/alerts-${name}-${lang}-${size}-${colorScheme}.png`, fullPage: true });
    };
    const add = region(page).getByRole('button', { name: /Alert this browser|向此浏览器发送警报/ });
    await add.waitFor();
    await look('off');
    await add.click();
    assert.equal((await until('the test alert', () => to(b)[0])).message.lang, lang);
    await page.getByText(/The test alert went out|测试警报已发出/).last().waitFor();
    await look('on');
    await region(page).getByRole('button', { name: /Take off|移除|取消/ }).first().click();
    await region(page).getByRole('button', { name: /no more alerts|确认停止/ }).click();
    await page.getByText(/No more alerts go to that browser|该浏览器不再收到警报/).last().waitFor();
    await close();
  }
});

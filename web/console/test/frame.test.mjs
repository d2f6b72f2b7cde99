// What holds for every page: nothing for axe to complain about, no sideways scrolling, keys that lead everywhere, a lost connection that
// is said, and a size that a bad line can carry.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '../../test/program.mjs';
import { complaints } from './axe.mjs';
import { browser, DESKTOP, HEAD, Hook, PHONE, service, Target, until } from './harness.mjs';
import { open, start } from './signed.mjs';

/** Of everything that one page loads, unpacked. */
const MAX_BYTES = 200_000;
const MANY = 3_000;
/** A phone of the middle: its processor is about a quarter of this one. */
const SLOWER = 4;

/** An edge beside it, for its page. */
const edge = async shop => `
[edge]
listen = "127.0.0.1:${await freePort()}"
[[edge.routes]]
service = "shop"
nodes = ["${shop.url}"]
`;

/** Planned work, for its page. */
const work = () => {
  const at = hours => new Date(Date.now() + hours * 3_600_000).toISOString();
  return `
[[maintenance]]
id = "move"
title = { en = "We move the database", zh-CN = "迁移数据库" }
body = { en = "Orders can be late.", zh-CN = "订单可能延迟。" }
services = ["shop"]
starts_at = "${at(5)}"
ends_at = "${at(7)}"
`;
};

let chrome, up, shop, pay, gone, id, plan;
before(async () => {
  [shop, pay, gone] = [await Target.start(), await Target.start(), await Hook.start(410)];
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop, 'group = { en = "For customers", zh-CN = "面向顾客" }')
    + service('payments', 'Payments', '支付', pay, 'group = { en = "For customers", zh-CN = "面向顾客" }\ndepends_on = ["shop"]') + work() + gone.channel('customers') + await edge(shop))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
  await pay.kill();
  await up.statuses({ payments: 'major_outage' });
  ({ id } = await up.incident());
  await up.cli('incident', 'prevent', id, '--what', 'en=Alarm at 80 %', '--what', 'zh-CN=用量达 80 % 时告警', '--owner', 'kim', '--due', '14d', '--public');
  ({ id: plan } = (await up.json('/api/v1/maintenances')).maintenances[0]);
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay, gone].map(t => t?.kill()));
});

/** Every page, and what must be on it for it to be the page that is meant. */
const pages = () => ({
  '/console/': 'article.inc',
  '/console/incidents': '.list',
  [`/console/incidents/${id}?say`]: 'textarea',
  '/console/incidents/new': 'textarea',
  [`/console/incidents/${id}/postmortem`]: 'textarea',
  '/console/preventions': '.list li',
  '/console/services': '.all a',
  '/console/services/payments': '.ev li',
  '/console/services/payments/http': '.list li',
  '/console/maintenance?plan': 'textarea',
  [`/console/maintenance/${plan}`]: 'textarea',
  '/console/deliveries': '.list .btn',
  '/console/journal': '.list li',
  '/console/edges': '.nodes li',
  '/console/settings': '.list li',
  '/console/settings/services/new': 'details',
  '/console/settings/services/payments': '.facts',
  '/console/settings/channels/new': 'details',
  '/console/settings/templates/new': 'textarea',
  '/console/people': '.list li',
  '/console/tokens': '.empty',
  '/console/me': '[aria-labelledby=h-p] form',
});

test('axe finds nothing on any page, on a phone and a desktop, light and dark, in both languages, and nothing scrolls sideways', async () => {
  for (const [viewport, colorScheme, lang] of [[PHONE, 'light', 'en'], [PHONE, 'dark', 'zh-CN'], [DESKTOP, 'light', 'zh-CN'], [DESKTOP, 'dark', 'en']]) {
    const { page, wrong, close } = await open(chrome, up, '/console/', { viewport, colorScheme, lang, reducedMotion: 'reduce' });
    for (const [path, is] of Object.entries(pages())) {
      await page.goto(up.origin + path);
      await page.locator(is).first().waitFor();
      assert.equal(await page.locator('html').getAttribute('lang'), lang);
      assert.deepEqual(await complaints(page), [], `${path}, ${colorScheme}, ${viewport.width}, ${lang}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, `${path} scrolls sideways`);
    }
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').waitFor();
    assert.deepEqual(await complaints(page), [], 'the palette');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    assert.deepEqual(await complaints(page), [], 'the keys');
    assert.deepEqual(wrong, []);
    await close();
  }
});

test('every page is had by keys alone: by letters, by the palette, by stepping', async () => {
  const { page, wrong, close } = await open(chrome, up);
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.getByRole('heading', { name: 'Services', level: 1 }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('pay');
  await until('one is left', async () => (await page.locator('.all a').allInnerTexts()).length === 1);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Payments', level: 1 }).waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('post payments');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Enter');
  await until('the field has the focus', () => page.evaluate(() => document.activeElement?.tagName === 'TEXTAREA'));
  await page.keyboard.press('Control+k');
  await page.keyboard.type('overview');
  await page.keyboard.press('Enter');
  await page.locator('article.inc').waitFor();
  await until('the heading has the focus', () => page.evaluate(() => document.activeElement?.tagName === 'H1'));
  await page.keyboard.press('j');
  await until('the incident has it', () => page.evaluate(() => document.activeElement?.matches('article.inc a')));
  // Letters can be turned off.
  await page.keyboard.press('?');
  await page.getByLabel('Single keys do something').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  assert.equal(new URL(page.url()).pathname, '/console/', 'n did nothing');
  assert.deepEqual(wrong, []);
  await close();
});

test('language and colours change at once and are remembered', async () => {
  const { page, close } = await open(chrome, up, '/console/', { colorScheme: 'light' });
  await page.getByRole('button', { name: 'mei' }).click();
  await page.getByRole('radio', { name: '简体中文' }).check();
  await page.getByRole('radio', { name: '深色' }).check();
  await page.keyboard.press('Escape');
  await until('Chinese and dark', async () => /未结束的事件/.test(await page.locator('main').innerText())
    && await page.evaluate(() => getComputedStyle(document.body).backgroundColor) === 'rgb(16, 18, 21)');
  await page.reload();
  await until('still', async () => /未结束的事件/.test(await page.locator('main').innerText()) && await page.evaluate(() => document.documentElement.dataset.theme) === 'dark');
  await close();
});

test('a lost connection is said with its time, and the return is noticed by itself', async () => {
  const { page, close } = await open(chrome, up, `/console/incidents/${id}?say`);
  await page.getByLabel('Text, English').fill('Written while all was cut.');
  await up.kill();
  await until('it is said', async () => /No connection since \d\d:\d\d/.test(await page.getByRole('status').allInnerTexts().then(a => a.join(' '))));
  assert.equal(await page.locator('.beat').innerText(), 'Cut off');
  assert.equal(await page.getByLabel('Text, English').inputValue(), 'Written while all was cut.');
  await up.start();
  await until('it is live again', async () => await page.locator('.beat').innerText() === 'Live');
  await until('the strip is gone', async () => await page.locator('.strip').count() === 0);
  assert.equal(await page.getByLabel('Text, English').inputValue(), 'Written while all was cut.');
  await close();
});

test('no page loads more than 200 kB, and everything under a name made of its content is kept', async () => {
  const { page, close } = await open(chrome, up);
  for (const path of Object.keys(pages())) {
    await page.goto(up.origin + path);
    await page.locator(pages()[path]).first().waitFor();
    const all = await page.evaluate(() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter(e => e.name.includes('/console/') && !e.name.includes('/api/')).map(e => [e.name, e.decodedBodySize]));
    const bytes = all.reduce((sum, [, n]) => sum + n, 0);
    for (const [name] of all.filter(([name]) => name.includes('/assets/')).slice(0, 3)) assert.match((await fetch(name)).headers.get('cache-control'), /immutable/);
    assert.ok(bytes > 10_000 && bytes < MAX_BYTES, `${path}: ${bytes}`);
    console.log(`# ${path.replace(id, '…').replace(plan, '…')}: ${bytes} bytes unpacked`);
  }
  await close();
});

test('three thousand services: the overview and the list are ready soon on a slow phone', async () => {
  const toml = `[site]\nname = "Many"\n${Array.from({ length: MANY }, (_, i) => `[[service]]\nid = "s${i}"\nname = "Service ${i}"\ngroup = "Group ${Math.floor(i / 100)}"\n`).join('')}`;
  const many = await start(toml);
  const { page, wrong, close } = await open(chrome, many, '/console/', { viewport: PHONE });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await page.reload();
  await page.getByText(`of ${MANY} services work`).waitFor();
  const ready = await page.evaluate(() => performance.now());
  const opened = Date.now();
  await page.getByRole('link', { name: 'All services' }).click();
  await page.getByText(`${MANY} of ${MANY}`).waitFor();
  console.log(`# ${MANY} services, processor slowed ${SLOWER}×: overview ${Math.round(ready)} ms after navigation, list ${Date.now() - opened} ms after the press`);
  assert.ok(await page.locator('.all li').count() < 120, 'only what is near the window is built');
  await page.getByRole('searchbox').fill('service 2999');
  await until('it is found', async () => /Service 2999/.test(await page.locator('.all').innerText()));
  await page.getByRole('searchbox').fill('');
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await until('the last one is there', async () => /Service 2999/.test(await page.locator('.all').innerText()));
  assert.deepEqual(wrong, []);
  await close();
  await many.down();
});

// The trust report: what it says after an outage that was told, its months, its policy, and on paper.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, service, Stillhere, Target, until, visit } from './harness.mjs';

let chrome, up, shop;
before(async () => {
  shop = await Target.start();
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD + service('shop', 'Shop', '商店', shop))]);
  await up.statuses({ shop: 'operational' });
  await shop.kill();
  await up.statuses({ shop: 'major_outage' });
  await shop.up();
  await up.statuses({ shop: 'operational' });
  await until('it is over in the record', async () => (await up.json('/api/v1/trust')).incidents[0]?.over_at ?? false);
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
});

const month = async () => (await up.json('/api/v1/trust')).incidents[0].started_at.slice(0, 7);

test('the report leads from the front page to the incident, in both languages, and breaks no policy', async () => {
  for (const [lang, link, told, fine] of [['en', 'Our record', /told after/, 'It said that all is well, and it was not'], ['zh-CN', '履约记录', /后告知/, '显示正常，实际并非如此']]) {
    const { page, wrong, close } = await visit(chrome, `${up.origin}/?lang=${lang}`);
    await page.getByRole('link', { name: link }).click();
    await page.waitForURL(/\/trust/);
    await until('the incident is in the report', async () => told.test(await page.locator('.all').innerText()));
    assert.ok(await page.getByRole('heading', { name: fine }).isVisible());
    await page.locator('.all a').first().click();
    await page.waitForURL(/\/incidents\//);
    assert.deepEqual(wrong, []);
    await close();
  }
});

test('a month has its own address, and one that the record knows nothing about is not there', async () => {
  const of = await month();
  const { page, close } = await visit(chrome, `${up.origin}/trust/${of}?lang=en`);
  assert.equal(await page.locator('.months [aria-current]').count(), 1);
  assert.match(await page.locator('.calc').innerText(), new RegExp(`--month ${of}`));
  await page.getByRole('link', { name: 'All of it' }).click();
  await page.waitForURL(/\/trust\?lang=en$/);
  for (const path of ['/trust/1999-01', '/trust/nonsense', '/trust/2026-11-01']) {
    assert.equal((await fetch(up.origin + path)).status, 404, path);
  }
  await close();
});

test('on paper it is black on white, without what can only be clicked', async () => {
  const { page, close } = await visit(chrome, `${up.origin}/trust?lang=en`, { colorScheme: 'dark' });
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('.months').isVisible(), false);
  assert.equal(await page.locator('.top nav').isVisible(), false);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
  assert.ok((await page.pdf({ format: 'A4' })).length > 10_000);
  await close();
});

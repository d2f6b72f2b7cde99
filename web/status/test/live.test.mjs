// The page while it is open: an outage arrives, and ends, without a reload; and what happens when the server itself is gone.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, live, service, Stillhere, Target, until, visit } from './harness.mjs';

/** From the kill of a target that is looked at each second to the page. The program promises 2.5 s; a busy machine gets more. */
const SOON_MS = 10_000;

let chrome, up, shop, pay;
before(async () => {
  [shop, pay] = [await Target.start(), await Target.start()];
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD
    + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', pay))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

/** Marks the document, so that a reload would be noticed, and writes down everything that is announced. */
const watch = page => page.evaluate(() => {
  window.same = true;
  window.announced = [];
  new MutationObserver(() => window.announced.push(document.querySelector('#say').textContent))
    .observe(document.querySelector('#say'), { childList: true, characterData: true, subtree: true });
});
const row = page => page.locator('#s-shop .st').innerText();
const headline = page => page.locator('h1').innerText();
const hidden = page => page.locator('#net').isHidden();

test('an outage arrives on the open page without a reload, is announced once, and ends the same way', async () => {
  const { page, wrong, close } = await visit(chrome, up.origin, { clock: true });
  await live(page);
  await watch(page);
  const before = { headline: await headline(page), row: await row(page), title: await page.title() };
  assert.equal(await page.locator('#inc article').count(), 0);

  await shop.kill();
  await until('headline, row and incident changed', async () => await headline(page) !== before.headline
    && /outage|down/i.test(await row(page)) && await page.locator('#inc article').count() === 1, SOON_MS);
  await until('the change is announced', () => page.evaluate(() => window.announced.length > 0), SOON_MS);
  assert.match(await page.locator('#inc article h3').innerText(), /Shop/);
  assert.ok((await page.locator('#inc article .next').innerText()).length > 0, 'the next update is promised');
  assert.notEqual(await page.title(), before.title);
  const announced = await page.evaluate(() => window.announced);
  assert.equal(announced.length, 1, JSON.stringify(announced));
  assert.ok(announced[0].includes(await headline(page)), announced[0]);

  await shop.up();
  await until('everything is as it was', async () => await headline(page) === before.headline && await row(page) === before.row
    && await page.locator('#inc article').count() === 0);
  assert.ok(await page.locator('#past a').count() > 0, 'the incident is among those that are over');
  // At most one announcement in 30 s, however often things change in between.
  assert.ok((await page.evaluate(() => window.announced.length)) <= 2);
  await until('the end is announced', async () => {
    await page.clock.runFor(2_000);
    return (await page.evaluate(() => window.announced.at(-1))).includes(before.headline);
  });
  assert.equal((await page.evaluate(() => window.announced)).length, 2);
  assert.ok(await page.evaluate(() => window.same), 'the page was not loaded again');
  assert.deepEqual(wrong, []);
  await close();
});

test('the quiet between two beats of the stream is no loss of anything', async () => {
  const { page, close } = await visit(chrome, up.origin, { clock: true });
  await live(page);
  for (let s = 0; s < 9; s++) {
    await page.clock.runFor(1_000);
    assert.equal(await page.locator('html').getAttribute('class') ?? '', '', `after ${s + 1} s`);
  }
  await close();
});

test('what a reader has opened and where the focus is survive a change', async () => {
  // The outage before left a day with trouble.
  const { page, close } = await visit(chrome, up.origin);
  await live(page);
  const summary = page.locator('#s-shop details summary');
  await until('the summary has the focus', async () => {
    await page.keyboard.press('Tab');
    return summary.evaluate(s => s === document.activeElement);
  });
  await page.keyboard.press('Enter');
  const list = page.locator('#s-shop details li').first();
  await list.waitFor();
  const was = await row(page);
  await shop.kill();
  await until('the row changed', async () => await row(page) !== was, SOON_MS);
  assert.ok(await list.isVisible(), 'the details are still open');
  assert.ok(await summary.evaluate(s => s === document.activeElement), 'the focus is where it was');
  await shop.up();
  await until('the row is as it was', async () => await row(page) === was);
  await close();
});

test('case_c_a_lost_connection_is_said_with_the_time_of_the_news_and_the_page_recovers_by_itself', async () => {
  const { page, close } = await visit(chrome, up.origin, { clock: true });
  await live(page);
  await watch(page);
  assert.ok(await hidden(page));

  await up.kill();
  await until('the page says that it is cut off', async () => {
    await page.clock.runFor(2_000);
    const said = await page.locator('#net').innerText();
    return /^No connection to the status page\. What you see is from \d\d:\d\d\.$/.test(said);
  });
  const said = await page.locator('#net').innerText();
  const minutes = [0, 1, 2].map(ago => new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'Asia/Shanghai' })
    .format(Date.now() - ago * 60_000));
  assert.ok(minutes.some(m => said.includes(m)), `${said}: ${minutes}`);
  assert.ok(await page.locator('html.off').count(), 'the page is greyed');
  await page.evaluate(axe.source);
  assert.deepEqual((await page.evaluate(() => window.axe.run())).violations, []);

  // While nobody could tell it, the world went on.
  await pay.kill();
  await up.start();
  await until('the page is back, with what it missed', async () => {
    await page.clock.runFor(2_000);
    return await hidden(page) && /outage|down/i.test(await page.locator('#s-payments .st').innerText());
  });
  assert.equal(await page.locator('html.off').count(), 0);
  assert.ok(await page.evaluate(() => window.same), 'without being loaded again');
  // The stream goes on. (The incident stays: two outages of the shop in a row count as unstable.)
  await pay.up();
  await until('the row is fine again', async () => !/outage|down/i.test(await page.locator('#s-payments .st').innerText()));
  await close();
});

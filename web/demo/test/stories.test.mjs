// The two founding stories, lived through in a browser: both servers die in the middle of a checkout, and of a meeting.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Demo, SIZES, banner, browser, until, visitor } from './harness.mjs';

let demo, chrome;
before(async () => { [demo, chrome] = [await Demo.up(), await browser()]; });
after(async () => { await chrome?.close(); await demo?.down(); });

beforeEach(async () => {
  await demo.mend();
  await until('the shop is open', async () => (await fetch(`${demo.shop}/`)).ok);
});

const said = page => page.locator('[data-stillhere-status]').innerText();

async function fill(page) {
  await page.goto(`${demo.shop}/checkout?lang=en`);
  await page.getByRole('radio', { name: 'Jade' }).check();
  await page.getByLabel('Name', { exact: true }).fill('Li Lei');
  await page.getByLabel('Where it should go').fill('12 Lantern Lane');
  await until('the form is guarded', () => page.evaluate(() => performance.getEntriesByType('resource').some(r => r.name.endsWith('/kept.js') && r.responseEnd > 0)));
}

test('both nodes are killed in the middle of a checkout: the order is kept, sent once, and the page says so', async () => {
  const page = await visitor(chrome);
  const before = (await demo.books()).length;
  await fill(page);
  await demo.killBoth();
  await until('the banner says whose fault it is', async () => /our fault/i.test(await banner(page)));
  await page.getByLabel('A few words for the card').fill('Happy new year');
  await page.getByRole('button', { name: 'Place the order' }).click();
  const kept = await until('the page says that the order is kept', async () => (s => /saved|kept/i.test(s) && s)(await said(page)));
  assert.match(kept, /Your order/);
  assert.equal((await demo.books()).length, before);
  await until('the banner says it, too', async () => /Your order/.test(await banner(page)) && /our fault/i.test(await banner(page)));
  // A second press is no second order.
  assert.equal(await page.getByRole('button', { name: 'Place the order' }).isDisabled(), true);
  await demo.mend();
  await page.waitForURL(/\/thanks/, { timeout: 60_000 });
  assert.match(await page.locator('main').innerText(), /Your order was taken/);
  assert.equal(await page.locator('#list li').count(), 1);
  const books = await demo.books();
  assert.equal(books.length, before + 1);
  assert.ok(books.every(o => o.done === 1), JSON.stringify(books));
  assert.deepEqual(page.troubles, []);
  await page.context().close();
});

test('what was typed is still there after a reload in the middle of the outage', async () => {
  const page = await visitor(chrome);
  await fill(page);
  const typed = await page.evaluate(() => Date.now());
  await page.getByLabel('Where it should go').fill('12 Lantern Lane, second floor');
  // What is sealed cannot be read here; when it was written can.
  await until('the last words are on disk', () => page.evaluate(typed => new Promise(done => {
    const o = indexedDB.open('stillhere');
    o.onsuccess = () => { const r = o.result.transaction('draft').objectStore('draft').getAll(); r.onsuccess = () => { o.result.close(); done(r.result.some(d => d.at > typed)); }; };
  }), typed));
  await demo.killBoth();
  await page.reload();
  await until('the notice is there in place of the page', async () => (await page.locator('body').innerText()).length > 0 && await page.locator('#order').count() === 0);
  await demo.mend();
  // The notice brings the visitor back by itself.
  await page.waitForSelector('#order', { timeout: 60_000 });
  await until('what was typed is back', async () => await page.getByLabel('Where it should go').inputValue() === '12 Lantern Lane, second floor');
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Li Lei');
  assert.deepEqual(page.troubles, []);
  await page.context().close();
});

/** The shop has a worker in this browser, with the posts that it keeps. */
const worked = page => until('the worker is there', () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === 'activated'));
const shows = (page, words) => until(`the page says ${words}`, async () => words.test(await page.locator('body').innerText()));

// An edge that lives answers for its nodes, with the same words; the worker is for when nothing answers.
test('a visitor without a connection goes on to the shop: the page is there in its place, blames nobody else, and leads on by itself', async () => {
  const page = await visitor(chrome);
  await fill(page);
  await worked(page);
  await page.context().setOffline(true);
  await page.goto(`${demo.shop}/?lang=en`);
  await shows(page, /cannot be reached from here|device is offline/);
  assert.equal(await page.evaluate(() => !!navigator.serviceWorker.controller && document.body.dataset.page !== undefined), true, "it is the worker's");
  assert.doesNotMatch(await page.locator('body').innerText(), /our fault/i);
  await page.context().setOffline(false);
  await page.waitForSelector('a[href*="/checkout"]', { timeout: 60_000 });
  await page.context().close();
});

test('an order that the browser posts by itself without a connection is kept by the worker, and carried out once', async () => {
  const page = await visitor(chrome);
  const before = (await demo.books()).length;
  await fill(page);
  await worked(page);
  // A page that was there before the worker is not in its hands; the next one is.
  await fill(page);
  await page.context().setOffline(true);
  await page.evaluate(() => HTMLFormElement.prototype.submit.call(document.getElementById('order')));
  await shows(page, /Your order.*saved on this device/is);
  assert.equal((await demo.books()).length, before);
  await page.context().setOffline(false);
  await page.waitForURL(/\/thanks/, { timeout: 60_000 });
  const books = await demo.books();
  assert.equal(books.length, before + 1);
  assert.ok(books.every(o => o.done === 1), JSON.stringify(books));
  await page.context().close();
});

async function draw(page, [x1, y1], [x2, y2]) {
  const box = await page.locator('#board').boundingBox();
  await page.mouse.move(box.x + x1 * box.width, box.y + y1 * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + x2 * box.width, box.y + y2 * box.height, { steps: 12 });
  await page.mouse.up();
}
const say = async (page, text) => {
  await page.getByLabel('Say something').fill(text);
  await page.getByRole('button', { name: 'Say', exact: true }).click();
};
const heard = page => page.locator('#chat li > span').allInnerTexts();
/** A colour other than the paper's, at a place of the board. */
const inked = (page, x, y) => page.evaluate(([x, y]) => {
  const board = document.getElementById('board');
  const { data } = board.getContext('2d').getImageData(Math.round(x * board.width) - 4, Math.round(y * board.height) - 4, 8, 8);
  return data.some(v => v > 0);
}, [x, y]);
const room = page => page.locator('#roomsaid').innerText();
const seconds = async page => (([m, s]) => m * 60 + s)((await page.locator('#clock').innerText()).split(':').map(Number));

test('both nodes are killed in the middle of a meeting: what is drawn and said meanwhile arrives, once, and the clock goes on', async () => {
  const [one, two] = await Promise.all([visitor(chrome), visitor(chrome)]);
  for (const page of [one, two]) {
    await page.goto(`${demo.shop}/meeting?lang=en`);
    await until('the visitor is in the room', async () => /You are in the room/.test(await room(page)));
  }
  await draw(one, [.1, .2], [.4, .2]);
  await say(one, 'hello');
  await until('the other one sees the line', () => inked(two, .3, .2));
  await until('and hears', async () => (await heard(two)).join() === 'hello');

  await demo.killBoth();
  await until('the page says that the room is away', async () => /does not answer/.test(await room(one)));
  const before = await seconds(one);
  await draw(one, [.1, .6], [.4, .6]);
  await say(one, 'are you there?');
  await say(two, 'I see it, too');
  assert.ok(await inked(one, .3, .6), 'one sees at once what one draws');
  await until('the page says what waits', async () => /away for \d+ s · \d+ waiting/.test(await one.locator('#awayfor').innerText()));
  await until('the clock goes on', async () => await seconds(one) >= before + 2);
  assert.deepEqual(await heard(two), ['hello', 'I see it, too']);
  assert.equal(await inked(two, .3, .6), false);

  await demo.mend();
  for (const page of [one, two]) {
    await until('the page says that it is over', async () => /Back after \d+ s.*each of them once/.test(await room(page)));
    await until('everything is there, once', async () => [...await heard(page)].sort().join() === 'I see it, too,are you there?,hello');
    await until('the line, too', () => inked(page, .3, .6));
    assert.equal(await page.locator('#awayfor').innerText(), '');
    assert.deepEqual(page.troubles, []);
  }
  assert.deepEqual(await heard(one), await heard(two), 'all see the same order');
  // And it is a meeting again.
  await say(two, 'good');
  await until('the next word comes', async () => (await heard(one)).includes('good'));
  await one.context().close();
  await two.context().close();
});

test('what was done in a tab that was closed during the outage arrives when somebody comes back with that browser', async () => {
  const page = await visitor(chrome);
  await page.goto(`${demo.shop}/meeting?lang=en`);
  await until('the visitor is in the room', async () => /You are in the room/.test(await room(page)));
  await demo.killBoth();
  await until('the room is away', async () => /does not answer/.test(await room(page)));
  await say(page, 'from a closed tab');
  const { context } = { context: page.context() };
  await page.close();
  await demo.mend();
  const again = await context.newPage();
  await until('the room is open', async () => (await again.goto(`${demo.shop}/meeting?lang=en`)).ok());
  await until('the word has arrived', async () => (await heard(again)).filter(t => t === 'from a closed tab').length === 1);
  await until('nothing waits any more', () => again.evaluate(() => Object.keys(localStorage).every(k => !k.startsWith('lantern.mark.'))));
  await context.close();
});

for (const [colorScheme, lang, size] of [['light', 'en', 'phone'], ['dark', 'zh-CN', 'desktop']]) {
  test(`axe finds nothing in the checkout and the meeting room, well and away: ${colorScheme}, ${lang}, ${size}`, async () => {
    const page = await visitor(chrome, { colorScheme, locale: lang, viewport: SIZES[size] });
    const clean = async () => {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join()}`), []);
    };
    for (const path of ['checkout', 'meeting']) {
      await page.goto(`${demo.shop}/${path}?lang=${lang}`);
      await until('the page has the client', () => page.evaluate(() => !!window.stillhere));
      await clean();
      await demo.killBoth();
      await until('the banner speaks', async () => (await banner(page)).length > 0);
      await clean();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
      await demo.mend();
      await until('the shop is open', async () => (await fetch(`${demo.shop}/`)).ok);
    }
    await page.context().close();
  });
}

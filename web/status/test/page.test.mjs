// The page as it is loaded: complete, small, in the reader's language, by keyboard, without script, with anything in it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, live, service, Stillhere, Target, until, visit } from './harness.mjs';

/** What fits into the first round trip of a new connection (ten segments). */
const PAGE_BYTES = 14_000;

let chrome, up, shop, pay;
before(async () => {
  [shop, pay] = [await Target.start(), await Target.start()];
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD
    + service('shop', 'Shop <b>&amp;</b> Sons', '商店', shop) + service('payments', 'Payments', '支付', pay))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

test('the page loads nothing from elsewhere, breaks no policy, complains about nothing, and is small', async () => {
  const { page, wrong, close } = await visit(chrome, up.origin);
  await live(page);
  assert.equal(await page.locator('h1').count(), 1);
  assert.equal(await page.locator('#s-shop span.n').innerText(), 'Shop <b>&amp;</b> Sons');
  assert.deepEqual(wrong, []);
  for (const path of ['/', '/?lang=zh-CN', '/history']) {
    const { bytes, encoding } = await up.wireLength(path);
    assert.equal(encoding, 'gzip');
    assert.ok(bytes <= PAGE_BYTES, `${path} is ${bytes} bytes`);
  }
  await close();
});

test('without JavaScript the page is complete', async () => {
  const { page, close } = await visit(chrome, up.origin, { javaScriptEnabled: false });
  assert.match(await page.locator('h1').innerText(), /\w/);
  for (const id of ['shop', 'payments']) {
    assert.match(await page.locator(`#s-${id} .st`).innerText(), /Operational|Working/);
    assert.ok(await page.locator(`#s-${id} .b svg`).isVisible());
    assert.match(await page.locator(`#s-${id}`).innerText(), /% uptime/);
  }
  assert.match(await page.locator('#checked').innerText(), /\d\d:\d\d:\d\d/);
  assert.ok(await page.getByRole('link', { name: '+86 21 5555 0100' }).isVisible());
  assert.ok(await page.locator('#net').isHidden());
  await close();
});

test('the page speaks the language of the browser, or the one that is asked for', async () => {
  const seen = async (path, locale) => {
    const { page, close } = await visit(chrome, up.origin + path, { locale });
    const answer = [await page.locator('html').getAttribute('lang'), await page.locator('#s-payments span.n').innerText(), await page.locator('h2').first().innerText()];
    await close();
    return answer;
  };
  const chinese = ['zh-CN', '支付'], english = ['en', 'Payments'];
  const cases = [['/', 'zh-CN', chinese], ['/', 'zh-TW', chinese], ['/', 'en-GB', english], ['/', 'fr', english],
    ['/?lang=en', 'zh-CN', english], ['/?lang=zh-CN', 'en', chinese], ['/history', 'zh-CN', ['zh-CN']]];
  for (const [path, locale, [lang, name]] of cases) {
    if (path === '/history') {
      const { page, close } = await visit(chrome, up.origin + path, { locale });
      assert.equal(await page.locator('html').getAttribute('lang'), lang);
      assert.match(await page.locator('main').innerText(), /\p{Script=Han}/u);
      await close();
      continue;
    }
    const [isLang, isName, heading] = await seen(path, locale);
    assert.deepEqual([isLang, isName], [lang, name], `${path} for ${locale}`);
    assert.equal(/\p{Script=Han}/u.test(heading), lang === 'zh-CN', heading);
  }
});

test('the language links lead to the same page in the other language', async () => {
  const { page, close } = await visit(chrome, `${up.origin}/history?lang=en`);
  await page.getByRole('link', { name: '简体中文' }).click();
  await page.waitForURL(/\/history\?lang=zh-CN$/);
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  await close();
});

test('the feeds are linked and are XML', async () => {
  const { page, wrong, close } = await visit(chrome, up.origin);
  const feeds = await page.$$eval('link[rel=alternate]', links => Promise.all(links.map(async l => {
    const answer = await fetch(l.href);
    const xml = new DOMParser().parseFromString(await answer.text(), 'application/xml');
    return { announced: l.type, sent: answer.headers.get('content-type'), root: xml.documentElement.localName, broken: !!xml.querySelector('parsererror') };
  })));
  assert.deepEqual(feeds.map(f => [f.announced, f.root, f.broken]),
    [['application/rss+xml', 'rss', false], ['application/atom+xml', 'feed', false]]);
  for (const f of feeds) assert.ok(f.sent.startsWith(f.announced), f.sent);
  assert.deepEqual(wrong, []);
  await close();
});

test('badges are images that load on a page elsewhere', async () => {
  const page = await chrome.newPage();
  const paths = ['/badge.svg', '/badge/shop/status.svg', '/badge/shop/uptime.svg', '/badge/shop/latency.svg', '/badge/payments/status.svg?lang=zh-CN'];
  await page.setContent(paths.map(p => `<img src="${up.origin}${p}">`).join(''));
  const sizes = await page.$$eval('img', images => Promise.all(images.map(async i => { await i.decode(); return [i.naturalWidth, i.naturalHeight]; })));
  assert.equal(sizes.length, paths.length);
  for (const [w, h] of sizes) assert.ok(w > 40 && h >= 16, `${w}×${h}`);
  await page.close();
});

test('the keyboard reaches everything, and one sees where it is', async () => {
  const { page, close } = await visit(chrome, up.origin);
  await live(page);
  const focused = () => page.evaluate(() => {
    const e = document.activeElement, c = getComputedStyle(e), r = e.getBoundingClientRect();
    return { tag: e.tagName, text: e.textContent.trim(), inMain: !!e.closest('main'), outline: parseFloat(c.outlineWidth), style: c.outlineStyle, w: r.width, h: r.height };
  });
  await page.keyboard.press('Tab');
  const skip = await focused();
  assert.equal(skip.text, 'Skip to content');
  assert.ok(skip.w > 40 && skip.h > 20, 'the skip link is visible while it has the focus');
  const links = await page.locator('a:visible, summary:visible').count();
  for (let i = 1; i < links; i++) {
    await page.keyboard.press('Tab');
    const at = await focused();
    assert.notEqual(at.tag, 'BODY', `${i} of ${links}`);
    assert.ok(at.style !== 'none' && at.outline >= 2, `no outline on ${at.text}`);
  }
  await page.reload();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.notEqual((await focused()).text, 'Status', 'the skip link leads past the navigation');
  await close();
});

test('case_t_what_people_write_is_shown_as_text_and_never_runs', async () => {
  const nasty = '<script>window.ran=1</script><img src=x onerror="window.ran=2"><svg/onload=window.ran=3>'
    + '</div></main><a href="javascript:window.ran=4">x</a>\u202Egnihtyna\u202C {{ 7 * 7 }} & &lt;i&gt;';
  const long = 'x'.repeat(10_000 - nasty.length - 1);
  const open = await visit(chrome, up.origin, { viewport: { width: 320, height: 700 } });
  await live(open.page);
  const injected = page => page.evaluate(() => ({
    ran: window.ran, scripts: document.scripts.length, images: document.images.length,
    handlers: document.querySelectorAll('[onerror],[onload],[href^="javascript:"]').length,
    wide: document.documentElement.scrollWidth - innerWidth,
  }));
  // Only the front page has a script, its own.
  const clean = { ran: undefined, scripts: 1, images: 0, handlers: 0, wide: 0 };
  assert.deepEqual(await injected(open.page), clean);

  await up.cli('incident', 'open', '--title', `Shop ${nasty.slice(0, 150)}`, '--text', `${nasty} ${long}`, '--service', 'shop=partial_outage');
  const id = await until('the incident is public', async () => (await up.json('/api/v2/incidents/unresolved.json')).incidents[0]?.id);

  // The page that was open got it over the stream; a new one, and the incident's own, with the HTML.
  await open.page.locator('#inc article').waitFor();
  const fresh = await visit(chrome, up.origin, { viewport: { width: 320, height: 700 } });
  const own = await visit(chrome, `${up.origin}/incidents/${id}`, { viewport: { width: 320, height: 700 } });
  const past = await visit(chrome, `${up.origin}/history`, { viewport: { width: 320, height: 700 } });
  for (const { page, wrong } of [open, fresh, own, past]) {
    const text = await page.locator('main').innerText();
    assert.ok(text.includes('<script>window.ran=1</script><img src=x onerror="window.ran=2">'), text.slice(0, 600));
    assert.ok(!/[\u202A-\u202E\u2066-\u2069]/.test(text), 'nothing turns the direction of the page');
    const scripts = page === open.page || page === fresh.page ? 1 : 0;
    assert.deepEqual(await injected(page), { ...clean, scripts }, page.url());
    assert.deepEqual(wrong, [], page.url());
  }
  const whole = await own.page.locator('.txt').first().innerText();
  assert.ok(whole.includes('{{ 7 * 7 }} & &lt;i&gt;'), 'not one character is interpreted');
  assert.ok(whole.includes('x'.repeat(9_000)), `${whole.length} characters of 10,000`);

  await up.cli('incident', 'resolve', id, '--text', 'Over.');
  await open.page.locator('#inc article').waitFor({ state: 'detached' });
  await Promise.all([open, fresh, own, past].map(v => v.close()));
});

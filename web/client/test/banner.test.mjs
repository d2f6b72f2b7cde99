// The banner in a real browser, in every state and at every size: what axe says, what is announced, where the focus is. The pictures
// are for people: BANNER_PICTURES=<folder> keeps them.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Mirror, Origin, Signer, both, browser, incident, names, notice, shown, until } from './world.mjs';

let chrome, context, origin, mirror, signer;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
afterEach(async () => {
  await context?.close();
  origin?.stop();
  mirror?.stop();
});

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
async function open(options = {}, more = '') {
  signer = new Signer();
  origin = await new Origin().listen();
  origin.lang = options.locale ?? 'en';
  mirror = (await new Mirror().listen()).says(signer, notice());
  origin.tag([mirror], signer, more);
  context = await chrome.newContext({ viewport: SIZES.desktop, ...options });
  const page = await context.newPage();
  await page.goto(origin.origin);
  await page.waitForFunction(() => JSON.parse(localStorage.stillhere ?? '{}').held && document.querySelector('stillhere-status')?.shadowRoot);
  return page;
}
const work = () => notice('maintenance', { maintenances: [{ id: 'm', title: both('A new database', '更换数据库'), starts_at: new Date().toISOString(), ends_at: new Date(Date.now() + 1_800_000).toISOString() }] });
const act = (page, state, more = {}) => page.evaluate(([state, more]) => window.stillhere.emit('action', { key: 'k', label: 'Your order', state, at: Date.now(), receipt: true, ...more }), [state, more]);
const use = page => page.evaluate(() => fetch('/api').then(r => r.status, () => 0));

/** Each way to a state of the banner. */
const WAYS = {
  async down(page) { mirror.says(signer, notice('major', { incidents: [incident()] })); await origin.kill(); await use(page); await until('down, seen from here too', () => page.evaluate(() => window.stillhere.state().name === 'down' && window.stillhere.state().unreachableSince)); },
  async 'down-saved'(page) { await WAYS.down(page); await act(page, 'saved'); },
  async slow(page) { mirror.says(signer, notice('partial', { incidents: [incident()] })); await page.evaluate(() => window.stillhere.diagnose()); await names(page, 'slow'); },
  async unknown(page) { await origin.kill(); await use(page); await names(page, 'unknown'); await page.evaluate(() => window.stillhere.diagnose()); },
  async you(page) { await Promise.all([origin.kill(), mirror.kill()]); await use(page); await names(page, 'you'); },
  async maintenance(page) { mirror.says(signer, work()); await page.evaluate(() => window.stillhere.diagnose()); await names(page, 'maintenance'); },
  async recovering(page) { await WAYS.down(page); await act(page, 'sending'); origin.back = 60; mirror.says(signer, notice()); await origin.up(); await names(page, 'recovering'); },
  async back(page) { await WAYS.down(page); origin.back = 1; mirror.says(signer, notice()); await origin.up(); await act(page, 'done'); await until('back', async () => (await shown(page)).tone === 'back'); },
};

async function violations(page) {
  await page.evaluate(axe.source);
  return page.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`));
}

for (const [way, go] of Object.entries(WAYS)) {
  for (const scheme of ['light', 'dark']) {
    test(`${way}, ${scheme}: axe has nothing to say, nothing is wider than the screen, nothing of the page moves`, async () => {
      const page = await open({ colorScheme: scheme });
      const before = await page.evaluate(() => document.querySelector('main').getBoundingClientRect().toJSON());
      await go(page);
      await page.waitForFunction(() => document.querySelector('stillhere-status').shadowRoot.getAnimations().length === 0);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(await page.evaluate(() => document.querySelector('main').getBoundingClientRect().toJSON()), before);
      for (const [name, size] of Object.entries(SIZES)) {
        await page.setViewportSize(size);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        if (process.env.BANNER_PICTURES) await page.screenshot({ path: path.join(process.env.BANNER_PICTURES, `${way}.${scheme}.${name}.png`) });
      }
    });
  }
}

for (const [locale, title] of [['zh-CN', /灯塔 无法使用/], ['ar', /متوقف/], ['de', /ist ausgefallen/], ['hi', /ठप है/]]) {
  test(`${locale}: its own words, which were loaded while all was well`, async () => {
    const page = await open({ locale });
    // That they were asked for is not enough: the origin dies next, and they must have come.
    const came = l => performance.getEntriesByType('resource').some(e => e.name.endsWith(`words/${l}.json`) && e.responseEnd > 0);
    await page.waitForFunction(came, locale);
    await page.evaluate(() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await WAYS['down-saved'](page);
    assert.match((await shown(page)).title, title);
    const { lang, dir, over } = await page.evaluate(() => {
      const s = document.querySelector('stillhere-status').shadowRoot.querySelector('section'), hide = s.querySelector('[part=hide]').getBoundingClientRect(), t = s.querySelector('.t').getBoundingClientRect();
      return { lang: s.lang, dir: s.dir, over: hide.left < t.right && t.left < hide.right && s.dir === 'x' };
    });
    assert.deepEqual([lang, dir, over], [locale, locale === 'ar' ? 'rtl' : 'ltr', false]);
    assert.deepEqual(await violations(page), []);
    if (process.env.BANNER_PICTURES) { await page.setViewportSize(SIZES.phone); await page.screenshot({ path: path.join(process.env.BANNER_PICTURES, `${locale}.png`) }); }
  });
}

test('each change is in the polite region once, which was there empty before', async () => {
  const page = await open();
  const region = await page.evaluate(() => {
    const s = document.querySelector('stillhere-status').shadowRoot.querySelector('[role=status]');
    window.said = [];
    new MutationObserver(() => { const t = s.textContent; if (t !== window.said.at(-1)) window.said.push(t); }).observe(s, { childList: true, characterData: true, subtree: true });
    return s.textContent;
  });
  assert.equal(region, '');
  await WAYS.down(page);
  await act(page, 'saved');
  for (let i = 0; i < 50; i++) await page.evaluate(() => document.querySelector('stillhere-status').render());
  origin.back = 1; mirror.says(signer, notice()); await origin.up();
  await until('back', async () => (await shown(page)).tone === 'back');
  const said = (await page.evaluate(() => window.said)).map(t => t.replace(/[\u2066-\u2069]/g, '').replace(/\d\d:\d\d:\d\d/, 'T'));
  assert.equal(new Set(said).size, said.length, said.join(' | '));
  assert.equal(said.at(0).startsWith('Lantern cannot be reached') || said.at(0).startsWith('Lantern is down'), true);
  assert.equal(said.at(-1), 'Lantern is back');
});

test('it never takes the focus, can be reached and hidden by keyboard, and shows itself again at the next change', async () => {
  const page = await open();
  await page.focus('#i');
  await WAYS.down(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'i');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.localName), 'stillhere-status');
  await until('the hide button', async () => {
    const part = await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.getAttribute('part'));
    if (part !== 'hide') await page.keyboard.press('Tab');
    return part === 'hide';
  });
  await page.keyboard.press('Enter');
  assert.equal((await shown(page)).tone, 'e');
  origin.back = 30; mirror.says(signer, notice()); await origin.up();
  await until('recovering', async () => (await shown(page)).tone === 'recovering');
});

test('it is not printed, does not move for those who do not want it, and takes the theme of the page', async () => {
  const page = await open({ reducedMotion: 'reduce' });
  await page.addStyleTag({ content: 'stillhere-status{--stillhere-background:#ffffee;--stillhere-radius:0px} stillhere-status::part(title){text-transform:uppercase}' });
  await WAYS.down(page);
  const css = () => page.evaluate(() => { const e = document.querySelector('stillhere-status'), s = e.shadowRoot.querySelector('section'), c = getComputedStyle(s); return { display: getComputedStyle(e).display, animation: c.animationName, background: c.backgroundColor, radius: c.borderRadius, title: getComputedStyle(s.querySelector('.t')).textTransform }; });
  assert.deepEqual(await css(), { display: 'block', animation: 'none', background: 'rgb(255, 255, 238)', radius: '0px', title: 'uppercase' });
  await page.emulateMedia({ media: 'print' });
  assert.equal((await css()).display, 'none');
});

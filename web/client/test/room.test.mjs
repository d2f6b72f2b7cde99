// The banner and what a person is doing: at 375 and 1280 px, under a fixed header, and with what a keyboard on the screen leaves of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Mirror, Origin, Signer, browser, incident, names, notice, until } from './world.mjs';

let chrome, context, origin, mirror, signer;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
afterEach(async () => {
  await context?.close();
  origin?.stop();
  mirror?.stop();
});

const SIZES = { phone: { width: 375, height: 812 }, desktop: { width: 1280, height: 800 }, keyboard: { width: 375, height: 330 } };
const FIELDS = Array.from({ length: 12 }, (_, i) => `<p><label>Field ${i + 1}<br><input id=f${i + 1}></label></p>`).join('');
const LOOKS = '<style>header{position:fixed;inset:0 0 auto;height:56px;background:#234;color:#fff;padding:16px;box-sizing:border-box;z-index:10}body{margin:72px 16px 16px}input{font:inherit;padding:8px;width:100%;box-sizing:border-box;max-width:30rem}html{scroll-padding-top:64px}</style>';

async function open(viewport, { place } = {}) {
  signer = new Signer();
  origin = await new Origin().listen();
  mirror = (await new Mirror().listen()).says(signer, notice());
  origin.body = `${LOOKS}<header>A fixed header</header><main><h1>Order</h1>${place ? `<stillhere-status place=${place} site=Lantern></stillhere-status>` : ''}<form>${FIELDS}</form><p id=last>The last line of the page.</p></main>`;
  origin.tag([mirror], signer, 'data-site=Lantern');
  context = await chrome.newContext({ viewport, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(origin.origin);
  await page.waitForFunction(() => JSON.parse(localStorage.stillhere ?? '{}').held && document.querySelector('stillhere-status')?.shadowRoot && document.adoptedStyleSheets.length);
  return page;
}
/** The origin dies while a person is at `field`. */
async function dies(page, field) {
  if (field) await page.focus(field);
  mirror.says(signer, notice('major', { incidents: [incident()] }));
  await origin.kill();
  await page.evaluate(() => fetch('/api').then(() => 0, () => 0));
  await names(page, 'down');
  await until('it is on the screen', () => page.evaluate(() => document.querySelector('stillhere-status').shadowRoot.querySelector('section').offsetHeight > 40));
}
/** What a finger would touch there. */
const free = (page, what) => page.evaluate(what => {
  const e = document.querySelector(what), r = e.getBoundingClientRect();
  return [r.top + 2, (r.top + r.bottom) / 2, r.bottom - 2].every(y => { const hit = document.elementFromPoint(r.left + 20, y); return !!hit && (hit === e || e.contains(hit)); });
}, what);
const picture = (page, name) => process.env.BANNER_PICTURES && page.screenshot({ path: path.join(process.env.BANNER_PICTURES, `room.${name}.png`) });
/** Field of the form that is lowest on the screen. */
const lowest = page => page.evaluate(() => '#' + [...document.querySelectorAll('input')].filter(i => i.getBoundingClientRect().bottom <= innerHeight).at(-1).id);

for (const [name, size] of Object.entries(SIZES)) {
  test(`${name}: the field that somebody is in is not covered, and nothing has moved`, async () => {
    const page = await open(size), field = await lowest(page);
    const where = () => page.evaluate(field => [scrollY, document.querySelector(field).getBoundingClientRect().top, document.querySelector('main').getBoundingClientRect().top], field);
    await page.focus(field);
    const before = await where();
    await dies(page, field);
    await until('the field is free', () => free(page, field));
    await picture(page, `${name}.field`);
    assert.deepEqual(await where(), before);
    assert.equal(await page.evaluate(() => '#' + document.activeElement.id), field);
  });

  test(`${name}: whoever goes on with the keyboard is never under it, and the end of the page can be read`, async () => {
    const page = await open(size);
    await dies(page, '#f1');
    for (let n = 2; n <= 12; n += 1) {
      await page.keyboard.press('Tab');
      await until(`field ${n} is free`, async () => await page.evaluate(() => document.activeElement.id) === `f${n}` && free(page, `#f${n}`));
    }
    await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 1e6); });
    await until('the last line is free', () => free(page, '#last'));
    await picture(page, `${name}.end`);
  });
}

test('when it is over the room is given back', async () => {
  const page = await open(SIZES.phone), high = () => page.evaluate(() => document.documentElement.scrollHeight), before = await high();
  await dies(page);
  await until('there is room', async () => await high() > before);
  await page.evaluate(() => { document.querySelector('stillhere-status').shadowRoot.querySelector('[part=hide]').click(); });
  await until('and it is gone', async () => await high() === before);
});

test('place=here stands in the text, place=top at the top, and both keep clear of what is done', async () => {
  const page = await open(SIZES.desktop, { place: 'here' });
  await dies(page, '#f3');
  await until('in the text', () => page.evaluate(() => { const b = document.querySelector('stillhere-status').getBoundingClientRect(), h = document.querySelector('h1').getBoundingClientRect(), f = document.querySelector('form').getBoundingClientRect(); return b.top >= h.bottom - 1 && b.bottom <= f.top + 1 && getComputedStyle(document.querySelector('stillhere-status')).position === 'static'; }));
  await picture(page, 'here');
  await page.evaluate(() => { document.activeElement.blur(); document.querySelector('stillhere-status').setAttribute('place', 'top'); document.documentElement.style.setProperty('--stillhere-clear', '56px'); });
  await until('at the top, below the header', () => page.evaluate(() => { const b = document.querySelector('stillhere-status').shadowRoot.querySelector('section').getBoundingClientRect(); return b.top >= 56 && b.top < 90; }));
  await picture(page, 'top');
  await page.focus('#f1');
  await until('the first field is free', () => free(page, '#f1'));
});

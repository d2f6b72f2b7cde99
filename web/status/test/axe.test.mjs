// Accessibility, judged by axe-core: every kind of page, on a phone and a desktop, light and dark, in both languages.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, service, Stillhere, Target, until, visit } from './harness.mjs';

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const SCHEMES = ['light', 'dark'];
const LANGUAGES = ['en', 'zh-CN'];
/** The narrowest window that must do without scrolling sideways (WCAG 2.2, 1.4.10). */
const NARROW = { width: 320, height: 700 };

let chrome, up, shop, pay;
before(async () => {
  [shop, pay] = [await Target.start(), await Target.start()];
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD
    + service('shop', 'Shop', '商店', shop, 'description = { en = "Everything that customers see", zh-CN = "顾客看到的一切" }\ngroup = { en = "For customers", zh-CN = "面向顾客" }')
    + service('payments', 'Payments', '支付', pay)
    + service('search', 'Search', '搜索', shop, 'depends_on = ["shop"]'))]);
  await up.statuses({ shop: 'operational', payments: 'operational', search: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

/** Visits each path in every combination; `is` is what must be on the page for it to be the page that is meant. */
async function nothingToComplainAbout(pages) {
  for (const colorScheme of SCHEMES) for (const [size, viewport] of Object.entries(SIZES)) {
    const { page, close } = await visit(chrome, up.origin, { colorScheme, viewport, deviceScaleFactor: 1 });
    for (const lang of LANGUAGES) for (const [path, is] of Object.entries(pages)) {
      await page.goto(`${up.origin}${path}?lang=${lang}`);
      await page.locator(is).first().waitFor({ state: 'attached' });
      assert.equal(await page.locator('html').getAttribute('lang'), lang);
      await page.evaluate(axe.source);
      const { violations, passes } = await page.evaluate(() => window.axe.run());
      const found = violations.map(v => `${v.id}: ${v.help}\n  ${v.nodes.map(n => n.html.slice(0, 200)).join('\n  ')}`);
      assert.deepEqual(found, [], `${path} on a ${colorScheme} ${size} in ${lang}`);
      assert.ok(passes.length > 10, 'axe looked at the page');
    }
    await close();
  }
  const { page, close } = await visit(chrome, up.origin, { viewport: NARROW });
  for (const lang of LANGUAGES) for (const path of Object.keys(pages)) {
    await page.goto(`${up.origin}${path}?lang=${lang}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), NARROW.width, `${path} in ${lang} scrolls sideways`);
  }
  await close();
}

test('axe finds nothing while all is well, nor on a page that is not there', async () => {
  await nothingToComplainAbout({ '/': '.hero.o', '/history': 'main h1', '/trust': '.trust .fig', '/nothing-here': 'main h1' });
});

test('axe finds nothing during planned work, before it and while it goes on', async () => {
  await up.cli('maintenance', 'schedule', '--title', 'Bigger disks', '--title', 'zh-CN=更换更大的磁盘',
    '--text', 'The search is slow for an hour.', '--text', 'zh-CN=搜索会慢一个小时。', '--service', 'search', '--starts', '2h', '--ends', '3h');
  await up.cli('maintenance', 'schedule', '--title', 'New network', '--text', 'Payments pause.', '--service', 'payments',
    '--starts', '0s', '--ends', '1h', '--expect', 'major_outage');
  await up.statuses({ payments: 'under_maintenance' });
  const { scheduled_maintenances: all } = await up.json('/api/v2/scheduled-maintenances.json');
  assert.equal(all.length, 2);
  const pages = Object.fromEntries(all.map(m => [`/maintenance/${m.id}`, 'article.m']));
  await until('both are on the page', async () => (await (await fetch(up.origin)).text()).split('<article class="inc m"').length === 3);
  await nothingToComplainAbout({ '/': '.hero.m', ...pages });
  for (const m of all) await up.cli('maintenance', 'cancel', m.id);
  await up.statuses({ payments: 'operational' });
});

test('axe finds nothing during a major outage, on the page of its incident, and when it is over', async () => {
  await Promise.all([shop.kill(), pay.kill()]);
  await up.statuses({ shop: 'major_outage', payments: 'major_outage', search: 'major_outage' });
  const incidents = await until('the incidents', async () => {
    const { incidents } = await up.json('/api/v2/incidents/unresolved.json');
    return incidents.length === 2 && incidents;
  });
  const [{ id }] = incidents;
  await up.cli('incident', 'update', id, '--status', 'identified', '--next-update', '20m',
    '--text', 'A switch has failed. We are replacing it.', '--text', 'zh-CN=一台交换机故障，正在更换。');
  await until('the update is public', async () => (await (await fetch(`${up.origin}/incidents/${id}`)).text()).includes('A switch has failed'));
  await nothingToComplainAbout({ '/': '.hero.x', [`/incidents/${id}`]: 'article.inc', '/history': '.past li' });

  await Promise.all([shop.up(), pay.up()]);
  await until('over', async () => (await up.json('/api/v2/incidents/unresolved.json')).incidents.length === 0);
  await up.cli('incident', 'correct', id, '--started-at', new Date(Date.now() - 600_000).toISOString(), '--note', 'It began earlier than we saw.');
  await until('the correction is public', async () => (await (await fetch(`${up.origin}/incidents/${id}`)).text()).includes('<del>'));
  await until('the correction is in the report', async () => (await up.json('/api/v1/trust')).incidents.some(i => i.started_at_first));
  await nothingToComplainAbout({ '/': '#past a', [`/incidents/${id}`]: 'article.inc del', '/history': '.past li', '/trust': '.trust .all a' });
});

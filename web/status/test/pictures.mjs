// Takes the pictures of docs/pictures: a shop of six services, really watched, really broken. `npm run pictures`
//
// Nothing on them is made up: the bars begin on the day of the picture, as they do for everybody.
import { mkdir } from 'node:fs/promises';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { browser, HEAD, live, Stillhere, Target, until, visit } from './harness.mjs';

const OUT = fileURLToPath(new URL('../../../docs/pictures/', import.meta.url));
const VIEWS = [
  ['fine', 'fine-phone-light-en', 'phone', 'light', 'en'],
  ['fine', 'fine-desktop-dark-zh-CN', 'desktop', 'dark', 'zh-CN'],
  ['outage', 'outage-desktop-light-en', 'desktop', 'light', 'en'],
  ['outage', 'outage-phone-dark-zh-CN', 'phone', 'dark', 'zh-CN'],
];
const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  desktop: { viewport: { width: 1180, height: 850 }, deviceScaleFactor: 1 },
};

await mkdir(OUT, { recursive: true });
const [site, database, payments, search] = await Promise.all([1, 2, 3, 4].map(() => Target.start()));
// The checkout needs the database, and says so when it cannot reach it.
const checkout = await Target.start((q, r) => {
  net.connect(database.port, '127.0.0.1')
    .once('connect', function () { this.destroy(); r.end('ok'); })
    .once('error', () => r.writeHead(503).end());
});
const group = { front: '{ en = "For customers", zh-CN = "面向顾客" }', inside: '{ en = "Behind the scenes", zh-CN = "后台" }' };
const table = (id, en, zh, where, url, more = '') => `
[[service]]
id = "${id}"
name = { en = "${en}", zh-CN = "${zh}" }
group = ${group[where]}
${url ? `url = "${url}"` : ''}
${more}`;
process.env.STILLHERE_PICTURE_KEY = 'nightly-report-of-the-lantern-shop';
const up = await Stillhere.up(HEAD
  + table('website', 'Website', '网站', 'front', site.url)
  + table('checkout', 'Checkout', '结账', 'front', checkout.url, 'depends_on = ["database"]')
  + table('payments', 'Payments', '支付', 'front', payments.url)
  + table('search', 'Search', '搜索', 'front', search.url)
  + table('database', 'Database', '数据库', 'inside', `tcp://127.0.0.1:${database.port}`)
  + table('report', 'Nightly report', '每日报表', 'inside', '', `
  [[service.check]]
  kind = "push"
  key = { env = "STILLHERE_PICTURE_KEY" }
  period = "1 day"`));
await fetch(`${up.origin}/ping/${process.env.STILLHERE_PICTURE_KEY}`);
const all = ['website', 'checkout', 'payments', 'search', 'database', 'report'];
await up.statuses(Object.fromEntries(all.map(id => [id, 'operational'])));

// The record of the days is drawn anew once a minute.
await until('every service has a first bar', async () => (await up.json('/api/v1/services')).services.every(s => s.uptime !== null), 90_000);

const chrome = await browser();
async function take(state) {
  for (const [when, name, size, colorScheme, lang] of VIEWS) {
    if (when !== state) continue;
    const { page, close } = await visit(chrome, `${up.origin}/?lang=${lang}`, { ...SIZES[size], colorScheme });
    await live(page);
    await page.screenshot({ path: `${OUT}${name}.png` });
    if (process.env.WHOLE) await page.screenshot({ path: `${process.env.WHOLE}/${name}.png`, fullPage: true });
    await close();
  }
}
await take('fine');
await database.kill();
await up.statuses({ database: 'major_outage', checkout: 'major_outage', website: 'operational' });
const { id } = await until('the incident', async () => (await up.json('/api/v2/incidents/unresolved.json')).incidents[0]);
const WORDS = {
  en: 'The disk of the database is full. We are making room; orders that were paid are safe.',
  zh: '数据库的磁盘已满，我们正在清理空间。已付款的订单不受影响。',
};
await up.cli('incident', 'update', id, '--status', 'identified', '--next-update', '20m', '--text', WORDS.en, '--text', `zh-CN=${WORDS.zh}`);
await until('the update is public', async () => (await (await fetch(`${up.origin}/?lang=en`)).text()).includes(WORDS.en));
await take('outage');
await chrome.close();
await up.down();
await Promise.all([site, checkout, payments, search].map(t => t.kill()));

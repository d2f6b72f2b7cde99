// Pictures of both stories at their worst moment, and after: `npm run pictures [folder]`.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Demo, SIZES, banner, browser, until, visitor } from './harness.mjs';

const to = process.argv[2] ?? 'pictures';
await mkdir(to, { recursive: true });
const demo = await Demo.up();
const chrome = await browser();
const looks = process.argv[3] ? [JSON.parse(process.argv[3])] : [
  { size: 'desktop', colorScheme: 'light', locale: 'en' },
  { size: 'phone', colorScheme: 'dark', locale: 'zh-CN' },
  { size: 'phone', colorScheme: 'light', locale: 'en' },
  { size: 'desktop', colorScheme: 'dark', locale: 'zh-CN' },
];
const WORDS = {
  en: { name: 'Li Lei', address: '12 Lantern Lane', card: 'Happy new year', say: ['Shall we begin?', 'The upper half is yours.', 'Are you there?'] },
  'zh-CN': { name: '李雷', address: '灯笼巷 12 号', card: '新年快乐', say: ['开始吧？', '上半部分归您。', '您还在吗？'] },
};

const loaded = page => until('the form is guarded', () => page.evaluate(() => performance.getEntriesByType('resource').some(r => r.name.endsWith('/kept.js') && r.responseEnd > 0)));
const shot = (page, name, look) => page.screenshot({ path: path.join(to, `${name}-${look.size}-${look.colorScheme}-${look.locale}.png`), fullPage: false });
async function wave(page, y) {
  const box = await page.locator('#board').boundingBox();
  await page.mouse.move(box.x + .08 * box.width, box.y + y * box.height);
  await page.mouse.down();
  for (let n = 1; n <= 40; n++) await page.mouse.move(box.x + (.08 + n * .02) * box.width, box.y + (y + .09 * Math.sin(n / 4)) * box.height);
  await page.mouse.up();
}
async function say(page, text) {
  await page.locator('#text').fill(text);
  await page.locator('#text').press('Enter');
}

for (const look of looks) {
  await demo.mend();
  await until('the shop is open', async () => (await fetch(`${demo.shop}/`)).ok);
  const { locale, colorScheme, size } = look, words = WORDS[locale];
  const options = { viewport: SIZES[size], colorScheme, locale, reducedMotion: 'reduce', deviceScaleFactor: 1.5 };
  const [shop, one, two] = await Promise.all([1, 2, 3].map(() => visitor(chrome, options)));
  await shop.goto(`${demo.shop}/?lang=${locale}`);
  await shot(shop, 'shop', look);
  await shop.goto(`${demo.shop}/checkout?lang=${locale}`);
  for (const name of ['name', 'address', 'card']) await shop.locator(`#${name}`).fill(words[name]);
  await loaded(shop);
  for (const page of [one, two]) {
    await page.goto(`${demo.shop}/meeting?lang=${locale}`);
    await until('in the room', async () => /[AB]/.test(await page.locator('#roomsaid').innerText()));
  }
  await say(one, words.say[0]);
  await wave(one, .3);
  await until('the other one hears', async () => (await two.locator('#chat li').count()) > 0);
  await say(two, words.say[1]);
  await wave(two, .5);
  await demo.killBoth();
  await until('the room is away', () => one.evaluate(() => document.body.classList.contains('away')));
  await wave(one, .75);
  await say(one, words.say[2]);
  await shop.locator('button.main').click();
  const pressed = Date.now();
  await until('the banner speaks', async () => (await banner(shop)).split('\n').length > 3 && (await banner(one)).split('\n').length > 3);
  await until('the order is kept', // The edge holds it for 5 s first.
    async () => Date.now() - pressed > 5_500 && (await shop.locator('[data-stillhere-status]').innerText()).match(/saved on|已保存/));
  await shot(shop, 'checkout-away', look);
  await shot(one, 'meeting-away', look);
  await demo.mend();
  await until('all is there', () => one.evaluate(() => !document.body.classList.contains('away')));
  await shop.waitForURL(/thanks/, { timeout: 90_000 });
  await shot(shop, 'thanks', look);
  await shot(one, 'meeting-back', look);
  for (const page of [shop, one, two]) await page.context().close();
}
await chrome.close();
await demo.down();

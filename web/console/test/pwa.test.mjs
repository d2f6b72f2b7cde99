// On a home screen, and without a server: the console opens, says that there is no connection and since when, and shows nothing of
// before as if it were now.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, service, Target, until, visit } from './harness.mjs';
import { open, start } from './signed.mjs';

let chrome, up, shop;
before(async () => {
  shop = await Target.start();
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Lantern counter', '灯笼柜台', shop))]);
  await up.statuses({ shop: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
});

/** What the worker has kept, by address. */
const kept = page => page.evaluate(async () => {
  const names = await caches.keys();
  const all = await Promise.all(names.map(async n => (await (await caches.open(n)).keys()).map(r => new URL(r.url).pathname)));
  return all.flat();
});

test('it can be put on a home screen: the manifest is right and every icon is there', async () => {
  const { page, context, close } = await open(chrome, up, '/console/', { viewport: PHONE });
  const cdp = await context.newCDPSession(page);
  const { url, errors, data } = await cdp.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  assert.equal(url, `${up.origin}/console/manifest.webmanifest`);
  const manifest = JSON.parse(data);
  assert.deepEqual([manifest.start_url, manifest.scope, manifest.display], ['/console/', '/console/', 'standalone']);
  for (const { src, sizes } of manifest.icons) {
    const [w] = await page.evaluate(async src => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return [image.naturalWidth, image.naturalHeight];
    }, src);
    if (sizes !== 'any') assert.equal(`${w}x${w}`, sizes, src);
  }
  await close();
});

test('without a server it opens all the same, says that there is none and since when, and nothing of what was; it is back by itself', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/services', { viewport: PHONE, serviceWorkers: 'allow' });
  await page.getByText('Lantern counter').waitFor();
  await until('the worker has all files', () => page.evaluate(async () => !!(await navigator.serviceWorker.ready).active));
  const files = await kept(page);
  assert.ok(files.includes('/console/') && files.some(f => /assets\/Journal-.*\.js$/.test(f)), files.join(' '));
  assert.ok(files.every(f => f.startsWith('/console/')), 'nothing that the server says is kept');

  // Cut while it is open: pages that were never looked at open, too, and say what they cannot know.
  await up.kill();
  await page.locator('.strip').getByText(/No connection since \d\d:\d\d/).waitFor();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('link', { name: 'Journal' }).click();
  await page.getByRole('heading', { name: 'Journal', level: 1 }).waitFor();
  await page.getByText('The server did not answer.').waitFor();

  // Opened anew.
  await page.goto(`${up.origin}/console/services`);
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
  await page.getByText(/It last answered this device at \d\d:\d\d, \d+ (s|min) ago\. How things are since, nobody knows here\./).waitFor();
  assert.ok(!/Lantern counter|work/.test(await page.locator('body').innerText()), 'nothing is said about the services');
  assert.deepEqual(await complaints(page), []);

  await up.start();
  await page.getByText('Lantern counter').waitFor();
  await until('it is live', async () => await page.locator('.beat').innerText() === 'Live');
  assert.equal(new URL(page.url()).pathname, '/console/services', 'where one wanted to go');
  assert.deepEqual(wrong, []);
  await close();
});

test('a proxy in front that has no server behind it does not stand in its place', async () => {
  const { page, context, close } = await visit(chrome, `${up.origin}/console/`, { serviceWorkers: 'allow' });
  await until('the worker is there', () => page.evaluate(async () => !!(await navigator.serviceWorker.ready).active));
  await up.kill();
  const proxy = await Target.start((q, r) => { r.statusCode = 502; r.end('<h1>Bad gateway</h1>'); }, up.port);
  await page.goto(`${up.origin}/console/`);
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
  assert.equal((await context.request.get(`${up.origin}/console/`)).status(), 502);
  await proxy.kill();
  await up.start();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await close();
});

// What waits, what was given up and why, and another try: as the one who is told sees it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, Hook, PHONE, service, Target, until } from './harness.mjs';
import { open, other, start } from './signed.mjs';

let chrome, up, shop, gone, away;
before(async () => {
  [shop, gone, away] = await Promise.all([Target.start(), Hook.start(410), Hook.start(503)]);
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop) + gone.channel('customers') + away.channel('partners'))]);
  await up.statuses({ shop: 'operational' });
  await shop.kill();
  await up.statuses({ shop: 'major_outage' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, gone, away].map(t => t?.kill()));
});

test('what waits is shown with its age, what was given up with its reason; who may only read cannot revive it', async () => {
  const { page, wrong, close } = await open(chrome, await other(up, 'ana', 'viewer'), '/console/deliveries');
  const channels = page.getByRole('region', { name: 'Channels' });
  await until('one waits for the partners', async () => /partners\s+1 waits · the oldest for \d+ (s|min)/.test(await channels.innerText()));
  assert.match(await channels.innerText(), /customers\s+1 given up\s+nothing waits\s+0 delivered/);
  const letters = page.getByRole('region', { name: 'Given up' });
  await until('with its reason', async () => /customers · an incident was opened[^]*HTTP 410: gone\. nobody lives here[^]*after 1 try/.test(await letters.innerText()));
  assert.equal(await page.locator('main button').count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('a message that was given up is tried again and arrives', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/deliveries', { viewport: PHONE });
  const had = gone.got;
  gone.status = 200;
  await page.getByRole('button', { name: 'Try it again' }).click();
  await page.getByText('It waits to be sent again.').last().waitFor();
  await until('it arrived', () => gone.got > had);
  await until('the page says so by itself', async () => /customers\s+nothing waits\s+1 delivered/.test(await page.getByRole('region', { name: 'Channels' }).innerText()));
  assert.equal(await page.getByRole('region', { name: 'Given up' }).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

// What was decided and who did what: newest first, by what it is about, and as far back as one asks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { NAME, open, other, start } from './signed.mjs';

let chrome, up, shop, pay, id;
before(async () => {
  [shop, pay] = await Promise.all([Target.start(), Target.start()]);
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', pay))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
  await pay.kill();
  await up.statuses({ payments: 'major_outage' });
  ({ id } = await up.incident());
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

test('what happens stands on top by itself, and each name leads to all that is about it', async () => {
  const { page, wrong, close } = await open(chrome, await other(up, 'ana', 'viewer'), '/console/journal', { viewport: PHONE });
  const main = page.locator('main');
  const rows = page.locator('main li');
  await until('the outage is in it', async () => /Found:\s+Down[^]*Payments/.test(await main.innerText()));
  await up.cli('incident', 'update', id, '--text', 'The bank is told.');
  await until('what was said is on top, with who said it', async () =>
    /The command line said in public:\s+[^]*The bank is told\./.test((await rows.allInnerTexts()).slice(0, 4).join('\n')));

  await rows.filter({ hasText: 'The bank is told.' }).first().getByRole('link', { name: /^all about it/ }).click();
  await until('the address says what is looked for', () => new URL(page.url()).searchParams.get('incident') === id);
  await until('nothing else is there', async () => await rows.count() > 2 && await rows.count() === await rows.filter({ hasText: 'all about it' }).count());
  await page.getByRole('button', { name: /Take off/ }).click();

  await page.getByLabel('Service').fill('shop');
  await page.getByRole('button', { name: 'Look', exact: true }).click();
  await until('the shop alone', async () => await page.getByRole('button', { name: /Shop/ }).count() === 1
    && await rows.count() > 0 && await rows.count() === await rows.filter({ hasText: 'Shop' }).count());
  assert.equal(await rows.filter({ hasText: 'Payments' }).count(), 0);
  await page.getByRole('button', { name: /Take off/ }).click();

  await page.getByLabel('Person').fill('ANA');
  await page.getByRole('button', { name: 'Look', exact: true }).click();
  await until('what she did, and what was done about her', async () => {
    const all = await rows.allInnerTexts();
    return all.some(x => /ana chose a password/.test(x)) && all.some(x => /The command line added ana, who may read/.test(x)) && all.every(x => /\bana\b/.test(x));
  });
  await page.goBack();
  await until('the way back leads back', async () => await rows.filter({ hasText: 'Found:' }).count() > 0);
  await page.getByLabel('Only what people did').check();
  await until('people alone', async () => await rows.count() > 0 && await rows.filter({ hasText: 'Found:' }).count() === 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('it is read back a page at a time to where it begins, and what comes meanwhile leaves no hole', async () => {
  for (let i = 0; i < 14; i += 1) {
    await Promise.all([0, 1].map(async n => {
      await up.cli('token', 'new', `t${i}-${n}`);
      await up.cli('token', 'revoke', `t${i}-${n}`);
    }));
  }
  const { page, wrong, close } = await open(chrome, up, '/console/journal?people=true');
  const rows = page.locator('main li');
  await until('a page', async () => await rows.count() === 50);
  await page.getByRole('button', { name: 'Older ones' }).click();
  await page.getByText('This is where the record begins.').waitFor();
  const all = await rows.count();
  assert.ok(all > 58, `${all}`);
  await up.cli('token', 'new', 'latest');
  await until('it stands on top', async () => /made the token latest/.test(await rows.first().innerText()));
  assert.equal(await rows.count(), all + 1);
  for (let i = 0; i < 14; i += 1) assert.equal(await rows.filter({ hasText: `made the token t${i}-0` }).count(), 1, `t${i}`);
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  await page.locator('article.inc').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('j');
  await until('what the first person did is named', async () => await rows.filter({ hasText: NAME }).count() > 0);
  assert.deepEqual(wrong, []);
  await close();
});

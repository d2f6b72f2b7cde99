// Notes for staff: written beside what is said in public, never to be taken for it, and on no page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { open, start } from './signed.mjs';

const NOTE = 'Paged the vendor. Ticket 4711; <b>Ada</b> is on it.\n供应商已接单。';
let chrome, up, shop, id;
before(async () => {
  shop = await Target.start();
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop))]);
  await up.statuses({ shop: 'operational' });
  await shop.kill();
  id = (await up.incident()).id;
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
});

test('a note is written by keys, kept through a reload, read by a colleague at once, on no page, and taken out for good', async () => {
  const mei = await open(chrome, up, `/console/incidents/${id}`, { viewport: PHONE });
  const other = await open(chrome, up, `/console/incidents/${id}`, { lang: 'zh-CN' });
  const { page } = mei;
  await page.getByRole('button', { name: 'Write a note' }).waitFor();
  await page.keyboard.press('w');
  const field = page.getByLabel('A note for staff');
  await until('the field has the focus', () => field.evaluate(x => x === document.activeElement));
  await page.keyboard.insertText(NOTE);
  await page.reload();
  await page.getByRole('button', { name: 'Write a note' }).click();
  await until('what was typed is there', async () => await field.inputValue() === NOTE);
  assert.deepEqual(await complaints(page), []);
  await field.press('Control+Enter');
  const kept = page.locator('li.private');
  await until('it stands in the timeline, as text, marked', async () => /Only staff[^]*mei[^]*<b>Ada<\/b> is on it/.test(await kept.innerText().catch(() => '')));
  await until('a colleague reads it without a reload', async () => /仅内部可见[^]*供应商已接单/.test(await other.page.locator('li.private').innerText().catch(() => '')));
  assert.deepEqual([...await complaints(page), ...await complaints(other.page)], []);
  for (const at of ['/', `/incidents/${id}`, '/history.rss', '/api/v1/incidents', '/api/v2/incidents.json']) assert.ok(!(await up.page(at)).includes('4711'), at);

  await kept.getByRole('button', { name: /Take out/ }).click();
  await kept.getByRole('button', { name: 'Yes, for good' }).click();
  await until('its words are gone, and that it was there stays', async () => /Taken out by mei/.test(await kept.innerText().catch(() => '')) && !/4711/.test(await page.locator('main').innerText()));
  await until('there as well', async () => /mei 于 .* 删去了内容/.test(await other.page.locator('li.private').innerText().catch(() => '')));
  await page.goto(`${up.origin}/console/journal?incident=${id}`);
  await until('the journal has both', async () => /took the words of a note out[^]*wrote a note for staff/.test(await page.locator('main').innerText()));
  assert.deepEqual([...mei.wrong, ...other.wrong], []);
  await mei.close();
  await other.close();
});

test('what is too long is said while it is typed, and nothing is sent', async () => {
  const { page, wrong, close } = await open(chrome, up, `/console/incidents/${id}`);
  await page.getByRole('button', { name: 'Write a note' }).click();
  await page.getByLabel('A note for staff').fill('字'.repeat(4_002));
  await page.getByText('2 characters more than a note can have').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Keep the note' }).isDisabled());
  await page.getByLabel('A note for staff').fill('');
  assert.deepEqual(wrong, []);
  await close();
});

// The operator's own templates: made in the console, checked there, chosen where an update is written, filled as it is published.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { open, start } from './signed.mjs';

const OF_FILE = '\n[[template]]\nid = "vendor"\nname = "Vendor"\ntext = "Our supplier works on it."\n';
let chrome, up, shop, id;
before(async () => {
  shop = await Target.start();
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop) + OF_FILE)]);
  await up.statuses({ shop: 'operational' });
  await shop.kill();
  id = (await up.incident()).id;
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
});

test('a template is made in two languages, a wrong place is said at its field, and the file\'s is read-only', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/settings', { viewport: PHONE });
  await page.getByRole('link', { name: /Vendor/ }).click();
  await page.getByText('This is in the configuration file').waitFor();
  assert.ok(await page.getByLabel('Text (English)').isDisabled());
  await page.getByRole('link', { name: '← Settings' }).click();
  await page.getByRole('link', { name: 'New template' }).click();
  await page.getByLabel(/^Id/).fill('disk');
  await page.getByLabel('What it is called (English)').fill('Disk full');
  await page.getByLabel('What it is called (简体中文)').fill('磁盘已满');
  await page.getByLabel('Text (English)').fill('The disk of {servces} is full.');
  await page.getByLabel('Text (简体中文)').fill('的磁盘已满，预计结束。');
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByText('{servces} cannot be filled in').waitFor();
  assert.equal(await page.getByLabel('Text (English)').getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await complaints(page), []);
  await page.getByLabel('Text (English)').fill('The disk of {services} is full. Over by ');
  await page.getByRole('button', { name: 'Put in {eta}' }).first().click();
  await page.keyboard.type('. Next word by {next_update}.');
  await page.getByLabel('Text (简体中文)').evaluate(x => x.setSelectionRange(0, 0));
  await page.getByRole('button', { name: 'Put in {services}' }).nth(1).click();
  await page.getByLabel('Goes with the status').selectOption('identified');
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('heading', { name: 'Disk full', level: 1 }).waitFor();
  assert.equal(await page.getByLabel('Text (English)').inputValue(), 'The disk of {services} is full. Over by {eta}. Next word by {next_update}.');
  assert.equal(await page.getByLabel('Text (简体中文)').inputValue(), '{services}的磁盘已满，预计结束。');
  assert.deepEqual(wrong, []);
  await close();
});

test('chosen, it says what it will be; what is not known is named, nothing is sent, and then it is filled', async () => {
  const { page, wrong, close } = await open(chrome, up, `/console/incidents/${id}?say`, { viewport: PHONE });
  await page.getByRole('button', { name: 'Disk full' }).click();
  await until('both fields have it', async () => (await page.getByLabel('Text, English').inputValue()).startsWith('The disk of {services}')
    && (await page.getByLabel('Text, 简体中文').inputValue()).startsWith('{services}的磁盘'));
  assert.ok(await page.getByRole('radio', { name: 'Cause known' }).isChecked());
  await page.getByText('{eta} has nothing to stand for').waitFor();
  const publish = page.getByRole('button', { name: 'Publish to everybody' });
  assert.ok(await publish.isDisabled());
  assert.deepEqual(await complaints(page), []);
  await page.getByLabel('Text, English').fill('The disk of {services} is full. Next word by {next_update}. {oops}');
  await page.getByText('{oops} cannot be filled in').waitFor();
  await page.getByLabel('Text, English').fill('The disk of {services} is full. Next word by {next_update}.');
  const preview = page.locator('.preview .body');
  await until('the preview has the words', async () => /The disk of Shop is full\. Next word by \d\d:\d\d \(UTC\+8\)\./.test(await preview.first().innerText().catch(() => ''))
    && /商店的磁盘已满/.test(await preview.nth(1).innerText().catch(() => '')));
  await publish.click();
  await until('visitors read it in their language', async () => /The disk of Shop is full\. Next word by \d\d:\d\d/.test(await up.page('/', 'en')) && /商店的磁盘已满/.test(await up.page('/', 'zh-CN')));
  for (const lang of ['en', 'zh-CN']) assert.ok(!/\{(services|next_update)\}/.test(await up.page('/', lang)));
  // One of those that come along is not filled, whatever stands in it.
  await page.getByRole('button', { name: 'Post an update' }).click();
  await page.getByRole('button', { name: 'Vendor' }).click();
  await page.getByText('What stands in braces is filled in').waitFor();
  await page.getByRole('button', { name: 'Nothing new' }).click();
  await until('the hint is gone', async () => await page.getByText('What stands in braces is filled in').count() === 0);
  await page.getByLabel('Text, English').fill('');
  assert.deepEqual(wrong, []);
  await close();
});

test('an incident that is opened by hand can begin with one, and none is offered whose places nothing could fill', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/incidents/new', { viewport: PHONE });
  await page.getByRole('button', { name: 'Vendor' }).click();
  assert.equal(await page.getByLabel('Text, English').inputValue(), 'Our supplier works on it.');
  const offered = await page.getByRole('group', { name: 'Begin with' }).getByRole('button').allInnerTexts();
  assert.deepEqual(offered, ['Vendor', 'Looking into it', 'Cause known', 'Better, watching']);
  await page.getByRole('button', { name: 'Cause known' }).click();
  assert.match(await page.getByLabel('Text, 简体中文').inputValue(), /我们已找到原因/);
  assert.ok(await page.getByRole('radio', { name: 'Cause known' }).isChecked());
  assert.deepEqual(await complaints(page), []);
  assert.deepEqual(wrong, []);
  await close();
});

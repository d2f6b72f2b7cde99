// Planned work, from its announcement to its end, as it is on the public page too.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { open, other, start } from './signed.mjs';

let chrome, up, shop;
before(async () => {
  shop = await Target.start();
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop))]);
  await up.statuses({ shop: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
});

/** For the field of a time; the tests' browser lives in Shanghai. */
const field = hours => new Date(Date.now() + (hours + 8) * 3_600_000).toISOString().slice(0, 16);

async function write(page, title, from, to) {
  await page.getByRole('button', { name: 'Plan work' }).click();
  await page.getByLabel('Title, English').fill(title);
  await page.getByLabel('Title, 简体中文').fill('迁移数据库');
  await page.getByLabel('Text, English').fill('Orders can be late.');
  await page.getByLabel('Begins').fill(field(from));
  await page.getByLabel('Ends').fill(field(to));
}

test('work is announced in both languages, what is refused is said at its field, an update moves its end, and it is called off', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/maintenance', { viewport: PHONE });
  await page.getByText('Nothing is planned.').waitFor();
  await write(page, 'We move the database', 3, 2);
  await page.getByRole('button', { name: 'Announce it' }).click();
  await until('no service was named', async () => (await page.locator('form [role=alert]').allInnerTexts()).includes('is empty'));
  await page.getByLabel('Add a service by name').fill('sho');
  await page.getByRole('button', { name: 'Shop', exact: true }).click();
  await page.getByRole('button', { name: 'Announce it' }).click();
  await until('the end is refused, at the end', async () => {
    const at = await page.getByLabel('Ends').getAttribute('aria-describedby');
    return at && await page.locator(`[id="${at}"]`).innerText() === 'is not after the start';
  });
  assert.equal(await page.getByLabel('Ends').getAttribute('aria-invalid'), 'true');
  // What was typed is there after a reload.
  await page.reload();
  await until('it was kept', async () => await page.getByLabel('Title, 简体中文').inputValue() === '迁移数据库');
  await page.getByLabel('Ends').fill(field(5));
  await page.getByLabel('At worst, as planned').selectOption('partial_outage');
  await page.getByRole('button', { name: 'Announce it' }).click();
  await page.getByRole('heading', { name: 'We move the database', level: 1 }).waitFor();
  const [made] = (await up.json('/api/v1/maintenances')).maintenances;
  assert.deepEqual([made.title, made.body, made.services, made.expect, made.status],
    [{ en: 'We move the database', 'zh-CN': '迁移数据库' }, { en: 'Orders can be late.' }, ['shop'], 'partial_outage', 'scheduled']);
  assert.match(await up.page('/', 'zh-CN'), /迁移数据库/);

  await page.getByLabel('Text, English').fill('It takes an hour longer.');
  await page.getByLabel('New end').fill(field(1));
  await page.getByRole('button', { name: 'Publish to everybody' }).click();
  await until('an end before the start is refused at its field', async () => await page.getByLabel('New end').getAttribute('aria-invalid') === 'true');
  const end = field(6);
  await page.getByLabel('New end').fill(end);
  await page.getByRole('button', { name: 'Publish to everybody' }).click();
  await until('it is in the list', async () => /It takes an hour longer\./.test((await page.locator('ol.list').allInnerTexts()).join()));
  assert.equal(await page.getByLabel('Text, English').inputValue(), '', 'the form is empty again');
  const moved = await up.json(`/api/v1/maintenances/${made.id}`);
  assert.equal(Date.parse(moved.ends_at), Date.parse(`${end}:00+08:00`));
  assert.deepEqual(moved.updates.map(u => u.said.text).filter(Boolean), [{ en: 'It takes an hour longer.' }]);

  await page.getByRole('button', { name: 'Call off' }).click();
  await until('the harmless answer has the focus', () => page.evaluate(() => document.activeElement?.textContent === 'No'));
  await page.getByRole('button', { name: 'Yes, call it off' }).click();
  await until('it is called off', async () => (await up.json(`/api/v1/maintenances/${made.id}`)).status === 'cancelled');
  await until('and nothing can be done any more', async () => await page.getByRole('button', { name: 'Publish to everybody' }).count() === 0);
  await page.getByRole('link', { name: '← Planned work' }).click();
  await until('it is among what is over', async () => /We move the database/.test((await page.getByRole('region', { name: 'Lately over' }).allInnerTexts()).join()));
  assert.deepEqual(wrong, []);
  await close();
});

test('work that is under way is said to be done before its time', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/maintenance');
  await write(page, 'New disks', -1, 2);
  await page.getByLabel('Add a service by name').fill('sho');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Announce it' }).click();
  await page.getByRole('heading', { name: 'New disks', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Done already' }).click();
  await page.getByLabel('Text, English').fill('All disks are in.');
  await page.getByRole('button', { name: 'Yes, it is done' }).click();
  await page.getByText('The work is done; the page says so.').last().waitFor();
  const done = (await up.json('/api/v1/maintenances')).maintenances.find(m => m.title.en === 'New disks');
  assert.equal(done.status, 'completed');
  assert.match(JSON.stringify(done.updates), /All disks are in\./);
  assert.deepEqual(wrong, []);
  await close();
});

test('who may only read is offered nothing', async () => {
  const { page, close } = await open(chrome, await other(up, 'ana', 'viewer'), '/console/maintenance');
  await page.getByRole('region', { name: 'Lately over' }).getByRole('link').first().click();
  await page.getByRole('heading', { level: 1, name: /New disks|We move/ }).waitFor();
  await page.goto(`${up.origin}/console/maintenance?plan`);
  await page.getByRole('heading', { level: 1, name: 'Planned work' }).waitFor();
  await page.getByRole('region', { name: 'Lately over' }).waitFor();
  assert.equal(await page.locator('main form').count(), 0);
  assert.equal(await page.locator('main button').count(), 0);
  await close();
});

// The worst hour: an outage arrives, the next true thing is said in two languages, it ends. From a window of the size of a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { open, start } from './signed.mjs';

const WORDS = { en: 'The disk of the database is full. We are making room.', zh: '数据库的磁盘已满，我们正在清理空间。' };
/** Case t: nothing of it may run, be styled, or end a line of ours. */
const HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script></textarea>\u202Egnp.exe\r\nX-Evil: 1 {{7*7}} ${alert(1)}';

let chrome, up, shop, pay;
before(async () => {
  [shop, pay] = [await Target.start(), await Target.start()];
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', pay))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

test('an outage arrives without a reload, an update in two languages is public, and the end is told', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/', { viewport: PHONE });
  await page.getByRole('heading', { name: 'All services are working' }).waitFor();
  await page.evaluate(() => { window.same = true; });
  await shop.kill();
  await page.getByRole('heading', { name: /not working|Major outage/ }).waitFor();
  const card = page.locator('article.inc');
  await card.getByText('No person has said anything yet.').waitFor();
  await until('why, and what is promised', async () => /It refuses connections/.test(await page.locator('main').innerText()) && /by \d\d:\d\d, in/.test(await card.innerText()));

  await card.getByRole('link', { name: 'Post an update' }).click();
  await page.getByRole('button', { name: 'Cause known' }).click();
  await until('the beginning stands in both fields', async () => (await page.getByLabel('Text, English').inputValue()).startsWith('We know the cause')
    && (await page.getByLabel('Text, 简体中文').inputValue()).startsWith('我们已找到原因'));
  await page.getByLabel('Text, English').fill(WORDS.en);
  await page.getByLabel('Text, 简体中文').fill(WORDS.zh);
  await page.getByRole('radio', { name: '10 min' }).check();
  const preview = page.locator('.preview .body');
  await until('the preview has both', async () => await preview.count() === 2 && (await preview.nth(0).innerText()).includes(WORDS.en) && (await preview.nth(1).innerText()).includes(WORDS.zh)
    && (await preview.nth(0).innerText()).includes('Cause known'));
  assert.ok(!(await up.page()).includes(WORDS.en), 'nothing is public before it is published');
  await page.getByRole('button', { name: 'Publish to everybody' }).click();
  await until('it is said that it is public', async () => /It is on disk and on the page/.test(await page.locator('main').innerText()));
  await until('visitors read it in their language', async () => (await up.page('/', 'en')).includes(WORDS.en) && (await up.page('/', 'zh-CN')).includes(WORDS.zh));
  await until('the timeline has it, with who said it', async () => /mei/.test(await page.locator('ol').innerText()) && (await page.locator('ol').innerText()).includes(WORDS.en));

  await page.getByRole('button', { name: 'Say until when' }).click();
  await page.getByRole('button', { name: '30 min', exact: true }).click();
  await page.getByRole('button', { name: 'Publish this time' }).click();
  await until('the time stands', async () => /given by mei/.test(await page.locator('.facts').first().innerText()));

  await shop.up();
  await until('it is over', async () => (await up.json('/api/v1/incidents')).incidents.every(i => i.resolved_at));
  await until('and the console says so by itself', async () => /Over/.test(await page.locator('.facts').first().innerText()));
  assert.equal(await page.evaluate(() => window.same), true, 'it was the same document all the time');
  assert.deepEqual(wrong, []);
  await close();
});

test('nothing typed is lost: not by a reload, not by a server that dies before it answers; and it is published once', async () => {
  await pay.kill();
  await up.statuses({ payments: 'major_outage' });
  const { id } = await up.incident();
  const { page, wrong, close } = await open(chrome, up, `/console/incidents/${id}?say`);
  await page.getByLabel('Text, English').fill('Half a sen');
  await page.reload();
  await until('the draft is back', async () => await page.getByLabel('Text, English').inputValue() === 'Half a sen');
  await page.getByText('What you wrote at').waitFor();

  // The server does it, and its answer is lost.
  const sent = [];
  await page.route(`**/incidents/${id}/updates`, async (r, q) => {
    if (q.url().includes('preview')) return r.continue();
    sent.push(q.headers()['idempotency-key']);
    if (sent.length > 1) return r.continue();
    await r.fetch();
    await r.abort();
  });
  await page.getByLabel('Text, English').fill('Half a sentence became a whole one.');
  await page.keyboard.press('Control+Enter');
  await page.getByText('Nobody knows whether it arrived.').waitFor();
  assert.equal(await page.getByLabel('Text, English').inputValue(), 'Half a sentence became a whole one.');
  await page.reload();
  await until('it is still there', async () => await page.getByLabel('Text, English').inputValue() === 'Half a sentence became a whole one.');
  await page.getByRole('button', { name: 'Publish to everybody' }).click();
  await until('published', async () => /It is on disk and on the page/.test(await page.locator('main').innerText()));
  assert.equal(sent.length, 2);
  assert.equal(sent[0], sent[1], 'sent again under the same key');
  const { updates } = (await up.json('/api/v1/incidents')).incidents.find(i => i.id === id);
  assert.equal(updates.filter(u => JSON.stringify(u.said).includes('whole one')).length, 1, 'said once');
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter(k => k.startsWith('stillhere-draft:')).length), 0, 'the draft is gone after the acknowledgement');
  assert.deepEqual(wrong, []);
  await close();
  await pay.up();
  await until('over', async () => (await up.json('/api/v1/incidents')).incidents.every(i => i.resolved_at));
});

test('an incident is opened by hand, corrected, and called over', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/');
  await page.keyboard.press('n');
  await page.getByLabel('Title, English').fill('Cards are declined');
  await page.getByLabel('Title, 简体中文').fill('银行卡被拒');
  await page.getByLabel('Text, English').fill('The bank answers no to everybody.');
  await page.getByPlaceholder('Add a service by name').fill('pay');
  await page.getByRole('button', { name: 'Payments' }).click();
  await page.getByText('Without 简体中文: its readers will read English.').waitFor();
  await page.getByRole('button', { name: 'Open and publish' }).click();
  await page.getByRole('heading', { name: 'Cards are declined', level: 1 }).waitFor();
  await up.statuses({ payments: 'partial_outage' });
  const { id } = await up.incident();

  await page.getByRole('button', { name: 'Correct the record' }).click();
  const began = page.getByLabel(/It began/);
  const was = await began.inputValue();
  const earlier = new Date(new Date(`${was}+08:00`).getTime() - 20 * 60_000 + 8 * 3_600_000).toISOString().slice(0, 16);
  await began.fill(earlier);
  await page.getByLabel('Why (public, may be left empty)').fill('The bank told us.');
  await page.getByRole('button', { name: 'Correct it in public' }).click();
  await until('the correction is public', async () => (await up.page(`/incidents/${id}`)).includes('The bank told us.'));

  await page.getByRole('button', { name: 'Call it over' }).click();
  await page.getByLabel('Text, English').fill('The bank says yes again.');
  await page.getByRole('button', { name: 'Call it over for everybody' }).click();
  await until('over', async () => (await up.json(`/api/v1/incidents/${id}`)).resolved_at);
  await until('the page says so', async () => /Called over/.test(await page.locator('main').innerText()));
  assert.deepEqual(wrong, []);
  await close();
});

test('case_t: hostile texts are shown as text, in the console and in its preview', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/incidents/new');
  await page.getByLabel('Title, English').fill(HOSTILE.slice(0, 190));
  await page.getByLabel('Text, English').fill(HOSTILE);
  await until('the preview shows it as it was written', async () => (await page.locator('.preview .body').first().innerText()).includes('<script>alert(1)</script>'));
  await page.getByRole('button', { name: 'Open and publish' }).click();
  await page.getByRole('heading', { level: 1 }).filter({ hasText: '<img src=x onerror' }).waitFor();
  const { id } = await up.incident();
  for (const path of [`/console/incidents/${id}`, '/console/', '/console/incidents']) {
    await page.goto(up.origin + path);
    await until(`${path} shows it`, async () => (await page.locator('main').innerText()).includes('<img src=x onerror'));
    assert.equal(await page.locator('main img, main script').count(), 0);
  }
  await page.keyboard.press('Control+k');
  await page.getByRole('option').filter({ hasText: '<img' }).first().waitFor();
  assert.ok(!(await page.title()).startsWith('1'));
  assert.deepEqual(wrong, []);
  await up.cli('incident', 'resolve', id);
  await close();
});

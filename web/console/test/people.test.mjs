// Who may come in and what programs come in with: as an admin decides it, and as it works for whom it is about.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, until, visit } from './harness.mjs';
import { open, other, PASSWORD, start } from './signed.mjs';

let chrome, up;
before(async () => {
  [chrome, up] = await Promise.all([browser(), start(`${HEAD}\n[[service]]\nid = "shop"\n`)]);
});
after(async () => {
  await chrome?.close();
  await up?.down();
});

test('somebody is added, comes in with the link, gets another role, another link, and is removed', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/people', { viewport: PHONE });
  await page.getByRole('button', { name: 'Add somebody' }).click();
  await page.getByLabel('Name').fill('not a name');
  await page.getByLabel('Teams').fill('Payments');
  await page.getByRole('button', { name: 'Add and make the link' }).click();
  await until('the name is refused at its field', async () => await page.getByLabel('Name').getAttribute('aria-invalid') === 'true');
  await page.getByLabel('Name').fill('ben');
  await page.getByLabel('Teams').fill('payments, search');
  await page.getByRole('button', { name: 'Add and make the link' }).click();
  const link = await page.getByLabel('Link for ben').inputValue();
  assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/console\/#setup=\S+$/);
  const row = page.getByRole('listitem').filter({ hasText: /^ben/ });
  await until('he waits', async () => /may respond · payments, search[^]*has chosen no password yet/.test(await row.innerText()));
  assert.deepEqual(await complaints(page), [], 'the link');
  await page.getByRole('button', { name: 'I have kept it' }).click();
  assert.equal(await page.getByLabel('Link for ben').count(), 0, 'shown once');

  const his = await visit(chrome, link);
  await his.page.getByLabel('Name').fill('ben');
  await his.page.getByLabel('Password').fill(PASSWORD);
  await his.page.getByRole('button', { name: 'Make my account' }).click();
  await his.page.getByRole('link', { name: 'Overview' }).first().waitFor();
  assert.equal(await his.page.getByRole('link', { name: 'People' }).count(), 0, 'it is for admins');
  await his.page.goto(`${up.origin}/console/people`);
  await his.page.getByText('Only those who may do everything see this.').waitFor();

  await row.getByRole('button', { name: 'Change ben' }).click();
  await row.getByLabel('May').selectOption('viewer');
  await row.getByRole('button', { name: 'Save' }).click();
  // The form itself says "may read" among what can be chosen.
  await until('he may read', async () => await row.getByRole('button', { name: 'Save' }).count() === 0 && /may read/.test(await row.innerText()));
  const answer = await his.context.request.get(`${up.origin}/api/v1/session`);
  assert.equal(answer.status(), 401, 'his session is over');

  await row.getByRole('button', { name: 'New link ben' }).click();
  await row.getByRole('button', { name: 'Yes, take their password' }).click();
  assert.notEqual(await page.getByLabel('Link for ben').inputValue(), link);
  await row.getByRole('button', { name: 'Remove ben' }).click();
  await row.getByRole('button', { name: 'Yes, remove them' }).click();
  await until('he is gone', async () => await row.count() === 0);
  assert.equal(await page.getByLabel('Link for ben').count(), 0, 'nor is his link shown any more');
  // Nobody can take away from themselves what they may do.
  assert.equal(await page.getByRole('listitem').filter({ hasText: '(you)' }).getByRole('button').count(), 0);
  assert.deepEqual(wrong, []);
  await his.close();
  await close();
});

test('an admin sees where somebody is signed in, ends one place and then all of them, and the journal says so', async () => {
  const cora = await other(up, 'cora', 'responder');
  const place = ({ context, close }) => ({ close, status: async () => (await context.request.get(`${up.origin}/api/v1/session`)).status() });
  const signIn = async () => {
    const v = await visit(chrome, `${up.origin}/console/`), { page } = v;
    await page.getByLabel('Name').fill('cora');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'Overview' }).first().waitFor();
    return place(v);
  };
  const places = [place(await open(chrome, cora)), await signIn(), await signIn()];
  const { page, wrong, close } = await open(chrome, up, '/console/people', { viewport: PHONE });
  const row = page.getByRole('listitem').filter({ hasText: /^cora/ });
  const summary = row.locator('summary');
  await until('all places are counted', async () => /Signed in at 3 places/.test(await summary.innerText()));
  await summary.click();
  assert.deepEqual(await complaints(page), [], 'the places');
  const ends = row.getByRole('button', { name: /^End it/ });
  assert.equal(await ends.count(), 3);
  await ends.first().click();
  await row.getByRole('button', { name: 'Yes, end it' }).click();
  await page.getByText('Ended. cora is asked to sign in there again.').last().waitFor();
  await until('one place is over', async () => (await Promise.all(places.map(p => p.status()))).filter(s => s === 401).length === 1);
  if (await row.locator('details[open]').count() === 0) await summary.click();
  await row.getByRole('button', { name: 'End all cora' }).click();
  await row.getByRole('button', { name: 'Yes, end all' }).click();
  await until('all places are over', async () => (await Promise.all(places.map(p => p.status()))).every(s => s === 401));
  await until('nothing is left to end', async () => await summary.count() === 0 && /not signed in anywhere/.test(await row.innerText()));
  // My own are ended on my own page, and I am still here.
  assert.equal(await page.getByRole('listitem').filter({ hasText: '(you)' }).locator('summary').count(), 0);
  await page.goto(`${up.origin}/console/journal?people=true`);
  await until('the journal says who ended what', async () => /cora/.test(await page.locator('main').innerText()));
  assert.deepEqual(wrong, []);
  await Promise.all(places.map(p => p.close()));
  await close();
});

test('a token is made, shown once, good for what it may, and revoked', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/tokens');
  await page.getByText('There are no tokens.').waitFor();
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByLabel('Name').fill('deploys');
  await page.getByLabel('Good until').fill('2020-01-01T00:00');
  await page.getByRole('button', { name: 'Make it' }).click();
  await until('the past is refused at its field', async () => await page.getByLabel('Good until').getAttribute('aria-invalid') === 'true');
  await page.getByLabel('Good until').fill('2099-01-01T00:00');
  await page.getByLabel('May').selectOption('viewer');
  await page.getByRole('button', { name: 'Make it' }).click();
  const token = await page.getByLabel('Token deploys').inputValue();
  assert.deepEqual(await complaints(page), [], 'the token');
  const may = async path => (await fetch(up.origin + path, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.deepEqual([await may('/api/v1/journal'), await may('/api/v1/people')], [200, 403]);
  const row = page.getByRole('listitem').filter({ hasText: 'deploys' });
  await until('with what it is', async () => /deploys · may read[^]*good until Jan 1, 2099/.test(await row.innerText()));
  await page.reload();
  await row.waitFor();
  assert.ok(!(await page.content()).includes(token), 'shown once');
  await row.getByRole('button', { name: 'Revoke deploys' }).click();
  await row.getByRole('button', { name: 'Yes, revoke it' }).click();
  await until('it is gone', async () => await row.count() === 0);
  assert.equal(await may('/api/v1/journal'), 401);
  assert.deepEqual(wrong, []);
  await close();
  const seen = await open(chrome, await other(up, 'ana', 'responder'), '/console/tokens');
  await seen.page.getByText('Only those who may do everything see this.').waitFor();
  await seen.close();
});

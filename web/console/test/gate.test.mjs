// Coming in: the first person by the link that is printed, then with name and password; and going out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, DESKTOP, HEAD, PHONE, service, Target, until, visit } from './harness.mjs';
import { NAME, PASSWORD, start } from './signed.mjs';

let chrome, up, shop;
before(async () => {
  shop = await Target.start();
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop))]);
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
});

test('the first person comes in by the link, signs out, and comes back with the password alone', async () => {
  const { page, context, wrong, close } = await visit(chrome, up.link, { viewport: PHONE });
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password').fill(PASSWORD);
  assert.ok(!page.url().includes('setup'), 'the secret is not in the address any more');
  await page.getByRole('button', { name: 'Make my account' }).click();
  await page.getByRole('heading', { name: 'All services are working' }).waitFor();

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal((await context.request.get(`${up.origin}/api/v1/session`)).status(), 401);

  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('Name or password is wrong.').waitFor();
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'All services are working' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('a session that was ended elsewhere leads to the door, and back to the same page', async () => {
  const { page, context, close } = await visit(chrome, `${up.origin}/console/incidents`);
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Incidents', level: 1 }).waitFor();
  await page.getByRole('link', { name: 'Services' }).first().click();
  await page.getByRole('heading', { name: 'Services', level: 1 }).waitFor();
  // From here on any question may be the one that is refused.
  await context.clearCookies();
  // The question that waits is answered at the latest after 20 s; the next one is refused.
  await page.getByText('Your session has ended.').waitFor({ timeout: 45_000 });
  await page.getByLabel('Name').fill(NAME);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Services', level: 1 }).waitFor();
  await close();
});

test('a server that does not answer is said to be that, and nothing is said about the services', async () => {
  const { page, close } = await visit(chrome, `${up.origin}/console/`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.route('**/api/v1/session', r => r.abort());
  await page.reload();
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
  await page.unroute('**/api/v1/session');
  await page.getByRole('button', { name: 'Try again' }).click();
  await until('the door', () => page.getByRole('heading', { name: 'Sign in' }).isVisible());
  await close();
});

test('axe finds nothing at the door, with every way in', async () => {
  const more = '[oidc]\nissuer = "http://127.0.0.1:9/"\nclient_id = "console"\nlabel = { en = "Sign in with Lantern ID", zh-CN = "使用灯笼账号登录" }\n';
  const other = await start(HEAD.replace('[site]', '[site]\nurl = "http://localhost:8080"') + service('shop', 'Shop', '商店', shop) + more);
  for (const [viewport, colorScheme, lang, label] of [[PHONE, 'dark', 'zh-CN', '使用灯笼账号登录'], [DESKTOP, 'light', 'en', 'Sign in with Lantern ID']]) {
    const { page, wrong, close } = await visit(chrome, `${other.origin.replace('127.0.0.1', 'localhost')}/console/`, { viewport, colorScheme, lang });
    await page.getByRole('button', { name: label }).waitFor();
    assert.equal(await page.getByRole('button').count(), 3, 'with name and password, with a passkey, with the provider');
    assert.deepEqual(await complaints(page), []);
    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/door-${lang}.png` });
    assert.deepEqual(wrong, []);
    await close();
  }
  await other.down();
});

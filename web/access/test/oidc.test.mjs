// Logging in through a provider of its own kind, in a real browser: away from the sign-in page, through the provider's pages, and back.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Stillhere, browser, until } from './harness.mjs';
import { ALGORITHMS, Provider, SECRET } from './provider.mjs';

const PASSWORD = 'correct horse battery';
const BUTTON = 'Sign in with Acme';
let chrome, stillhere, provider, admin;
const contexts = [];
before(async () => {
  chrome = await browser();
  stillhere = await Stillhere.up();
  provider = await Provider.up(`${stillhere.origin}/console/oidc`);
  await writeFile(path.join(stillhere.dir, 'client-secret'), `${SECRET}\n`);
  await configured('ES256');
  const link = await stillhere.cli('person', 'add', 'boss', '--role', 'admin');
  const { page } = await visitor();
  await page.goto(`${stillhere.origin}/`);
  const made = await api(page, 'POST', '/api/v1/setup', { token: link.split('#setup=')[1].trim(), name: 'boss', password: PASSWORD });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  admin = { page, csrf: made.body.csrf };
  await stillhere.cli('person', 'add', 'kim@example.com', '--role', 'responder');
});
after(async () => {
  await chrome?.close();
  await provider?.down();
  await stillhere?.down();
});

const settings = algorithm => `
[site]
url = "${stillhere.origin}"

[oidc]
issuer = "${provider.issuer}"
client_id = "stillhere ${algorithm}"
client_secret = { file = "client-secret" }
scopes = ["openid", "email", "groups"]
label = { en = "${BUTTON}", zh-CN = "使用 Acme 登录" }

[[oidc.group]]
name = "payments-on-call"
role = "responder"
teams = ["payments"]
`;
async function configured(algorithm) {
  await stillhere.configure(settings(algorithm));
  await stillhere.cli('reload');
}

/** Somebody at a browser of their own. */
async function visitor(more = {}) {
  const context = await chrome.newContext(more);
  contexts.push(context);
  return { context, page: await context.newPage() };
}
afterEach(() => Promise.all(contexts.splice(1).map(c => c.close())));

/** What a page of ours sends. */
const api = (page, method, path, body, csrf) => page.evaluate(async ({ method, path, body, csrf }) => {
  const answer = await fetch(path, {
    method,
    headers: { 'content-type': 'application/json', ...(csrf && { 'stillhere-csrf': csrf }) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}, { method, path, body, csrf });
const asAdmin = (method, path, body) => api(admin.page, method, path, body, admin.csrf);

/** As far as the provider's own sign-in page, from this page of ours. */
async function leave(page, from = '/console/') {
  await page.goto(`${stillhere.origin}${from}`);
  await page.getByRole('button', { name: BUTTON }).click();
  await page.waitForURL(`${provider.issuer}/**`);
}
/** Through the provider's pages as this account. */
async function prove(page, account) {
  await page.locator('input[name=login]').fill(account);
  await page.locator('input[name=password]').fill('whatever: the provider takes any');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Continue' }).click();
}
async function come(page, account, from) {
  await leave(page, from);
  await prove(page, account);
}
const me = async page => (await api(page, 'GET', '/api/v1/session')).body;
const refusal = (page, text) => page.getByRole('alert').getByText(text).waitFor();

test('somebody comes in through the provider, to the page that they wanted, and the journal says how', async () => {
  const { page, context } = await visitor();
  await come(page, 'kim', '/console/incidents?open=1');
  await page.getByRole('heading', { name: 'Incidents', level: 1 }).waitFor();
  assert.equal(page.url(), `${stillhere.origin}/console/incidents?open=1`, 'and no code stands in the address');
  const signed = await me(page);
  assert.deepEqual([signed.person.name, signed.person.role], ['kim@example.com', 'responder']);
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script can read what is kept');
  const ours = (await context.cookies()).filter(c => c.name.startsWith('__Host-stillhere'));
  assert.deepEqual(ours.map(c => [c.name, c.sameSite, c.httpOnly]).sort(), [
    ['__Host-stillhere', 'Strict', true], ['__Host-stillhere-device', 'Strict', true],
  ], 'the errand is over');
  const { body } = await asAdmin('GET', '/api/v1/journal?limit=20');
  const said = JSON.stringify(body);
  assert.ok(said.includes('"with":"provider"') && said.includes('"act":"provider_bound"') && said.includes('"subject":"kim"'), said);
});

for (const algorithm of ALGORITHMS) {
  test(`a provider that signs with ${algorithm} is believed`, async () => {
    await configured(algorithm);
    const { page } = await visitor();
    await come(page, 'kim');
    await until('Kim is in', async () => (await me(page)).person?.name === 'kim@example.com');
  });
}

test('an address that is not verified, an account that nobody has, and one that took over an address let nobody in', async () => {
  const said = {};
  for (const account of ['eve', 'bob', 'mallory']) {
    const { page } = await visitor();
    await come(page, account);
    await page.getByRole('alert').waitFor();
    said[account] = await page.getByRole('alert').innerText();
    assert.equal((await api(page, 'GET', '/api/v1/session')).status, 401, account);
    assert.equal(page.url(), `${stillhere.origin}/console/`);
  }
  assert.match(said.eve, /e-mail address is verified/);
  assert.match(said.bob, /nobody here goes by that account/);
  assert.equal(said.mallory, said.bob, 'whether there is a Kim is not said');
});

test('somebody of a group that is named is added once, and who was removed stays out', async () => {
  const { page } = await visitor();
  await come(page, 'ann');
  await until('Ann is in', async () => (await me(page)).person?.name === 'ann@example.com');
  const { person } = await me(page);
  assert.deepEqual([person.role, person.teams], ['responder', ['payments']]);
  assert.equal((await asAdmin('DELETE', `/api/v1/people/${person.id}`)).status, 204);
  assert.equal((await api(page, 'GET', '/api/v1/session')).status, 401, 'at once');
  const again = await visitor();
  await come(again.page, 'ann');
  await refusal(again.page, 'nobody here goes by that account');
});

test('what the provider sends back is good in the browser that asked alone, and once', async () => {
  const { page, context } = await visitor();
  await leave(page);
  // The way back is held up, and the address gets into other hands.
  let back;
  provider.onTheWay = url => { back = url; return `${provider.issuer}/held`; };
  await prove(page, 'kim');
  await page.waitForURL(`${provider.issuer}/held`);
  provider.onTheWay = url => url;

  const other = await visitor();
  await other.page.goto(back);
  await refusal(other.page, 'was begun in another browser');
  // One that is on an errand of its own.
  await leave(other.page);
  await other.page.goto(back);
  await refusal(other.page, 'was begun in another browser');
  assert.equal((await api(other.page, 'GET', '/api/v1/session')).status, 401);

  const errand = (await context.cookies()).filter(c => c.name.endsWith('errand'));
  assert.deepEqual(errand.map(c => [c.sameSite, c.httpOnly, c.secure]), [['Strict', true, true]]);
  await page.goto(back);
  await until('Kim is in', async () => (await me(page)).person?.name === 'kim@example.com');
  const signed = await me(page);
  assert.equal((await api(page, 'DELETE', '/api/v1/session', undefined, signed.csrf)).status, 204);
  await page.goto(back);
  await refusal(page, 'Begin again');
  // Even with the errand's cookie put back.
  await context.addCookies(errand);
  await page.goto(back);
  await page.getByRole('alert').waitFor();
  assert.equal((await api(page, 'GET', '/api/v1/session')).status, 401);
});

test('an answer that names another provider is not taken', async () => {
  const { page } = await visitor();
  for (const iss of ['https://evil.example', null]) {
    await leave(page);
    provider.onTheWay = said => {
      const url = new URL(said);
      assert.equal(url.searchParams.get('iss'), provider.issuer);
      url.searchParams.delete('iss');
      if (iss) url.searchParams.set('iss', iss);
      return url.href;
    };
    await prove(page, 'kim');
    await refusal(page, 'is not right');
    await page.context().clearCookies();
  }
  provider.onTheWay = url => url;
  assert.equal((await api(page, 'GET', '/api/v1/session')).status, 401);
});

test('who turns back at the provider is told so, in their language', async () => {
  for (const [locale, button, words] of [['en-GB', BUTTON, 'or you went back'], ['zh-CN', '使用 Acme 登录', '中途返回']]) {
    const { page } = await visitor({ locale });
    await page.goto(`${stillhere.origin}/console/`);
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('link', { name: 'Cancel' }).click();
    await refusal(page, words);
    assert.equal(page.url(), `${stillhere.origin}/console/`);
  }
});

test('a log-in is begun by our own pages alone, and under the address of the site', async () => {
  const { page } = await visitor();
  await page.goto(`http://127.0.0.1:${stillhere.port}/console/`);
  await page.getByRole('button', { name: BUTTON }).click();
  await refusal(page, 'another address of this site');
  const headers = { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' };
  for (const [path, body] of [['/api/v1/oidc', { to: '/console/' }], ['/api/v1/session/oidc', { state: 's', code: 'c' }]]) {
    const asked = await fetch(`${stillhere.origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(asked.status, 403, path);
  }
});

test('who logs out here is logged out at the provider too where that is wanted, and comes back to the sign-in page', async () => {
  const atTheDoor = page => page.locator('input[name=login]');
  const signOut = async page => {
    await page.getByRole('button', { name: 'kim@example.com' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
  };
  await configured('ES256');
  const { page } = await visitor();
  await come(page, 'kim');
  await until('Kim is in', async () => (await me(page)).person?.name === 'kim@example.com');
  await signOut(page);
  await page.getByRole('button', { name: BUTTON }).waitFor();
  // Without it, the provider still knows them: no door.
  await page.getByRole('button', { name: BUTTON }).click();
  await until('Kim is in again', async () => (await me(page)).person?.name === 'kim@example.com');

  await stillhere.configure(settings('ES256').replace('label =', 'log_out_there = true\nlabel ='));
  await stillhere.cli('reload');
  const before = await me(page);
  await signOut(page);
  await page.waitForURL(url => url.href.startsWith(`${provider.issuer}/session/end`));
  const asked = new URL(page.url()).searchParams;
  assert.equal(asked.get('post_logout_redirect_uri'), `${stillhere.origin}/console/`);
  assert.equal(asked.get('client_id'), 'stillhere ES256');
  const hint = JSON.parse(Buffer.from(asked.get('id_token_hint').split('.')[1], 'base64url'));
  assert.equal(hint.sub, 'kim');
  // It is over here whatever they do there.
  const look = await visitor();
  await look.context.addCookies((await page.context().cookies()).filter(c => c.name.startsWith('__Host-stillhere')));
  await look.page.goto(`${stillhere.origin}/`);
  assert.equal((await api(look.page, 'GET', '/api/v1/session')).status, 401);
  assert.ok(before.csrf);
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await page.waitForURL(`${stillhere.origin}/console/`);
  await page.getByRole('button', { name: BUTTON }).click();
  await atTheDoor(page).waitFor();

  // A session that began with a password has nothing to end there.
  const other = await visitor();
  await other.page.goto(`${stillhere.origin}/`);
  const boss = await api(other.page, 'POST', '/api/v1/session', { name: 'boss', password: PASSWORD });
  assert.equal((await api(other.page, 'DELETE', '/api/v1/session', undefined, boss.body.csrf)).status, 204);
});

test('a provider whose certificate is of an authority of its own is believed with that authority, and without it is away', async () => {
  const key = path.join(stillhere.dir, 'provider.key'), cert = path.join(stillhere.dir, 'provider.pem');
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=provider', '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:false', '-keyout', key, '-out', cert]);
  const own = await Provider.up(`${stillhere.origin}/console/oidc`, { tls: { key: await readFile(key), cert: await readFile(cert) } });
  try {
    const at = more => stillhere.configure(settings('ES256').replace(provider.issuer, own.issuer).replace('label =', `${more}\nlabel =`));
    const { page } = await visitor({ ignoreHTTPSErrors: true });
    await at('');
    await stillhere.cli('reload');
    await page.goto(`${stillhere.origin}/console/`);
    await page.getByRole('button', { name: BUTTON }).click();
    await refusal(page, 'does not answer');
    // A file that is none is said when the configuration is read, and nothing changes.
    await at('ca_file = "nowhere.pem"');
    await assert.rejects(stillhere.cli('reload'), e => /oidc: `ca_file`: cannot read nowhere\.pem/.test(e.stderr));
    await at('ca_file = "provider.pem"');
    await stillhere.cli('reload');
    await page.getByRole('button', { name: BUTTON }).click();
    await page.waitForURL(`${own.issuer}/**`);
    await prove(page, 'kim');
    await until('Kim is in', async () => (await me(page)).person?.name === 'kim@example.com');
  } finally {
    await own.down();
  }
});

test('while the provider is away people are told so, and come in with their password', async () => {
  const { page } = await visitor();
  await provider.down();
  // What it said about itself before is kept for a while; after a reload it is asked anew.
  await configured('RS256');
  await page.goto(`${stillhere.origin}/console/`);
  await page.getByRole('button', { name: BUTTON }).click();
  await refusal(page, 'does not answer');
  await page.getByLabel('Name').fill('boss');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await until('they are in', async () => (await me(page)).person?.name === 'boss');
});

test('without a provider there is no button', async () => {
  await stillhere.configure('');
  await stillhere.cli('reload');
  const { page } = await visitor();
  const asked = page.waitForResponse('**/api/v1/oidc');
  await page.goto(`${stillhere.origin}/console/`);
  assert.deepEqual(await (await asked).json(), { offered: false, label: null });
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: /Acme|single sign-on/ }).count(), 0);
});

// What is watched and who is told, edited: tried first, kept, in force at once; what the file has stays as it is.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, Hook, PHONE, until } from './harness.mjs';
import { open, other, start } from './signed.mjs';

let chrome, up, target, asked;
before(async () => {
  asked = [];
  target = http.createServer((q, r) => { asked.push(q.headers); r.end('{"queue": 12}'); });
  await new Promise(resolve => { target.listen(0, '127.0.0.1', resolve); });
  [chrome, up] = await Promise.all([browser(), start(`${HEAD}\n[[service]]\nid = "shop"\nname = "Shop"\n`)]);
});
after(async () => {
  await chrome?.close();
  await up?.down();
  target?.close();
});
const at = () => `http://127.0.0.1:${target.address().port}/`;

test('a service is made with a check that was tried first, changed, and removed', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/settings', { viewport: PHONE });
  await page.getByText('in the file').waitFor();
  await page.getByRole('link', { name: 'New service' }).click();
  await page.getByLabel('Id (a to z').fill('till');
  await page.getByLabel('Name (English)', { exact: true }).fill('Till');
  await page.getByLabel('Name (简体中文)', { exact: true }).fill('收银台');
  const check = page.getByRole('group', { name: 'Check 1' });
  await check.getByLabel('Address').first().fill(at());
  await check.getByLabel('Look every').fill('1ms');
  await check.getByText('More').click();
  await check.getByLabel('Conditions').fill('json.queue < 10');
  await check.getByRole('button', { name: 'Look once, now' }).click();
  await until('the interval is refused at its field', async () => await check.getByLabel('Look every').getAttribute('aria-invalid') === 'true');
  await check.getByLabel('Look every').fill('1s');
  await check.getByRole('button', { name: 'Look once, now' }).click();
  await until('the condition with what it is', async () => /It is down\.[^]*json\.queue < 10 does not hold: json\.queue = 12/.test(await check.innerText()));
  await check.getByLabel('Conditions').fill('json.queue < 20');
  await check.getByLabel('Headers').fill('X-Plain: blue\nX-Key: !s3cret');
  await check.getByRole('button', { name: 'Look once, now' }).click();
  await until('it is up', async () => /It is up\.[^]*Connecting[^]*ms[^]*Status\s*200/.test(await check.innerText()));
  assert.equal(asked.at(-1)['x-key'], 's3cret');
  assert.deepEqual(await complaints(page), [], 'the form');
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('heading', { name: 'till' }).waitFor();
  await until('visitors see it', async () => /收银台/.test(await up.page('/', 'zh-CN')));
  await until('it works', async () => (await up.json('/api/v1/services/till')).status === 'operational');
  assert.ok(!(await page.content()).includes('s3cret'), 'the secret stays where it is');
  await until('it is set', async () => /X-Key: •••/.test(await check.getByLabel('Headers').inputValue()));

  await page.getByLabel('Name (English)', { exact: true }).fill('Tills');
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByText('Kept. It is in force.').first().waitFor();
  await until('visitors read it', async () => /Tills/.test(await up.page()));
  await until('with its secret', async () => asked.at(-1)['x-key'] === 's3cret');
  // Somebody else was quicker.
  const second = await page.context().newPage();
  await second.goto(`${up.origin}/console/settings/services/till`);
  await second.getByLabel('Name (English)', { exact: true }).fill('Theirs');
  await second.getByRole('button', { name: 'Keep' }).click();
  await second.getByText('Kept. It is in force.').first().waitFor();
  await page.getByLabel('Name (English)', { exact: true }).fill('Mine');
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByText('Somebody else has changed it meanwhile').waitFor();
  await page.getByRole('button', { name: 'Show it as it is now' }).click();
  await until('theirs', async () => await page.getByLabel('Name (English)', { exact: true }).inputValue() === 'Theirs');
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('button', { name: 'Yes, remove it' }).click();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  await until('it is gone', async () => !/Theirs/.test(await up.page()));
  assert.deepEqual(wrong, []);
  await close();
});

test('a check logs in, sends something along and goes through a proxy, and keeps its secrets', async () => {
  const heard = [];
  const shop = http.createServer((q, r) => {
    let body = '';
    q.on('data', d => { body += d; });
    q.on('end', () => { heard.push({ method: q.method, who: q.headers.authorization, body }); r.end('ok'); });
  });
  const through = [];
  const proxy = http.createServer((q, r) => {
    through.push({ url: q.url, who: q.headers['proxy-authorization'] });
    const { 'proxy-authorization': _, ...headers } = q.headers;
    q.pipe(http.request(q.url, { method: q.method, headers }, a => { r.writeHead(a.statusCode, a.headers); a.pipe(r); }));
  });
  for (const s of [shop, proxy]) await new Promise(resolve => { s.listen(0, '127.0.0.1', resolve); });
  const basic = (user, password) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const { page, wrong, close } = await open(chrome, up, '/console/settings/services/new', { viewport: PHONE });
  await page.getByLabel('Id (a to z').fill('log-in');
  const check = page.getByRole('group', { name: 'Check 1' });
  const url = `http://127.0.0.1:${shop.address().port}/session`;
  await check.getByLabel('Address').first().fill(url);
  await check.getByText('More').click();
  await check.getByLabel('Method').selectOption('POST');
  await check.getByLabel('What is sent along').fill('{"name":\n"vis1tor"}');
  await check.getByLabel('User, for a log-in').fill('watch');
  await check.getByRole('button', { name: 'Look once, now' }).click();
  await until('who logs in has a password', async () => await check.getByLabel('Password of that user').getAttribute('aria-invalid') === 'true');
  await check.getByLabel('Password of that user').fill('s3cret');
  await check.getByLabel('HTTP version').selectOption('1.1');
  await check.getByLabel('Proxy to go through').fill(`http://127.0.0.1:${proxy.address().port}`);
  await check.getByLabel('User at the proxy').fill('gate');
  await check.getByLabel('Password at the proxy').fill('t0ll');
  await check.getByRole('button', { name: 'Look once, now' }).click();
  await until('it is up', async () => /It is up\./.test(await check.innerText()));
  assert.deepEqual(heard.at(-1), { method: 'POST', who: basic('watch', 's3cret'), body: '{"name":\n"vis1tor"}' });
  assert.deepEqual(through.at(-1), { url, who: basic('gate', 't0ll') });
  assert.deepEqual(await complaints(page), []);
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('heading', { name: 'log-in' }).waitFor();
  await until('it works with what was kept', async () => (await up.json('/api/v1/services/log-in')).status === 'operational');
  for (const name of ['Password of that user', 'Password at the proxy']) {
    await until(`${name} is set`, async () => await check.getByLabel(name).getAttribute('placeholder') === '••• is set');
  }
  assert.doesNotMatch(await page.content(), /s3cret|t0ll|vis1tor/, 'secrets stay where they are');
  assert.equal(await check.getByLabel('User, for a log-in').inputValue(), 'watch');
  assert.deepEqual(wrong, []);
  await close();
  for (const s of [shop, proxy]) { s.closeAllConnections(); s.close(); }
});

test('each kind of check has its form, and what is wrong stands at its field', async () => {
  const { page, wrong, close } = await open(chrome, up, '/console/settings/services/new', { colorScheme: 'dark' });
  await page.getByLabel('Id (a to z').fill('desk');
  for (const [kind, plain, empty] of [['tcp', 'Port', 'Host'], ['tls', 'Port', 'Host'], ['icmp', 'Host', 'Host'], ['dns', 'Record', null], ['push', 'Due every', 'Key in the address']]) {
    const check = page.getByRole('group', { name: 'Check 1' });
    await check.getByLabel('Kind').selectOption(kind);
    await check.getByLabel(plain, { exact: false }).first().waitFor();
    await check.locator('summary').click();
    assert.deepEqual(await complaints(page), [], kind);
    await page.getByRole('button', { name: 'Keep' }).click();
    await page.getByText('Nothing was changed.').waitFor();
    if (empty) await until(`${kind} says that ${empty} is missing`, async () => /is missing/.test(await check.innerText()));
  }
  const job = page.getByRole('group', { name: 'Check 1' });
  await job.getByLabel('Key in the address').fill('0123456789abcdef0123');
  await job.getByLabel('Due every').fill('1h');
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('heading', { name: 'desk' }).waitFor();
  assert.equal((await fetch(`${up.origin}/ping/0123456789abcdef0123`)).status, 200, 'the job may report');
  await until('the key is not shown', async () => await job.getByLabel('Key in the address').getAttribute('placeholder') === '••• is set');
  assert.deepEqual(wrong, []);
  await close();
});

test('a channel is made, and tried with a message that says that it is a test', async () => {
  const hook = await Hook.start(204);
  const { page, wrong, close } = await open(chrome, up, '/console/settings/channels/new', { lang: 'zh-CN' });
  await page.getByLabel('名称', { exact: false }).fill('hook');
  assert.deepEqual(await complaints(page), [], 'mail');
  await page.getByLabel('类型').selectOption('webhook');
  await page.getByLabel('地址').fill(`http://127.0.0.1:${hook.server.address().port}/`);
  await page.getByRole('button', { name: '发送测试消息' }).click();
  await page.getByText('已收下测试消息').waitFor();
  assert.equal(hook.got, 1);
  await page.getByLabel('公众').check();
  assert.deepEqual(await complaints(page), [], 'webhook');
  await page.getByRole('button', { name: '保存' }).click();
  await page.getByRole('heading', { name: 'hook' }).waitFor();
  await page.getByRole('button', { name: '发送测试消息' }).click();
  await until('with the address that is set', () => hook.got === 2);
  hook.status = 410;
  await page.getByRole('button', { name: '发送测试消息' }).click();
  await page.getByText('拒绝了测试消息').waitFor();
  assert.deepEqual(wrong, []);
  await close();
  await hook.kill();
});

test('a chat room is told in the form of its app', async () => {
  const hook = await Hook.start(200);
  const { page, wrong, close } = await open(chrome, up, '/console/settings/channels/new');
  await page.getByLabel('Name', { exact: false }).fill('room');
  await page.getByLabel('Kind').selectOption('chat');
  await page.getByLabel('App').selectOption('discord');
  await page.getByLabel('Address').fill(`http://127.0.0.1:${hook.server.address().port}/`);
  await page.getByRole('button', { name: 'Send a test message' }).click();
  await page.getByText('has taken the test message').waitFor();
  assert.deepEqual([hook.got, hook.path], [1, '/?wait=true']);
  assert.match(JSON.parse(hook.body).content, /^\*\*.*\*\*\n[^]*<http/);
  assert.deepEqual(await complaints(page), []);
  await page.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('heading', { name: 'room' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
  await hook.kill();
});

test('what the file has is read-only, and so is everything for who may not change it', async () => {
  const mine = await open(chrome, up, '/console/services/shop');
  await mine.page.getByRole('link', { name: 'Edit' }).click();
  await mine.page.getByText('This is in the configuration file').waitFor();
  assert.equal(await mine.page.getByRole('button', { name: 'Keep' }).count(), 0);
  assert.deepEqual(await complaints(mine.page), []);
  await mine.close();
  const theirs = await open(chrome, await other(up, 'ana', 'responder'), '/console/settings');
  await theirs.page.getByRole('link', { name: 'desk' }).click();
  await theirs.page.getByRole('heading', { name: 'desk' }).waitFor();
  assert.ok(await theirs.page.getByLabel('Name (English)', { exact: true }).isDisabled());
  assert.equal(await theirs.page.getByRole('button', { name: /Keep|Remove|Look once/ }).count(), 0);
  await theirs.close();
});

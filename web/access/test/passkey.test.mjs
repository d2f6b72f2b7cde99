// Passkeys as a browser makes and uses them, with a device that Chromium plays (CDP, virtual authenticator), against the real binary.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { Stillhere, browser } from './harness.mjs';

const PASSWORD = 'correct horse battery';
let chrome, stillhere, context, page, device, csrf;
before(async () => {
  stillhere = await Stillhere.up();
  chrome = await browser();
  const link = await stillhere.cli('person', 'add', 'kim', '--role', 'admin');
  await open();
  const made = await api('POST', '/api/v1/setup', { token: link.split('#setup=')[1].trim(), name: 'kim', password: PASSWORD });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await context.close();
});
after(async () => {
  await chrome?.close();
  await stillhere?.down();
});
beforeEach(async () => {
  await open();
  const back = await api('POST', '/api/v1/session', { name: 'kim', password: PASSWORD });
  assert.equal(back.status, 200, JSON.stringify(back.body));
  csrf = back.body.csrf;
});
afterEach(() => context.close());

/** A fresh browser with a device that verifies its user. */
async function open() {
  context = await chrome.newContext();
  page = await context.newPage();
  await page.goto(`${stillhere.origin}/`);
  device = await context.newCDPSession(page);
  await device.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  device.id = (await device.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId;
}

/** What a page of ours sends. */
const api = (method, path, body) => page.evaluate(async ({ method, path, body, csrf }) => {
  const answer = await fetch(path, {
    method,
    headers: { 'content-type': 'application/json', ...(csrf && { 'stillhere-csrf': csrf }) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}, { method, path, body, csrf });

/** A new passkey for Kim. */
async function keep(name, algorithm = -7) {
  const asked = await api('POST', '/api/v1/me/passkeys/challenge', { password: PASSWORD });
  assert.equal(asked.status, 200, JSON.stringify(asked.body));
  const made = await page.evaluate(async ({ asked, algorithm }) => {
    const bytes = text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
    const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const { response } = await navigator.credentials.create({ publicKey: {
      challenge: bytes(asked.challenge),
      rp: { id: asked.rp_id, name: asked.rp_name },
      user: { id: bytes(asked.user_id), name: asked.user_name, displayName: asked.user_name },
      pubKeyCredParams: [{ type: 'public-key', alg: algorithm }],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      attestation: 'none',
      excludeCredentials: asked.exclude.map(id => ({ type: 'public-key', id: bytes(id) })),
    } });
    return { client_data: text(response.clientDataJSON), authenticator_data: text(response.getAuthenticatorData()) };
  }, { asked: asked.body, algorithm });
  return api('POST', '/api/v1/me/passkeys', { name, ...made });
}

/** The device's answer to a question, given on the page that is open. */
const answer = asked => page.evaluate(async asked => {
  const bytes = text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const { id, response } = await navigator.credentials.get({ publicKey: { challenge: bytes(asked.challenge), rpId: asked.rp_id, userVerification: 'required' } });
  return { id, client_data: text(response.clientDataJSON), authenticator_data: text(response.authenticatorData), signature: text(response.signature) };
}, asked);

async function logOut() {
  assert.equal((await api('DELETE', '/api/v1/session')).status, 204);
  csrf = undefined;
}

const question = async () => (await api('POST', '/api/v1/passkeys/challenge')).body;
const who = async () => (await api('GET', '/api/v1/session')).status;

for (const [kind, algorithm] of [['ES256', -7], ['EdDSA', -8]]) {
  test(`a passkey of the kind ${kind} is kept and lets its owner in, once for each question`, async () => {
    const kept = await keep(`phone ${kind}`, algorithm);
    assert.equal(kept.status, 201, JSON.stringify(kept.body));
    assert.equal(kept.body.site, 'localhost');
    await logOut();
    assert.equal(await who(), 401);
    const answered = await answer(await question());
    const entered = await api('POST', '/api/v1/session/passkey', answered);
    assert.equal(entered.status, 200, JSON.stringify(entered.body));
    assert.equal(entered.body.person.name, 'kim');
    assert.equal(await who(), 200, 'the browser keeps the cookie');
    assert.equal(await page.evaluate(() => document.cookie), '', 'and no script can read it');
    csrf = entered.body.csrf;
    await logOut();
    const again = await api('POST', '/api/v1/session/passkey', answered);
    assert.deepEqual([again.status, again.body.type], [401, 'urn:stillhere:problem:wrong-credentials'], 'the same answer a second time');
    assert.equal(await who(), 401);
  });
}

test('an answer that was given to a page elsewhere lets nobody in', async () => {
  assert.equal((await keep('phone')).status, 201);
  await logOut();
  const asked = await question();
  // The same name at another port: the device answers, because to it this is the same site. The origin is another.
  const elsewhere = http.createServer((q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<title>Win a prize</title>'));
  await new Promise(resolve => elsewhere.listen(0, '127.0.0.1', resolve));
  await page.goto(`http://localhost:${elsewhere.address().port}/`);
  const phished = await answer(asked);
  await page.goto(`${stillhere.origin}/`);
  elsewhere.closeAllConnections();
  elsewhere.close();
  const refused = await api('POST', '/api/v1/session/passkey', phished);
  assert.deepEqual([refused.status, refused.body.type], [401, 'urn:stillhere:problem:wrong-credentials']);
});

test('a copy of a device is noticed by its counter', async () => {
  assert.equal((await keep('phone')).status, 201);
  await logOut();
  const { credentials: [before] } = await device.send('WebAuthn.getCredentials', { authenticatorId: device.id });
  const first = await api('POST', '/api/v1/session/passkey', await answer(await question()));
  assert.equal(first.status, 200, JSON.stringify(first.body));
  csrf = first.body.csrf;
  await logOut();
  await device.send('WebAuthn.clearCredentials', { authenticatorId: device.id });
  await device.send('WebAuthn.addCredential', { authenticatorId: device.id, credential: before });
  const copy = await api('POST', '/api/v1/session/passkey', await answer(await question()));
  assert.equal(copy.status, 401, 'it says a number that was said before');
});

test('a passkey that was taken away lets nobody in, and ends the other sessions', async () => {
  const kept = await keep('lost phone');
  assert.equal(kept.status, 201, JSON.stringify(kept.body));
  const other = await stillhere.logIn('kim', PASSWORD);
  assert.equal(await other.status(), 200);
  const list = await api('GET', '/api/v1/me/passkeys');
  assert.ok(list.body.passkeys.some(p => p.id === kept.body.id && p.name === 'lost phone'), JSON.stringify(list.body));
  const gone = await api('DELETE', `/api/v1/me/passkeys/${kept.body.id}`);
  assert.equal(gone.status, 200, JSON.stringify(gone.body));
  csrf = gone.body.csrf;
  assert.equal(await who(), 200, 'this one goes on');
  assert.equal(await other.status(), 401);
  await logOut();
  assert.equal((await api('POST', '/api/v1/session/passkey', await answer(await question()))).status, 401);
});

test('a session on this machine is kept by the browser, also under the address', async () => {
  csrf = undefined;
  await page.goto(`http://127.0.0.1:${stillhere.port}/`);
  assert.equal(await who(), 401, 'another host is another cookie');
  assert.equal((await api('POST', '/api/v1/session', { name: 'kim', password: PASSWORD })).status, 200);
  assert.equal(await who(), 200);
});

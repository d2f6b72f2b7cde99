// One's own way in: the password, codes from an app, passkeys, and the sessions elsewhere. Everything as a person does it.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, until, visit } from './harness.mjs';
import { NAME, open, other, PASSWORD, start } from './signed.mjs';

const NEXT = 'seven boats left before dawn';
let chrome, up;
before(async () => {
  [chrome, up] = await Promise.all([browser(), start(`${HEAD}\n[[service]]\nid = "shop"\n`)]);
});
after(async () => {
  await chrome?.close();
  await up?.down();
});

/** What an authenticator app shows (RFC 6238: SHA-1, six digits, 30 s), `ahead` steps from now. */
function code(secret, ahead = 0) {
  const bits = [...secret.replace(/\s/g, '')].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const region = (page, name) => page.getByRole('region', { name });
async function signIn(page, name, password) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

test('a session elsewhere is seen and ended, another password ends the rest, and who mistypes it is still signed in', async () => {
  const { page, wrong, close } = await open(chrome, await other(up, 'ana', 'viewer'), '/console/me', { viewport: PHONE });
  const away = await visit(chrome, `${up.origin}/console/`, { userAgent: 'A kiosk in the hall' });
  await signIn(away.page, 'ana', PASSWORD);
  await away.page.getByRole('navigation').first().waitFor();
  await page.reload();
  const list = region(page, 'Where you are signed in');
  await until('both are listed', async () => /This browser[^]*A kiosk in the hall/.test(await list.innerText()));
  await list.getByRole('button', { name: 'End it A kiosk in the hall' }).click();
  await list.getByRole('button', { name: 'Yes, end it' }).click();
  await until('one is left', async () => await list.getByRole('listitem').count() === 1);
  assert.equal((await away.context.request.get(`${up.origin}/api/v1/session`)).status(), 401);
  await signIn(await leftTo(away.page), 'ana', PASSWORD);
  await away.page.getByRole('navigation').first().waitFor();

  const form = region(page, 'Another password');
  await form.getByLabel('Your password now').fill('not mine at all');
  await form.getByLabel('New password').fill(NEXT);
  await form.getByRole('button', { name: 'Change it' }).click();
  await form.getByText('This is not your password.').waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'My account', 'still here');
  await form.getByLabel('Your password now').fill(PASSWORD);
  await form.getByLabel('New password').fill('short');
  await form.getByRole('button', { name: 'Change it' }).click();
  await until('the new one is refused at its field', async () => await form.getByLabel('New password').getAttribute('aria-invalid') === 'true');
  await form.getByLabel('New password').fill(NEXT);
  await form.getByRole('button', { name: 'Change it' }).click();
  await page.getByText('Your password is changed.').last().waitFor();
  await until('it is live under its new cookie', async () => await page.locator('.beat').innerText() === 'Live');
  await until('the other session is over', async () => (await away.context.request.get(`${up.origin}/api/v1/session`)).status() === 401);
  assert.equal((await page.context().request.get(`${up.origin}/api/v1/session`)).status(), 200);
  assert.deepEqual(wrong, []);
  await away.close();
  await close();
});

/** The door, for whom a session was ended: at once when the page is opened anew. */
async function leftTo(page) {
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  return page;
}

test('codes are turned on by what the app shows, asked for at the door, and turned off with a recovery code', async () => {
  const bea = await other(up, 'bea', 'responder');
  const { page, wrong, close } = await open(chrome, bea, '/console/me');
  const codes = region(page, 'Codes from an app');
  await codes.getByRole('button', { name: 'Turn codes on' }).click();
  await codes.getByLabel('Your password now').fill(PASSWORD);
  await codes.getByRole('button', { name: 'Go on' }).click();
  await codes.getByRole('img', { name: 'Picture for the app’s camera' }).waitFor();
  const secret = await codes.locator('code').innerText();
  assert.deepEqual(await complaints(page), [], 'the picture');
  await codes.getByLabel('Six digits from the app').fill('12345x');
  await codes.getByRole('button', { name: 'Turn codes on' }).click();
  await codes.getByText('This is not what the app shows').waitFor();
  // Of the step before, so that this step's code is still to be had at the door.
  await codes.getByLabel('Six digits from the app').fill(code(secret, -1));
  await codes.getByRole('button', { name: 'Turn codes on' }).click();
  const recovery = (await codes.getByLabel('Recovery codes').inputValue()).split('\n');
  assert.equal(recovery.length, 10);
  assert.deepEqual(await complaints(page), [], 'the recovery codes');
  await codes.getByRole('button', { name: 'I have kept it' }).click();
  await codes.getByText('10 recovery codes are left').waitFor();
  assert.equal(await codes.getByLabel('Recovery codes').count(), 0, 'shown once');

  const door = await visit(chrome, `${up.origin}/console/me`);
  await signIn(door.page, 'bea', PASSWORD);
  await door.page.getByLabel('Code from your app').fill(code(secret));
  await door.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await door.page.getByRole('heading', { name: 'My account' }).waitFor();
  await door.close();

  await codes.getByRole('button', { name: 'Turn codes off' }).click();
  await codes.getByLabel('Your password now').fill(PASSWORD);
  await codes.getByLabel('Code from your app').fill('000000');
  await codes.getByRole('button', { name: 'Turn codes off' }).click();
  await codes.getByText('Password or code is not right.').waitFor();
  await codes.getByLabel('Code from your app').fill(recovery[0]);
  await codes.getByRole('button', { name: 'Turn codes off' }).click();
  await page.getByText('Codes are off.').last().waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('a passkey is made on the device, lets its owner in without a password, and is taken away', async () => {
  // A passkey belongs to a name; an address of numbers has none, and the page says so.
  const bare = await open(chrome, up, '/console/me');
  await region(bare.page, 'Passkeys').getByText('Passkeys need an address with a name.').waitFor();
  await bare.close();

  const origin = up.origin.replace('127.0.0.1', 'localhost');
  const { page, context, wrong, close } = await visit(chrome, `${origin}/console/me`);
  const device = await context.newCDPSession(page);
  await device.send('WebAuthn.enable');
  await device.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await signIn(page, NAME, PASSWORD);
  const keys = region(page, 'Passkeys');
  await keys.getByRole('button', { name: 'Add a passkey' }).click();
  await keys.getByLabel('What you call it').fill('Pocket');
  await keys.getByLabel('Your password now').fill(PASSWORD);
  await keys.getByRole('button', { name: 'Go on' }).click();
  await keys.getByRole('listitem').filter({ hasText: 'Pocket' }).waitFor();

  await page.getByRole('button', { name: NAME }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('heading', { name: 'My account' }).waitFor();
  await until('it was used', async () => /Pocket[^]*used \d+ s ago/.test(await keys.innerText()));

  // The device has one already: it says so itself, and nothing is kept twice.
  await keys.getByRole('button', { name: 'Add a passkey' }).click();
  await keys.getByLabel('What you call it').fill('Pocket again');
  await keys.getByLabel('Your password now').fill(PASSWORD);
  await keys.getByRole('button', { name: 'Go on' }).click();
  await keys.getByText('This device has a passkey of yours already.').waitFor();
  await keys.getByRole('button', { name: 'Close' }).click();

  await keys.getByRole('button', { name: 'Take off Pocket' }).click();
  await keys.getByRole('button', { name: 'Yes, take it away' }).click();
  await until('it is gone', async () => await keys.getByRole('listitem').count() === 0);
  await page.getByRole('button', { name: NAME }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('alert').getByText('This passkey is not known here.').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

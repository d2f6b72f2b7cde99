// A Stillhere with its first person, and pages on which that person is signed in.
import assert from 'node:assert/strict';
import { Stillhere, until, visit } from './harness.mjs';

export const NAME = 'mei';
export const PASSWORD = 'three lanterns over the harbour';

/** Starts it; `link` is what the command line gives out for the first person. */
export async function start(toml, env) {
  const up = await Stillhere.up(toml, env);
  const said = await up.cli('person', 'add', NAME, '--role', 'admin');
  up.link = up.origin + said.match(/\/console\/#setup=\S+/)[0];
  return up;
}

/** Somebody else on the same server: what it gives is opened as `up` is. */
export async function other(up, name, role) {
  const said = await up.cli('person', 'add', name, '--role', role);
  return { origin: up.origin, name, link: up.origin + said.match(/\/console\/#setup=\S+/)[0] };
}

/** The cookies of the first person, made by the API. Once for a server. */
async function cookies(up) {
  if (up.cookies) return up.cookies;
  const token = up.link.split('#setup=')[1];
  const answer = await fetch(`${up.origin}/api/v1/setup`, {
    method: 'POST', headers: { 'content-type': 'application/json', origin: up.origin, 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ token, name: up.name ?? NAME, password: PASSWORD }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  up.cookies = answer.headers.getSetCookie().map(c => {
    const [pair] = c.split(';');
    const at = pair.indexOf('=');
    return { name: pair.slice(0, at), value: pair.slice(at + 1), url: up.origin.replace('http:', 'https:') };
  });
  return up.cookies;
}

/** Opens a page of the console as the first person; gives the page when it is live. */
export async function open(chrome, up, path = '/console/', options = {}) {
  const jar = await cookies(up);
  const v = await visit(chrome, up.origin + path, { ...options, cookies: jar });
  await v.page.locator('main h1').waitFor();
  await until('it is live', async () => (await v.page.locator('.beat').innerText()).match(/Live|实时/));
  return v;
}

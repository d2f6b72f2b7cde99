// The edges as staff see them: who speaks, what they hold, their nodes, and one that has fallen silent.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { BIN, freePort } from '../../test/program.mjs';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { open, other, start } from './signed.mjs';

/** It is silent after 15 s; the machine may be busy. */
const SILENT_MS = 60_000;
let chrome, up, shop, second, dir, berlin;
before(async () => {
  [shop, second] = await Promise.all([Target.start(), Target.start()]);
  const edge = `\n[edge]\nlisten = "127.0.0.1:${await freePort()}"\n[[edge.routes]]\nservice = "shop"\nnodes = ["http://127.0.0.1:${shop.port}", "http://127.0.0.1:${second.port}"]\n`;
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop) + edge)]);
  dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-berlin-'));
  await writeFile(path.join(dir, 'token'), await up.cli('token', 'new', 'berlin', '--scope', 'edge'), { mode: 0o600 });
  berlin = spawn(BIN, ['edge', '--join', up.origin, '--token-file', path.join(dir, 'token'), '--name', 'berlin', '--data', path.join(dir, 'data'), '--listen', `127.0.0.1:${await freePort()}`], { stdio: 'ignore' });
});
after(async () => {
  berlin?.kill('SIGKILL');
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, second].map(t => t?.kill()));
  await rm(dir, { recursive: true, force: true });
});

test('each edge is shown with what it holds and how its nodes look from there; one that says nothing is said to be silent', async () => {
  const { page, wrong, close } = await open(chrome, await other(up, 'ana', 'viewer'), '/console/edges', { viewport: PHONE });
  const one = page.getByRole('region', { name: 'berlin' });
  await until('both have joined', async () => await page.locator('main section').count() === 2);
  await until('it holds what is in force, and both nodes are up', async () => {
    const text = await one.innerText();
    return /Speaks[^]*the one in force here[^]*made .* ago[^]*Shop\s+Takes requests/.test(text) && text.match(/ms\s+up\b/g)?.length === 2;
  });
  await second.kill();
  await until('the dead node is out, with why', async () => new RegExp(`${second.port}[^]*\\bout\\b`).test(await one.innerText()));
  await up.cli('edge', 'pause', 'shop', '--until', '10m');
  await until('requests wait by order', async () => /Waiting by order\s+Shop\s+until \d\d:\d\d, 9 min more/.test(await page.locator('main').innerText()));
  berlin.kill('SIGKILL');
  await until('it is silent, and what it said counts for nothing', async () =>
    /Silent for [^]*It has said nothing since \d\d:\d\d/.test(await one.innerText()), SILENT_MS);
  await until('the other one speaks', async () => await page.getByText('Speaks', { exact: true }).count() === 1);
  assert.deepEqual(wrong, []);
  await close();
});

test('where no edge has joined, it says how one does', async () => {
  const bare = await start(`${HEAD}\n[[service]]\nid = "shop"\n`);
  const { page, wrong, close } = await open(chrome, bare, '/console/edges');
  await page.getByText('No edge has joined.').waitFor();
  assert.deepEqual(wrong, []);
  await close();
  await bare.down();
});

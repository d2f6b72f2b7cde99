// Ten thousand who were cut off by the same outage come back without anybody who gives turns: at most 400 in any second.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { pace, spread } from '../dist/esm/pace.js';

const CLIENTS = 10_000, MOST = 400;
const HERD = fileURLToPath(new URL('../../../bench/client/herd.mjs', import.meta.url));

const comeBack = async (who, typing) => {
  const { stdout } = await promisify(execFile)(process.execPath, [HERD, who, String(typing)]);
  const { result } = JSON.parse(stdout);
  assert.equal(result.arrived, CLIENTS);
  return result;
};

for (const who of ['stillhere page', 'stillhere Socket', 'stillhere EventStream']) {
  for (const typing of [0, 0.1]) test(`after a minute, ${who}, ${typing * 100} in a hundred of them typing`, { timeout: 120_000 }, async () => {
    const { worst } = await comeBack(who, typing);
    assert.ok(worst <= MOST, `${worst}`);
  });
}

for (const who of ['stillhere Socket', 'stillhere EventStream']) test(`whoever types waits half as long at most: ${who}`, { timeout: 120_000 }, async () => {
  // 22.5 s, and up to a second until the next key; in simulated time, in whole seconds.
  const { within } = await comeBack(who, 1);
  assert.ok(within <= 25, `${within}`);
});

/** Small and seeded: what fails is found again. */
const dice = seed => () => {
  seed = seed + 0x6D2B79F5 | 0;
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
};

test('whatever the outage took above a minute, and whatever the dice: no second has more, and nobody waits longer than 45 s', () => {
  fc.assert(fc.property(fc.integer({ min: 60_000, max: 900_000 }), fc.integer(), (outage, seed) => {
    const random = dice(seed), seconds = new Map();
    for (let i = 0; i < CLIENTS; i += 1) {
      let at = random() * 300;
      while (at < outage) at += spread(at, random);
      assert.ok(at - outage <= 45_000);
      const second = Math.floor((at - outage) / 1_000);
      seconds.set(second, (seconds.get(second) ?? 0) + 1);
    }
    assert.ok(Math.max(...seconds.values()) <= MOST, `${Math.max(...seconds.values())}`);
  }), { numRuns: 100 });
});

test('nobody waits longer for others than the outage was, and no two dial at a beat', () => {
  fc.assert(fc.property(fc.double({ min: -1e6, max: 1e9, noNaN: true }), fc.double({ min: 0, max: .999, noNaN: true }), fc.nat(1e6), (away, d, attempt) => {
    const ms = spread(away, () => d);
    assert.ok(ms >= 250 && ms <= Math.max(500, Math.min(away, 45_000)), `${ms}`);
    assert.ok(spread(away, () => 0) * 2 > spread(away, () => .999));
    const by = pace(attempt, () => d);
    assert.ok(by >= 100 && by <= 20_000);
  }));
});

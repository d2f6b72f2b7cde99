// What answers mean for an action: the table that decides whether something is ever sent again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, retryAfter, told } from '../dist/esm/outbox/judge.js';

const head = fields => new Headers(fields);
const own = (why, outcome) => head({ 'stillhere-why': why, ...outcome ? { 'stillhere-outcome': outcome } : {} });

test('an answer of the origin', () => {
  const table = [
    [200, {}, undefined, { state: 'done' }],
    [201, {}, undefined, { state: 'done' }],
    [200, {}, '/thanks', { state: 'done' }],
    [200, {}, '/account/login', { state: 'needs you' }],
    [200, {}, '/signing', { state: 'done' }],
    [200, {}, '/users/sign_in', { state: 'needs you' }],
    [200, {}, '/blog/login-tips', { state: 'done' }],
    [503, {}, '/thanks', { state: 'unknown' }, 'the page behind the redirection failed, not the order'],
    [400, {}, undefined, { state: 'refused' }],
    [422, {}, undefined, { state: 'refused' }],
    [401, {}, undefined, { state: 'needs you' }],
    [403, {}, undefined, { state: 'needs you' }],
    [408, {}, undefined, { state: 'unknown' }],
    [409, {}, undefined, { state: 'refused' }],
    [409, { 'retry-after': '2' }, undefined, { state: 'sending', held: true }],
    [425, {}, undefined, { state: 'saved', unsent: true }],
    [429, {}, undefined, { state: 'saved', unsent: true }],
    [500, {}, undefined, { state: 'unknown' }],
    [503, { 'retry-after': '2' }, undefined, { state: 'unknown' }, 'a proxy may say so after it was forwarded'],
  ];
  for (const [status, fields, path, expected, why] of table) {
    assert.deepEqual(answered(status, head(fields), path), expected, `${status} ${path ?? ''} ${why ?? ''}`);
  }
});

test('an answer of the edge', () => {
  const table = [
    [202, own('kept'), { state: 'saved', held: true }],
    [409, own('key-in-flight'), { state: 'sending', held: true }],
    [422, own('key-other-body', 'not-forwarded'), { state: 'refused' }],
    [400, own('key-malformed', 'not-forwarded'), { state: 'refused' }],
    [403, own('banned', 'not-forwarded'), { state: 'refused' }],
    [404, own('not-routed', 'not-forwarded'), { state: 'refused' }],
    [413, own('body-too-large'), { state: 'refused' }],
    [408, own('request-timeout'), { state: 'unknown' }],
    [429, own('too-many-requests', 'not-forwarded'), { state: 'saved', unsent: true }],
    [503, own('all-out', 'not-forwarded'), { state: 'saved', unsent: true }],
    [502, own('not-forwarded', 'not-forwarded'), { state: 'saved', unsent: true }],
    [502, own('outcome-unknown', 'unknown'), { state: 'unknown' }],
    [504, own('too-slow', 'unknown'), { state: 'unknown' }],
    [500, own('something-new'), { state: 'unknown' }],
  ];
  for (const [status, fields, expected] of table) assert.deepEqual(answered(status, fields), expected, `${status} ${fields.get('stillhere-why')}`);
  assert.deepEqual(answered(200, head({ 'stillhere-outcome': 'unknown' })), { state: 'unknown' }, 'marked by the edge on an answer of the origin');
});

test('case o: the word about an action that was not answered', () => {
  const never = head({ 'stillhere-why': 'not-routed', 'stillhere-outcome': 'not-forwarded', 'stillhere-never': '3600' });
  const table = [
    [404, never, undefined, { state: 'saved', unsent: true }],
    // Without the edge's own word a 404 says that somebody else is asked.
    [404, head(), undefined, { state: 'unknown', alone: true }],
    [404, own('not-routed', 'not-forwarded'), undefined, { state: 'unknown' }, 'its requests are not kept here'],
    [404, own('not-routed'), undefined, { state: 'unknown' }],
    [503, own('all-out', 'not-forwarded'), undefined, { state: 'unknown' }],
    [502, head(), undefined, { state: 'unknown' }],
    [200, head(), undefined, { state: 'unknown', alone: true }, 'a page that answers everything'],
    [200, head(), { state: 'saved' }, { state: 'saved', held: true }],
    [200, head(), { state: 'sending' }, { state: 'sending', held: true }],
    [200, head(), { state: 'done' }, { state: 'done' }],
    [200, head(), { state: 'refused' }, { state: 'refused' }],
    [200, head(), { state: 'expired' }, { state: 'expired' }],
    [200, head(), { state: 'needs_you' }, { state: 'needs you' }],
    [200, head(), { state: 'unknown', checking: true }, { state: 'unknown', held: true }],
    [200, head(), { state: 'unknown' }, { state: 'unknown', final: true }],
    [200, head(), { state: 'constructor' }, { state: 'unknown', alone: true }],
  ];
  for (const [status, fields, view, expected, why] of table) assert.deepEqual(told(status, fields, view, false, 60), expected, `${status} ${JSON.stringify(view)} ${why ?? ''}`);
  assert.deepEqual(told(404, never, undefined, false, 3_601), { state: 'unknown' }, 'so old that it may have been forgotten');
  assert.deepEqual(told(200, head(), { state: 'done' }, true, 60), { state: 'unknown', final: true }, 'answered with an error is not done');
});

test('when to ask again', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  const table = [[{}, undefined], [{ 'retry-after': '3' }, 3_000], [{ 'retry-after': 'Sun, 22 Nov 2026 10:00:05 GMT' }, 5_000], [{ 'retry-after': '3', 'stillhere-return': '1.5' }, 1_500],
    [{ 'retry-after': 'soon' }, undefined], [{ 'retry-after': '-5' }, 0], [{ 'retry-after': '99999999' }, 3_600_000]];
  for (const [fields, expected] of table) assert.equal(retryAfter(head(fields), now), expected, JSON.stringify(fields));
});

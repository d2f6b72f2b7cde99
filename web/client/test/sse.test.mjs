// `EventStream` reads what an EventSource reads, outlives what an EventSource dies of, and comes back paced.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { EventStream } from '../dist/esm/sse.js';
import { Edge, Origin, until } from './kit/edge.mjs';

async function stream(answer) {
  const server = http.createServer(answer);
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, down: () => { server.closeAllConnections(); server.close(); } };
}
const listen = (events, ...kinds) => {
  const heard = [];
  for (const kind of ['message', ...kinds]) events.addEventListener(kind, e => heard.push([kind, e.data, e.lastEventId]));
  return heard;
};

test('every way to write an event is read as the standard says, in whatever pieces it comes', async t => {
  const text = '\uFEFF: hello\r\ndata: one\r\n\r\ndata:two\ndata: lines\rid: 7\n\nevent: other\ndata:  spaced\n\ndata\n\nid\ndata: no id\n\nnonsense: x\n\nretry: 5\nevent: void\n\ndata: never ended';
  for (const size of [1, 3, 1_000]) {
    const bytes = Buffer.from(text);
    const s = await stream((q, r) => {
      r.writeHead(200, { 'content-type': 'text/event-stream' });
      let at = 0;
      const next = () => { if (at >= bytes.length) return; r.write(bytes.subarray(at, at += size), next); };
      next();
    });
    t.after(s.down);
    const events = new EventStream(s.url);
    const heard = listen(events, 'other', 'void');
    await until('all', () => heard.length === 5);
    assert.deepEqual(heard, [['message', 'one', ''], ['message', 'two\nlines', '7'], ['other', ' spaced', '7'], ['message', '', '7'], ['message', 'no id', '']], `in pieces of ${size}`);
    events.close();
  }
});

test('a 503 does not end it, Retry-After is kept, and it goes on from the last id', async t => {
  const asked = [];
  const s = await stream((q, r) => {
    asked.push([Date.now(), q.headers['last-event-id']]);
    if (asked.length === 2) return r.writeHead(503, { 'retry-after': '1' }).end();
    r.writeHead(200, { 'content-type': 'text/event-stream' });
    r.end(`id: ${asked.length}\ndata: ${asked.length}\n\n`);
  });
  t.after(s.down);
  const events = new EventStream(s.url);
  const heard = listen(events);
  await until('three', () => heard.length === 2);
  assert.deepEqual(asked.slice(0, 3).map(a => a[1]), [undefined, '1', '1']);
  assert.ok(asked[2][0] - asked[1][0] >= 990);
  events.close();
  assert.equal(events.readyState, 2);
});

test('a Retry-After that is the same for all is spread over as much again', async t => {
  const asked = [], { random } = Math;
  t.after(() => { Math.random = random; });
  Math.random = () => .9;
  const s = await stream((q, r) => {
    asked.push(Date.now());
    if (asked.length === 1) return r.writeHead(503, { 'retry-after': '1' }).end();
    r.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: x\n\n');
  });
  t.after(s.down);
  const events = new EventStream(s.url);
  const heard = listen(events);
  await until('one', () => heard.length === 1);
  assert.ok(asked[1] - asked[0] >= 1_890, `${asked[1] - asked[0]} ms`);
  events.close();
});

test('204 ends it, silence does not last for ever', async t => {
  let n = 0;
  const s = await stream((q, r) => {
    if (n++) return r.writeHead(204).end();
    r.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: x\n\n');
  });
  t.after(s.down);
  const events = new EventStream(s.url, { silence: 300 });
  await until('ended', () => events.readyState === 2);
  assert.equal(n, 2);
});

test('through the real edge it is held while the origin is away, and goes on when it is back', { timeout: 90_000 }, async t => {
  const origin = await Origin.up((q, r) => { r.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: 5\ndata: alive\n\n'); });
  const edge = await Edge.up(origin.at);
  const events = new EventStream(`${edge.origin}/events`);
  t.after(async () => { events.close(); await edge.down(); await origin.kill(); });
  const heard = listen(events, 'stillhere');
  await until('alive', () => heard.length === 1);
  await origin.kill();
  await until('the edge tells what is going on', () => heard.some(([kind]) => kind === 'stillhere'), 60_000);
  assert.equal(heard.find(([kind]) => kind === 'stillhere')[2], '5', 'the last id is still the origin’s');
  await origin.start();
  await until('it goes on', () => heard.filter(([kind]) => kind === 'message').length === 2, 60_000);
});

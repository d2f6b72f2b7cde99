// The words: the same messages in every language, told the same, each of them said somewhere.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LANGUAGES, messages } from '../words.mjs';

test('every language has the same messages, and none is told what the English one is not', () => {
  const english = messages('en');
  for (const lang of LANGUAGES) {
    const own = messages(lang);
    assert.deepEqual([...own.keys()].sort(), [...english.keys()].sort(), lang);
    for (const [key, { args }] of own) for (const a of args) assert.ok(english.get(key).args.has(a), `${lang}: ${key} is told ${a}`);
  }
});

test('every message is said somewhere', () => {
  const src = new URL('../src/', import.meta.url);
  const text = readdirSync(src, { recursive: true }).filter(f => /\.(svelte|ts)$/.test(f)).map(f => readFileSync(new URL(f, src), 'utf8')).join('\n');
  const made = [...text.matchAll(/`([a-z-]+-)\$\{/g)].map(m => m[1]);
  const unsaid = [...messages('en').keys()].filter(k => !text.includes(`'${k}'`) && !made.some(head => k.startsWith(head)));
  assert.deepEqual(unsaid, []);
});

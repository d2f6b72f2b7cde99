// The console's words: `locales/<language>/*.ftl` as a module for each language, so that a reader loads one of them and no
// parser. What the status page says too (`SHARED`) is taken from the page's own files: two wordings would be two truths.
//
// Run by itself it writes the types: which messages there are, and what each is told.
import { parse } from '@fluent/syntax';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const LOCALES = new URL('../../locales/', import.meta.url);
export const LANGUAGES = ['en', 'zh-CN'];
/** Files of others, and the messages in them that the console says as well. */
const SHARED = { status: /^(status|incident-status|maintenance-status)-/ };

/** Words of a few pages, which are loaded with them: a page carries what it says, and no more. */
export const PARTS = ['afterwards', 'begin', 'incident', 'journal', 'settings'];

/** Every message of `lang`, or those of one part: its key, its pattern, and the names of what it is told. */
export function messages(lang, part) {
  const all = new Map();
  const common = [['console', /./], ...Object.entries(SHARED)];
  const files = part === 'common' ? common : part ? [[part, /./]] : [...common, ...PARTS.map(p => [p, /./])];
  for (const [file, wanted] of files) {
    const at = new URL(`${lang}/${file}.ftl`, LOCALES);
    for (const entry of parse(readFileSync(at, 'utf8'), { withSpans: false }).body) {
      if (entry.type === 'Junk') throw new Error(`${fileURLToPath(at)}: ${entry.content}`);
      if (entry.type !== 'Message' || !wanted.test(entry.id.name)) continue;
      if (all.has(entry.id.name)) throw new Error(`${lang}: ${entry.id.name} stands twice`);
      all.set(entry.id.name, { pattern: entry.value, args: args(entry.value) });
    }
  }
  return all;
}

function args(pattern, found = new Set()) {
  for (const e of pattern.elements) {
    if (e.type !== 'Placeable') continue;
    const x = e.expression;
    if (x.type === 'VariableReference') found.add(x.id.name);
    else if (x.type === 'SelectExpression') {
      found.add(x.selector.id.name);
      for (const v of x.variants) args(v.value, found);
    } else if (x.type !== 'StringLiteral') throw new Error(`${x.type} is not spoken here`);
  }
  return found;
}

const quoted = text => JSON.stringify(text).slice(1, -1).replaceAll('`', '\\`').replaceAll('${', '\\${').replaceAll('\\"', '"');

function template(pattern) {
  return '`' + pattern.elements.map(e => {
    if (e.type === 'TextElement') return quoted(e.value);
    const x = e.expression;
    if (x.type === 'StringLiteral') return quoted(x.value);
    if (x.type === 'VariableReference') return `\${a.${x.id.name}}`;
    const variants = x.variants.map(v => `${JSON.stringify(v.key.name ?? v.key.value)}:()=>${template(v.value)}`);
    const other = x.variants.find(v => v.default);
    return `\${s({${variants}},a.${x.selector.id.name},${JSON.stringify(other.key.name ?? other.key.value)})()}`;
  }).join('') + '`';
}

/** The module of a language. `s` chooses a variant: by the exact value, else by the grammar of number. */
export function moduleOf(lang, part = 'common') {
  const lines = [...messages(lang, part)].map(([key, { pattern, args }]) => {
    const plain = args.size === 0 && pattern.elements.every(e => e.type === 'TextElement');
    return `${JSON.stringify(key)}:${plain ? JSON.stringify(pattern.elements.map(e => e.value).join('')) : `a=>${template(pattern)}`}`;
  });
  return `const p=new Intl.PluralRules(${JSON.stringify(lang)});
const s=(v,n,o)=>v[n]??v[typeof n==='number'?p.select(n):o]??v[o];
export default {${lines.join(',\n')}};`;
}

export function types() {
  const lines = [...messages('en')].map(([key, { args }]) =>
    `  ${JSON.stringify(key)}: ${args.size ? `{ ${[...args].map(a => `${a}: string | number`).join('; ')} }` : 'undefined'};`);
  return `// Made by words.mjs.\nexport interface Told {\n${lines.join('\n')}\n}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(new URL('src/words.gen.d.ts', import.meta.url), types());
}

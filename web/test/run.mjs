// Runs the test files it is told, one after another; a file that failed is run once more. What passes only then is named as flaky, as the
// workspace's own runner does it: it is not hidden, and it does not keep everything else from landing.
// usage: node run.mjs TIMEOUT_MS FILE...; the timeout is each file's.
import { run } from 'node:test';
import { tap } from 'node:test/reporters';
import path from 'node:path';

const [timeout, ...names] = process.argv.slice(2);
const files = names.map(name => path.resolve(name));

/** The files of which something failed. */
async function failing(these) {
  const failed = new Set();
  let elsewhere = false;
  const events = run({ files: these, concurrency: 1, timeout: Number(timeout), forceExit: true });
  events.on('test:fail', ({ file, name }) => {
    const at = these.find(f => f === file || f === name);
    at ? failed.add(at) : elsewhere = true;
  });
  for await (const text of events.compose(tap)) process.stdout.write(text);
  return elsewhere ? these : these.filter(f => failed.has(f));
}

const first = await failing(files);
if (first.length === 0) process.exit(0);
const named = all => all.map(f => path.relative(process.cwd(), f)).join(' ');
console.log(`# failed, and run once more: ${named(first)}`);
const again = await failing(first);
console.log(again.length ? `# failed twice: ${named(again)}` : `# flaky, passed at the second try: ${named(first)}`);
process.exit(again.length ? 1 : 0);

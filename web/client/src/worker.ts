/** Registers the worker for whole pages that fail (`sw.ts`), when the tag asks for it, and takes it away again. Never over somebody else's. */

const USUAL = '/.well-known/stillhere/sw.js';
const SCOPE = '/';
const HEARS_WITHIN_MS = 2_000;
/** Ours is known by its address: one of the site's own must have the word in it too. */
const NAMED = /stillhere.*\.js$/;

const container = (): ServiceWorkerContainer | undefined => (globalThis.navigator as Partial<Navigator> | undefined)?.serviceWorker;

async function current(): Promise<{ registration: ServiceWorkerRegistration; url: URL } | undefined> {
  const registration = await container()?.getRegistration(SCOPE);
  const worker = registration?.active ?? registration?.waiting ?? registration?.installing;
  return registration && worker && new URL(registration.scope).pathname === SCOPE ? { registration, url: new URL(worker.scriptURL) } : undefined;
}

/** Ours, when it works: what comes to it by push is shown. */
export async function ownWorker(): Promise<ServiceWorkerRegistration | undefined> {
  const there = await current();
  return there?.registration.active && NAMED.test(there.url.pathname) ? there.registration : undefined;
}

/** Takes the worker away. What waits in the outbox stays. True: there was one. */
export async function removeWorker(): Promise<boolean> {
  const there = await current();
  return Boolean(there && NAMED.test(there.url.pathname) && await there.registration.unregister());
}

/** Whether ours is in it: it answers when it is told to leave an address alone. */
const hears = (registration: ServiceWorkerRegistration): Promise<boolean> => new Promise(done => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(true);
  setTimeout(done, HEARS_WITHIN_MS, false);
  registration.active?.postMessage({ through: '' }, [port2]);
});

/** `asked`: the attribute `data-worker`; undefined or `off`: it is not wanted; an address of this origin, or empty for the usual one. Never throws. */
export async function useWorker(asked: string | undefined, config: Record<string, string | undefined>): Promise<void> {
  try {
    if (asked === undefined || asked === 'off') return void await removeWorker();
    const url = new URL(asked || USUAL, location.href);
    for (const [name, value] of Object.entries(config)) if (value) url.searchParams.set(name, value);
    const there = await current();
    if (there && !NAMED.test(there.url.pathname)) {
      if (!await hears(there.registration)) console.warn(`stillhere: this origin has a worker of its own for ${SCOPE}. Put this into it: self.stillhere = ${JSON.stringify({ ...Object.fromEntries(url.searchParams), from: new URL('.', url).pathname })}; importScripts("${url.pathname}")`);
      return;
    }
    await container()?.register(url, { scope: SCOPE, updateViaCache: 'none' });
  } catch (error) {
    console.warn('stillhere: the worker:', error);
  }
}

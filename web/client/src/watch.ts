/** Which of the page's requests to its origin failed. */
import { isGateway } from './gateway.js';

const isFailed = (status: number): boolean => status === 0 || isGateway(status);

/** `ours`: whether a failure of this address means anything. Returns what ends it. */
export function watch(ours: (url: string) => boolean, failed: () => void): () => void {
  try {
    // WebKit's record leaves out both the status and what failed altogether.
    return 'responseStatus' in PerformanceResourceTiming.prototype ? record(ours, failed) : listen(ours, failed);
  } catch {
    return () => undefined;
  }
}

/** The browser's own record. Touches nothing of the page's. */
function record(ours: (url: string) => boolean, failed: () => void): () => void {
  const observer = new PerformanceObserver(list => {
    for (const { name, responseStatus } of list.getEntries() as (PerformanceResourceTiming & { responseStatus: number })[]) {
      if (ours(name) && isFailed(responseStatus)) return failed();
    }
  });
  observer.observe({ type: 'resource' });
  return () => observer.disconnect();
}

/** Listens in on the two ways in which scripts ask. The page gets the same answer, and a failure that it leaves unhandled stays unhandled. */
function listen(ours: (url: string) => boolean, failed: () => void): () => void {
  const ask = window.fetch, X = XMLHttpRequest.prototype, { open } = X;
  const end = (url: string, status: number): void => {
    try {
      if (isFailed(status) && ours(new URL(url, document.baseURI).href)) failed();
    } catch { /* no address */ }
  };
  const mine = function (this: unknown, ...all: Parameters<typeof fetch>): Promise<Response> {
    const [to] = all, url = String((to as Request | undefined)?.url ?? to);
    return ask.apply(window, all).then(
      r => { end(url, r.status || 200); return r; },
      (e: unknown) => { if ((e as Error | undefined)?.name === 'TypeError') end(url, 0); throw e; },
    );
  };
  const opens = function (this: XMLHttpRequest, ...all: unknown[]): void {
    for (const type of ['load', 'error', 'timeout']) this.addEventListener(type, () => end(String(all[1]), this.status));
    return (open as (...all: unknown[]) => void).apply(this, all);
  };
  window.fetch = mine;
  X.open = opens;
  return () => {
    // What somebody else has put over it since stays.
    if (window.fetch === mine) window.fetch = ask;
    if (X.open === opens) X.open = open;
  };
}

/** One tab of the visible ones asks for all. Its lock dies with it, so there is no stale leader to clean up after. */

const NAME = 'stillhere';

export interface Leader {
  /** To every other tab. */
  send(message: unknown): void;
  /** While true a hidden tab asks too. */
  stay(yes: boolean): void;
  stop(): void;
}

export interface LeaderHooks {
  lead(): void;
  /** Not leading any more. */
  follow(): void;
  message(message: unknown): void;
}

/** A hidden tab gives the lead away, unless it is to stay: its timers sleep. Where the browser has no locks, every visible tab leads itself. */
export function leader(hooks: LeaderHooks): Leader {
  const locks = (navigator as Partial<Navigator>).locks;
  let channel: BroadcastChannel | undefined;
  let give: (() => void) | undefined;
  let stays = false;

  const open = (): void => {
    if (channel || typeof BroadcastChannel === 'undefined') return;
    channel = new BroadcastChannel(NAME);
    channel.onmessage = e => hooks.message(e.data);
  };
  const want = (): void => {
    open();
    if (give) return;
    const stop = new AbortController();
    let mine = true;
    let release: (() => void) | undefined;
    give = () => {
      give = undefined;
      mine = false;
      if (release) {
        release();
        hooks.follow();
      } else stop.abort();
    };
    const lead = (): Promise<void> | undefined => {
      if (!mine) return undefined;
      const held = new Promise<void>(done => { release = done; });
      hooks.lead();
      return held;
    };
    if (!locks) void lead();
    else locks.request(NAME, { signal: stop.signal }, lead).catch(() => { if (mine && !release) void lead(); });
  };
  const look = (): void => {
    if (stays || document.visibilityState === 'visible') want();
    else give?.();
  };
  // An open channel or a held lock would keep the page out of the back-forward cache.
  const leave = (): void => {
    give?.();
    channel?.close();
    channel = undefined;
  };
  document.addEventListener('visibilitychange', look);
  addEventListener('pageshow', look);
  addEventListener('pagehide', leave);
  open();
  look();
  return {
    send: message => channel?.postMessage(message),
    stay(yes) {
      stays = yes;
      look();
    },
    stop() {
      document.removeEventListener('visibilitychange', look);
      removeEventListener('pageshow', look);
      removeEventListener('pagehide', leave);
      leave();
    },
  };
}

// Who sits in front of it, and what they may do. What a role may not do is not shown; the server refuses it anyway.
import { call, setCsrf, Trouble, whenSignedOut, type Asked, type Schemas } from './api';
import { live } from './live.svelte';
import { answerWithPasskey } from './passkeys';
import { cameBack, takeAnswer } from './provider';
import { replace } from './route.svelte';

export type Role = 'viewer' | 'responder' | 'admin';
export interface Person { id: string; name: string; role: Role; teams?: string[] }
interface Signed { person: Person; csrf: string; expires: string }

/** The part behind `#setup=` is a secret: it is taken out of the address at once, so that it is in no history. */
function takeLink(): string {
  const link = location.hash.match(/^#setup=(.+)$/)?.[1] ?? '';
  if (link) history.replaceState(null, '', location.pathname);
  return link;
}

class Session {
  /** `undefined`: not asked yet. `null`: nobody. */
  person = $state<Person | null | undefined>(undefined);
  /** Nobody has ever been here: the first person is to be made. */
  setup = $state(false);
  /** What a link that was given out is good for: choosing a password. */
  link = $state(takeLink());
  /** Why a provider's answer let nobody in. */
  refused = $state<unknown>();
  #answer = takeAnswer();
  /** There was no answer to whether we are known. */
  unreachable = $state(false);
  /** They were signed in, and the server does not know them any more. */
  expired = $state(false);

  may(what: Role): boolean {
    const order: Role[] = ['viewer', 'responder', 'admin'];
    return !!this.person && order.indexOf(this.person.role) >= order.indexOf(what);
  }

  async begin(): Promise<void> {
    whenSignedOut(() => { if (this.person) { this.expired = true; this.#nobody(); } });
    try {
      // Who opens such a link is somebody else, or wants to be somebody anew.
      if (this.link) return this.#nobody();
      if (this.#answer) return await this.#cameBack(this.#answer);
      this.#somebody(await call<Signed>('/api/v1/session'));
    } catch (e) {
      this.unreachable = !(e instanceof Trouble) || e.status === 0 || e.status >= 500;
      if (this.unreachable) return;
      this.setup = (await call<{ needed: boolean }>('/api/v1/setup').catch(() => ({ needed: false }))).needed;
      this.#nobody();
    }
  }

  async signIn(name: string, password: string, code?: string): Promise<void> {
    const body = { name, password, ...(code ? { code } : {}) };
    this.#somebody(await call<Signed>('/api/v1/session', { body }));
  }

  /** With what a device keeps, instead of name and password. */
  async signInWithPasskey(): Promise<void> {
    this.#somebody(await call<Signed>('/api/v1/session/passkey', { body: await answerWithPasskey() }));
  }

  /** Does what ends all other sessions and gives this one another cookie. A question on its way with the old one would be refused. */
  async renew<T extends Schemas['SessionOut']>(path: string, asked: Asked): Promise<T> {
    live.pause();
    try {
      const renewed = await call<T>(path, { method: 'POST', ...asked });
      setCsrf(renewed.csrf);
      this.person = renewed.person as Person;
      return renewed;
    } finally {
      if (this.person) live.start();
    }
  }

  async #cameBack(answer: NonNullable<ReturnType<typeof takeAnswer>>): Promise<void> {
    this.#answer = null;
    try {
      const signed = await cameBack(answer);
      await replace(signed.to);
      this.#somebody(signed as Signed);
    } catch (e) {
      await replace('/console/');
      this.refused = e;
      this.#nobody();
    }
  }

  async setUp(token: string, name: string, password: string): Promise<void> {
    this.#somebody(await call<Signed>('/api/v1/setup', { body: { token, name, password } }));
    this.setup = false;
    this.link = '';
  }

  async signOut(): Promise<void> {
    const left = await call<{ leave_at?: string } | undefined>('/api/v1/session', { method: 'DELETE' });
    // The session here is over; the provider's is ended there.
    if (left?.leave_at) location.assign(left.leave_at);
    this.#nobody();
  }

  #somebody(s: Signed): void {
    setCsrf(s.csrf);
    this.expired = false;
    this.refused = undefined;
    this.unreachable = false;
    this.person = s.person;
    live.start();
  }

  #nobody(): void {
    setCsrf('');
    this.person = null;
    live.stop();
  }
}

export const session = new Session();

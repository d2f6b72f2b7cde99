// Signing in through a provider: away to it, and back with what it says.
import { call, type Schemas } from './api';

export type Offered = Schemas['Offered'];
export type CameBack = Schemas['CameBack'];
type Answer = Schemas['ComingBack'];

/** Where the provider sends people back to. */
const BACK = '/console/oidc';

/** What the provider has put into the address. A code is a secret: it is taken out at once, so that it is in no history. */
export function takeAnswer(): Answer | null {
  if (location.pathname !== BACK) return null;
  const said = new URLSearchParams(location.search);
  history.replaceState(null, '', '/console/');
  const state = said.get('state');
  if (!state) return null;
  const rest = (['code', 'iss', 'error'] as const).flatMap(key => { const value = said.get(key); return value === null ? [] : [[key, value]]; });
  return { state, ...Object.fromEntries(rest) };
}

export const offered = (): Promise<Offered> => call('/api/v1/oidc');

export const cameBack = (body: Answer): Promise<CameBack> => call('/api/v1/session/oidc', { body });

/** Leaves this page; who comes back comes to the page that was wanted. */
export async function away(): Promise<void> {
  const { url } = await call<Schemas['Begun']>('/api/v1/oidc', { body: { to: location.pathname + location.search } });
  location.assign(url);
}

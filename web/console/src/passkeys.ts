// Passkeys as the browser makes and uses them, in the words of the API: base64url where the browser has bytes.
import { call, type Schemas } from './api';

const bytes = (text: string) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0));
const text = (buffer: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** Whether there can be any here. A passkey belongs to a name: addresses of numbers have none. */
export const passkeysHere = (): boolean => 'PublicKeyCredential' in globalThis && !/^[\d.]+$|^\[/.test(location.hostname);

/** The person closed the question, or let it run out. */
export const wasLeft = (e: unknown): boolean => e instanceof DOMException && (e.name === 'NotAllowedError' || e.name === 'AbortError');
/** The device has one of this person already. */
export const isThere = (e: unknown): boolean => e instanceof DOMException && e.name === 'InvalidStateError';

/** Makes one on this device; `proof` is the password and maybe a code. */
export async function makePasskey(name: string, proof: { password: string; code?: string }): Promise<void> {
  const asked = await call<Schemas['ToKeep']>('/api/v1/me/passkeys/challenge', { body: proof });
  const made = await navigator.credentials.create({ publicKey: {
    challenge: bytes(asked.challenge),
    rp: { id: asked.rp_id, name: asked.rp_name },
    user: { id: bytes(asked.user_id), name: asked.user_name, displayName: asked.user_name },
    pubKeyCredParams: [{ type: 'public-key', alg: -8 }, { type: 'public-key', alg: -7 }],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    attestation: 'none',
    excludeCredentials: asked.exclude.map(id => ({ type: 'public-key', id: bytes(id) })),
  } }) as PublicKeyCredential;
  const response = made.response as AuthenticatorAttestationResponse;
  await call('/api/v1/me/passkeys', { body: { name, client_data: text(response.clientDataJSON), authenticator_data: text(response.getAuthenticatorData()) } });
}

/** What a passkey of this device answers to the server's question. */
export async function answerWithPasskey(): Promise<Schemas['Entering']> {
  const asked = await call<Schemas['Asked']>('/api/v1/passkeys/challenge', { method: 'POST' });
  const got = await navigator.credentials.get({ publicKey: { challenge: bytes(asked.challenge), rpId: asked.rp_id, userVerification: 'required' } }) as PublicKeyCredential;
  const response = got.response as AuthenticatorAssertionResponse;
  return { id: got.id, client_data: text(response.clientDataJSON), authenticator_data: text(response.authenticatorData), signature: text(response.signature) };
}

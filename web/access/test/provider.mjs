// A real OpenID Connect provider on this machine: `oidc-provider`, with its own sign-in and consent pages.
import { generateKeyPair, exportJWK } from 'jose';
import http from 'node:http';
import https from 'node:https';
import { Provider as Oidc } from 'oidc-provider';

export const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
export const SECRET = 'a secret: with/odd+characters & a %';

/** Who is known there. The name at the door is the subject. */
export const ACCOUNTS = {
  kim: { email: 'kim@example.com', email_verified: true },
  // Says to be Kim, and has not shown it.
  eve: { email: 'kim@example.com', email_verified: false },
  // Has been given Kim's address, and a subject of their own.
  mallory: { email: 'kim@example.com', email_verified: true },
  bob: { email: 'bob@example.com', email_verified: true, groups: ['visitors'] },
  ann: { email: 'ann@example.com', email_verified: true, groups: ['visitors', 'payments-on-call'] },
};

export class Provider {
  /** `back`: where people are sent back to. `tls`: a certificate and its key. */
  static async up(back, { tls, ...more } = {}) {
    const it = new Provider();
    const keys = await Promise.all(ALGORITHMS.map(async alg => {
      const { privateKey } = await generateKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg, { extractable: true });
      return { ...await exportJWK(privateKey), kid: `${alg}-1`, use: 'sig', alg };
    }));
    it.server = tls ? https.createServer(tls) : http.createServer();
    await new Promise(resolve => it.server.listen(0, '127.0.0.1', resolve));
    it.port = it.server.address().port;
    // An address, where the console is at a name: to a browser that is another site.
    it.issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${it.port}`;
    it.oidc = new Oidc(it.issuer, {
      clients: ALGORITHMS.map(alg => ({
        client_id: `stillhere ${alg}`, client_secret: SECRET, redirect_uris: [back], post_logout_redirect_uris: [new URL('.', back).href], id_token_signed_response_alg: alg,
        grant_types: ['authorization_code'], response_types: ['code'],
      })),
      jwks: { keys },
      enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
      cookies: { keys: ['for these tests alone'] },
      pkce: { required: () => true },
      findAccount: (ctx, sub) => (ACCOUNTS[sub] ? { accountId: sub, claims: () => ({ sub, ...ACCOUNTS[sub] }) } : undefined),
      ...more,
    });
    const answer = it.oidc.callback();
    it.server.on('request', (request, response) => {
      const set = response.setHeader.bind(response);
      response.setHeader = (name, value) => set(name, name.toLowerCase() === 'location' && value.startsWith(back) ? it.onTheWay(value) : value);
      return answer(request, response);
    });
    return it;
  }
  /** Somebody between the provider and the browser, who reads or changes where it is sent. */
  onTheWay = url => url;
  async down() {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }
}

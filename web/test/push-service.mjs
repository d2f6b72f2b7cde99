// A push service as browsers have one: an https server that takes messages for browsers, and browsers to go with it.
//
// It checks what a real one checks (RFC 8030, RFC 8292): who sends, for which service, until when, how long it is kept. What a message says it cannot
// read; `open` does it with the keys of the browser and a decoder that others wrote.
import { execFileSync } from 'node:child_process';
import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';

const url64 = bytes => Buffer.from(bytes).toString('base64url');
/** A day: longer tokens are refused (RFC 8292 §2). */
const TOKEN_MAX_S = 86_400;

export class PushService {
  /** `decode(body, {dh, privateKey, authSecret})`: `http_ece`'s. The certificate lies in `dir`; `ca` names it. */
  static async start(dir, decode) {
    const it = new PushService();
    it.decode = decode;
    it.ca = path.join(dir, 'push-ca.pem');
    const key = path.join(dir, 'push-key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=push',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', key, '-out', it.ca], { stdio: 'ignore' });
    /** What was taken, oldest first. */
    it.taken = [];
    /** What was asked, whatever came of it. */
    it.asked = 0;
    it.browsers = new Map();
    it.server = https.createServer({ key: readFileSync(key), cert: readFileSync(it.ca) }, (q, r) => it.serve(q, r));
    await new Promise(resolve => it.server.listen(0, '127.0.0.1', resolve));
    it.port = it.server.address().port;
    it.host = `127.0.0.1:${it.port}`;
    return it;
  }

  close() { this.server.close(); this.server.closeAllConnections(); }

  /** A browser's subscription; `answers` are given before the usual 201, as `[status, headers]`. */
  browser(key, answers = []) {
    const ecdh = createECDH('prime256v1');
    const p256dh = url64(ecdh.generateKeys());
    const b = { path: `/p/${url64(randomBytes(9))}`, key, ecdh, p256dh, auth: url64(randomBytes(16)), answers };
    b.endpoint = `https://${this.host}${b.path}`;
    this.browsers.set(b.path, b);
    return b;
  }

  serve(request, response) {
    const chunks = [];
    request.on('data', d => chunks.push(d)).on('end', () => {
      this.asked += 1;
      const answer = (status, headers = {}, text = '') => response.writeHead(status, headers).end(text);
      const b = this.browsers.get(request.url);
      if (!b) return answer(404);
      const wrong = this.wrong(request, b, Buffer.concat(chunks));
      if (wrong) { this.refused = wrong; return answer(wrong.startsWith('token') ? 403 : 400, {}, wrong); }
      const before = b.answers.shift();
      // Taken, and nobody learns it.
      if (before === 'hang') { this.took(request, b, Buffer.concat(chunks)); b.hanging = response; return undefined; }
      if (before) return answer(...before);
      this.took(request, b, Buffer.concat(chunks));
      return answer(201, { location: `https://${this.host}/m/1` });
    });
  }

  took(request, b, body) {
    const { ttl, urgency, topic } = request.headers;
    this.taken.push({ browser: b, ttl: +ttl, urgency, topic, length: body.length, message: this.open(b, body) });
  }

  open(b, body) {
    return JSON.parse(this.decode(body, { version: 'aes128gcm', privateKey: b.ecdh, authSecret: b.auth }).toString());
  }

  /** What a push service would not take. */
  wrong(request, b, body) {
    const h = request.headers;
    if (request.method !== 'POST') return 'method';
    if (!/^\d+$/.test(h.ttl ?? '')) return 'ttl';
    if (h['content-encoding'] !== 'aes128gcm') return 'content-encoding';
    if (!['very-low', 'low', 'normal', 'high'].includes(h.urgency)) return 'urgency';
    if (h.topic !== undefined && !/^[A-Za-z0-9_-]{1,32}$/.test(h.topic)) return 'topic';
    if (body.length > 4_096) return 'length';
    const said = /^vapid t=([^,]+), k=(\S+)$/.exec(h.authorization ?? '');
    if (!said) return 'token: none';
    const [head, claims, signature] = said[1].split('.');
    if (said[2] !== b.key) return 'token: of another sender than the browser named';
    const point = Buffer.from(said[2], 'base64url');
    const key = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: url64(point.subarray(1, 33)), y: url64(point.subarray(33)) } });
    const ok = verify('sha256', Buffer.from(`${head}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
    if (!ok) return 'token: signature';
    const { aud, exp } = JSON.parse(Buffer.from(claims, 'base64url'));
    const now = Date.now() / 1e3;
    if (aud !== `https://${this.host}`) return `token: for ${aud}`;
    return exp < now || exp > now + TOKEN_MAX_S ? 'token: time' : undefined;
  }
}

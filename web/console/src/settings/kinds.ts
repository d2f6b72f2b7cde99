// What the forms ask, kind by kind: the plain keys first, the rest under "more". What stands in a table and is asked nowhere stays as
// it is. The words of a key are `set-<key>`; of what is written into it, an example.
export type Shape = 'text' | 'number' | 'lines' | 'list' | 'select' | 'secret' | 'flag' | 'headers' | 'area';

export interface Asks {
  /** Where in the table: `tls.insecure`. */
  key: string;
  as: Shape;
  needed?: true;
  like?: string;
  of?: string[];
  /** What is meant when nothing is written, where it is a choice. */
  usual?: string;
}
export interface Form { plain: Asks[]; more: Asks[] }

const text = (key: string, like = ''): Asks => ({ key, as: 'text', like });
const number = (key: string, like = ''): Asks => ({ key, as: 'number', like });
const needed = (a: Asks): Asks => ({ ...a, needed: true });
const IP: Asks = { key: 'ip', as: 'select', of: ['auto', '4', '6'], usual: 'auto' };
const EVERY: Asks[] = [text('interval', '60s')];
const ALL: Asks[] = [
  text('timeout', '10s'), text('slow_over', '2s'), number('fail_after', '2'), number('recover_after', '2'),
  { key: 'severity', as: 'select', of: ['major', 'partial', 'minor'], usual: 'major' },
];
const IF: Asks = { key: 'conditions', as: 'lines', like: 'status == 200' };

export const CHECKS: Record<string, Form> = {
  http: {
    plain: [needed(text('url', 'https://example.com/')), ...EVERY, text('contains')],
    more: [
      { key: 'method', as: 'select', of: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], usual: 'GET' },
      { key: 'status', as: 'list', like: '200-299, 404' }, text('not_contains'), { key: 'headers', as: 'headers' },
      { key: 'body', as: 'area', like: '{"ping": true}' }, { key: 'auth.bearer', as: 'secret' }, text('auth.basic.user'), { key: 'auth.basic.password', as: 'secret' },
      IF, ...ALL, number('redirects', '10'), IP, { key: 'version', as: 'select', of: ['auto', '1.1', '2'], usual: 'auto' }, text('tls.server_name'), { key: 'tls.insecure', as: 'flag' },
      text('proxy.url', 'http://proxy.example.com:3128'), text('proxy.user'), { key: 'proxy.password', as: 'secret' },
    ],
  },
  tcp: {
    plain: [needed(text('host', 'db.example.com')), needed(number('port', '5432')), ...EVERY],
    more: [text('send'), text('expect'), IF, ...ALL, IP],
  },
  tls: {
    plain: [needed(text('host', 'example.com')), number('port', '443'), ...EVERY],
    more: [text('server_name'), { ...IF, like: 'days_left > 20' }, ...ALL, IP],
  },
  icmp: {
    plain: [needed(text('host', 'gateway.example.com')), ...EVERY],
    more: [number('count', '3'), number('max_loss_percent', '50'), text('slow_rtt', '150ms'), { ...IF, like: 'loss_percent < 20' }, ...ALL, IP],
  },
  dns: {
    plain: [needed(text('domain', 'example.com')), { key: 'record', as: 'select', of: ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'TXT', 'SRV', 'CAA', 'SOA', 'PTR'], usual: 'A' }, ...EVERY],
    more: [text('server', '9.9.9.9'), { key: 'expect', as: 'list', like: '192.0.2.10' }, { key: 'expect_match', as: 'select', of: ['all', 'any', 'exact'], usual: 'all' }, { ...IF, like: 'size(records) > 0' }, ...ALL],
  },
  push: {
    plain: [needed({ key: 'key', as: 'secret' }), text('period', '24h'), text('cron', '0 3 * * *'), text('grace', '1h')],
    more: [text('time_zone', 'Europe/Berlin'), text('max_run', '2h'), { ...IF, like: 'exit_code == 0' }, { key: 'severity', as: 'select', of: ['major', 'partial', 'minor'], usual: 'major' }],
  },
};
export const KINDS = Object.keys(CHECKS);

const TOLD: Asks[] = [{ key: 'services', as: 'list', like: 'shop, checkout' }, { key: 'language', as: 'select', of: ['', 'en', 'zh-CN'], usual: '' }, number('timeout_s', '15')];
export const CHANNELS: Record<string, Form> = {
  mail: {
    plain: [needed(text('host', 'smtp.example.com')), text('user'), { key: 'password', as: 'secret' }, needed(text('from', 'Status <status@example.com>')), needed({ key: 'to', as: 'list', like: 'ops@example.com' })],
    more: [{ key: 'tls', as: 'select', of: ['starttls', 'tls', 'none'], usual: 'starttls' }, number('port', '587'), ...TOLD],
  },
  webhook: {
    plain: [needed({ key: 'url', as: 'secret', like: 'https://example.com/hook' }), { key: 'secrets[0]', as: 'secret', like: 'whsec_…' }],
    more: [{ key: 'token', as: 'secret' }, ...TOLD],
  },
  chat: {
    plain: [needed({ key: 'app', as: 'select', of: ['slack', 'mattermost', 'discord', 'teams'] }), needed({ key: 'url', as: 'secret', like: 'https://hooks.slack.com/services/…' })],
    more: TOLD,
  },
};

export type Table = Record<string, unknown>;
type Node = Record<string, unknown> | unknown[];
const parts = (key: string) => key.split(/[.[\]]+/).filter(Boolean);

/** What stands at `key`. */
export function get(table: Table, key: string): unknown {
  return parts(key).reduce<unknown>((at, p) => (at && typeof at === 'object' ? (at as Record<string, unknown>)[p] : undefined), table);
}

/** Writes `value` at `key`; `undefined` takes it out, with what is empty without it. */
export function set(table: Table, key: string, value: unknown): void {
  const way = parts(key);
  const last = way.pop() as string;
  let at: Node = table;
  const passed: [Node, string][] = [];
  for (const [i, p] of way.entries()) {
    const here = at as Record<string, unknown>;
    if (typeof here[p] !== 'object' || here[p] === null) {
      if (value === undefined) return;
      here[p] = /^\d+$/.test(way[i + 1] ?? last) ? [] : {};
    }
    passed.push([at, p]);
    at = here[p] as Node;
  }
  if (value !== undefined) { (at as Record<string, unknown>)[last] = value; return; }
  if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete at[last];
  for (const [above, p] of passed.reverse()) {
    if (Object.keys((above as Record<string, unknown>)[p] as object).length) return;
    if (Array.isArray(above)) above.splice(Number(p), 1);
    else delete above[p];
  }
}

export const isSet = (v: unknown): boolean => typeof v === 'object' && v !== null && 'set' in v;
/** Whether a text is where this secret stands, rather than `{ value }`. */
export const isPlain = (key: string): boolean => key === 'url' || key === 'body';

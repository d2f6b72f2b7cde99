/** The page that stands in for an address: built into the worker, filled in here. */
import { choose } from '../words.js';
import type { Config } from './config.js';

/** What the page's script is told (`away.ts`). */
export interface PageData { config: Config; words: unknown; post?: string }

/** Filled in by the build: the page with its places, the policy of its style and script, and every language. */
declare const PAGE: { html: string; policy: string; words: Record<string, unknown> };

/** A new one for each failure. */
export function page(config: Config, post?: string): Response {
  const { html, policy, words } = PAGE;
  const lang = choose([...config.lang ? [config.lang] : [], ...navigator.languages], Object.keys(words)) ?? 'en';
  const data: PageData = { config, words: words[lang], ...post !== undefined && { post } };
  const put: Record<string, string> = { lang, dir: lang === 'ar' ? 'rtl' : 'ltr', data: JSON.stringify(data).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`) };
  return new Response(html.replace(/%(lang|dir|data)%/g, (_, name: string) => put[name]!), {
    status: 503,
    headers: {
      'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'stillhere-page': 'worker', 'referrer-policy': 'same-origin',
      // Of the mirrors only the origins: an address of the tag becomes part of a header.
      'content-security-policy': `default-src 'none'; ${policy}; img-src data:; connect-src 'self' ${config.mirrors.map(url => new URL(url).origin).join(' ')}; base-uri 'none'; form-action 'none'`,
    },
  });
}

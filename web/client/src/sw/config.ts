/** What the worker is told by the tag, and what of a worker's world is used: the types of pages and of workers exclude each other. */
export interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
  addRoutes?(rule: unknown): Promise<void>;
}
export interface PushEvent extends ExtendableEvent {
  readonly data: { json(): unknown } | null;
}
export interface NotificationEvent extends ExtendableEvent {
  readonly notification: Notification;
}
export interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  readonly preloadResponse?: Promise<Response | undefined>;
  respondWith(answer: Promise<Response>): void;
}
export interface Scope {
  readonly location: Location;
  readonly registration: ServiceWorkerRegistration;
  /** In a site's own worker. */
  readonly stillhere?: Record<string, string>;
  /** What `away.js` leaves here. */
  stillhereRest?: Rest;
  readonly clients: { matchAll(of: { type: 'window'; includeUncontrolled: true }): Promise<{ focus(): Promise<unknown> }[]>; openWindow(url: string): Promise<unknown> };
  importScripts(url: string): void;
  skipWaiting(): Promise<void>;
  addEventListener(type: string, handler: (e: ExtendableEvent) => void): void;
}

/** The greater part of the worker, in a file of its own. */
export interface Rest {
  /** `post`: the key of the action that led here; such a page never loads its address again. */
  page(config: Config, post?: string): Response;
  post(e: FetchEvent, config: Config): Promise<Response>;
  /** Null when the origin may be called dead; never, while it may be slow. */
  silence(url: string, config: Config): Promise<null>;
}

export interface Config {
  edge: boolean;
  mirrors: string[];
  key?: string;
  service?: string;
  site?: string;
  lang?: string;
  ping?: string;
  /** Of a site's own worker: the folder that our files are in. */
  from?: string;
  /** Paths whose native posts are kept. */
  posts: string[];
}

const list = (text: string | undefined): string[] => text?.split(/[\s,]+/).filter(Boolean) ?? [];

export const configOf = ({ edge, mirrors, posts, ...more }: Record<string, string>): Config => ({ ...more, edge: Boolean(edge), mirrors: list(mirrors).filter(url => URL.canParse(url)).slice(0, 4), posts: list(posts) });

/**
 * What the parts tell each other and the page. The parts know this file and not one another, so that an application
 * that imports only one of them gets only that one.
 */
import type { State } from './truth.js';

export type ActionState = 'saved' | 'sending' | 'unknown' | 'done' | 'refused' | 'needs you' | 'expired';

/** What became of one thing that the visitor did. Only `outbox` and `form` emit it, after the record is on disk. */
export interface Action {
  /** One per intent; never shown. */
  key: string;
  /** In the visitor's words, such as "Your order". */
  label?: string;
  state: ActionState;
  /** When this state began, in ms since 1970. */
  at: number;
  /** True: the record is on disk, or the server has it. Without a receipt nothing is called kept. */
  receipt: boolean;
  /** The record is only in this tab's memory: closing it loses it. */
  memoryOnly?: boolean;
  /** Of `unknown`: nobody will ever know more; it is not sent again. */
  final?: boolean;
}

export interface Events {
  /** The truth about the origin changed: state, notice, or what is shown of it. */
  state: State;
  action: Action;
  /** Own evidence: a request or connection to the origin was answered (`heard`) or was not (`failed`: network error,
   * silence, 502-504, 520-530). One's own abort is neither. */
  seen: 'heard' | 'failed';
  /** The origin gave a place in the crowd that comes back: ms from now (`Stillhere-Return`). */
  slot: number;
  /** Somebody wants this tab to tell when it is over (true), or does not any more: until then it asks though it is hidden. */
  stay: boolean;
}

type Handler<K extends keyof Events> = (event: Events[K]) => void;
const handlers: { [K in keyof Events]?: Set<Handler<K>> } = {};

/** Listens until the returned function is called. */
export function on<K extends keyof Events>(kind: K, handler: Handler<K>): () => void {
  const set = ((handlers[kind] as Set<Handler<K>> | undefined) ??= new Set<Handler<K>>() as never) as Set<Handler<K>>;
  set.add(handler);
  return () => { set.delete(handler); };
}

/** A handler that throws is the page's own trouble: it is reported as its own error and stops nothing here. */
export function emit<K extends keyof Events>(kind: K, event: Events[K]): void {
  for (const handler of [...(handlers[kind] as Set<Handler<K>> | undefined ?? [])]) {
    try { handler(event); } catch (error) { queueMicrotask(() => { throw error; }); }
  }
}

/**
 * The outbox on disk: IndexedDB, with the strict durability that browsers no longer give by themselves, everything that
 * a person typed sealed with a key that no script can read out. That keeps it from whoever reads the disk, not from
 * a script of the page.
 */

const NAME = 'stillhere';
const SHELVES = ['action', 'draft', 'key'] as const;
export type Shelf = 'action' | 'draft';

/** The first 12 bytes are the nonce. */
export type Sealed = ArrayBuffer;

export interface Store {
  /** False: everything is only in the memory of this tab. */
  readonly durable: boolean;
  get<T>(shelf: Shelf, key: string): Promise<T | undefined>;
  all<T>(shelf: Shelf): Promise<T[]>;
  put(shelf: Shelf, key: string, value: unknown): Promise<void>;
  /** Keeps it in the memory of this tab from now on: the disk did not take it. */
  keep(shelf: Shelf, key: string, value: unknown): void;
  delete(shelf: Shelf, key: string): Promise<void>;
  seal(value: unknown): Promise<Sealed>;
  open<T>(sealed: Sealed): Promise<T>;
  wipe(): Promise<void>;
}

/** Never fails: where the disk is denied, or the page is not secure, it is this tab's memory. */
export async function openStore(): Promise<Store> {
  let db: IDBDatabase | undefined;
  let secret: CryptoKey | undefined;
  const memory = { action: new Map<string, unknown>(), draft: new Map<string, unknown>() };
  const use = <T>(shelf: Shelf | 'key', mode: IDBTransactionMode, work: (s: IDBObjectStore) => IDBRequest<T>) => new Promise<T>((resolve, reject) => {
    const t = db!.transaction(shelf, mode, { durability: 'strict' });
    const request = work(t.objectStore(shelf));
    // Of a write the promise is the commit, not the request.
    t.oncomplete = () => resolve(request.result);
    t.onabort = t.onerror = () => reject(t.error ?? request.error);
  });
  try {
    // Without locks two tabs could send the same thing.
    if (!crypto.subtle || !navigator.locks) throw new Error('not on disk');
    db = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open(NAME, 1);
      opening.onupgradeneeded = () => { for (const shelf of SHELVES) opening.result.createObjectStore(shelf); };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = opening.onblocked = () => reject(opening.error);
    });
    // Another tab deletes or upgrades it: that must not wait for us.
    db.onversionchange = () => db!.close();
    secret = await use('key', 'readonly', s => s.get(0));
    if (!secret) {
      const made = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
      // Two tabs may do this at once: the first one's is the key.
      await use('key', 'readwrite', s => s.add(made, 0)).catch(() => {});
      secret = await use<CryptoKey>('key', 'readonly', s => s.get(0));
    }
  } catch { db = secret = undefined; }

  return {
    durable: Boolean(secret),
    async get<T>(shelf: Shelf, key: string) { return structuredClone(memory[shelf].get(key)) as T | undefined ?? (db && await use(shelf, 'readonly', s => s.get(key))); },
    async all<T>(shelf: Shelf) { return [...db ? await use(shelf, 'readonly', s => s.getAll()) : [], ...structuredClone([...memory[shelf].values()])] as T[]; },
    async put(shelf, key, value) {
      if (!db || memory[shelf].has(key)) memory[shelf].set(key, structuredClone(value));
      else await use(shelf, 'readwrite', s => s.put(value, key));
    },
    keep(shelf, key, value) { memory[shelf].set(key, structuredClone(value)); },
    async delete(shelf, key) {
      if (!memory[shelf].delete(key) && db) await use(shelf, 'readwrite', s => s.delete(key));
    },
    async wipe() {
      for (const shelf of ['action', 'draft'] as const) {
        memory[shelf].clear();
        if (db) await use(shelf, 'readwrite', s => s.clear());
      }
    },
    async seal(value) {
      const plain = pack(value);
      if (!secret) return plain.buffer;
      const iv = crypto.getRandomValues(new Uint8Array(12));
      return new Blob([iv, await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, secret, plain)]).arrayBuffer();
    },
    async open(sealed) {
      return unpack(secret ? await crypto.subtle.decrypt({ name: 'AES-GCM', iv: sealed.slice(0, 12) }, secret, sealed.slice(12)) : sealed);
    },
  };
}

/** A head as JSON, its length before it, and a body of any bytes after it. */
function pack(value: unknown): Uint8Array<ArrayBuffer> {
  const { body, ...head } = value as { body?: ArrayBuffer };
  const text = new TextEncoder().encode(JSON.stringify({ ...head, has: Boolean(body) }));
  const out = new Uint8Array(4 + text.length + (body?.byteLength ?? 0));
  new DataView(out.buffer).setUint32(0, text.length);
  out.set(text, 4);
  if (body) out.set(new Uint8Array(body), 4 + text.length);
  return out;
}

function unpack<T>(bytes: ArrayBuffer): T {
  const end = 4 + new DataView(bytes).getUint32(0);
  const { has, ...head } = JSON.parse(new TextDecoder().decode(bytes.slice(4, end)));
  return has ? { ...head, body: bytes.slice(end) } : head;
}

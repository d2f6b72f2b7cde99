// A form whose letters are kept on this device until the server has acknowledged it. Every change is another request, with a key
// of its own; what was sent keeps its key until it is changed.
import { draftOf, dropDraft, keepDraft, newKey } from './drafts';

export class Draft<T> {
  value: T = $state() as T;
  key: string;
  /** There was one from before. */
  readonly found: boolean;
  #last: string;

  constructor(readonly name: string, readonly fresh: () => T) {
    const was = draftOf<T>(name);
    this.value = was?.value ?? fresh();
    this.key = was?.key ?? newKey();
    this.found = was !== null;
    this.#last = JSON.stringify(this.value);
  }

  /** For `$effect`: runs at each letter. */
  follow(): void {
    const now = JSON.stringify(this.value);
    if (now === this.#last) return;
    this.#last = now;
    this.key = newKey();
    keepDraft(this.name, this.value, this.key);
  }

  drop(): void {
    dropDraft(this.name);
    this.value = this.fresh();
    this.#last = JSON.stringify(this.value);
    this.key = newKey();
  }
}

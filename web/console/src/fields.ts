// What the API says about single fields goes to the field; everything else stands over the form.
import { Trouble } from './api';

export function problemAt(trouble: unknown, ...names: string[]): string {
  return trouble instanceof Trouble ? trouble.fields.filter(f => names.includes(f.field)).map(f => f.problem).join('; ') : '';
}

/** The trouble, unless all of it is said at the fields `names`. */
export function elsewhere(trouble: unknown, ...names: string[]): unknown {
  const atFields = trouble instanceof Trouble && trouble.fields.length > 0 && trouble.fields.every(f => names.includes(f.field));
  return atFields ? undefined : trouble;
}

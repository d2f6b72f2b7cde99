/** Which fields of a form may be kept, and how what was typed is read and put back. */

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** Never on disk: passwords, one-time codes, everything of a card, and what the page says is not to be kept. */
const SECRET = /\b(cc-[a-z-]+|one-time-code|(current|new)-password)\b/i;
/** Of a page whose fields do not say what they are. */
export const SECRET_NAME = /passw(or)?d|card.?(number|no)|cc.?(num|exp|cvc|csc)|\b(cvv|cvc|csc|otp|pin)\d?\b|iban|ssn/i;
/** Nothing that a person typed; a token against forgery must not come back from yesterday. */
const NOT_TYPED = /^(hidden|submit|button|image|reset|file|password)$/;
const FIELDS_MAX = 500;
const TEXT_MAX = 64 * 1024;

const fields = (form: HTMLFormElement): Field[] => ([...form.elements] as Field[]).filter(f => f.name && /^(INPUT|SELECT|TEXTAREA)$/.test(f.tagName)).slice(0, FIELDS_MAX);

function secret(field: Field): boolean {
  return field.type === 'password' || SECRET.test(field.getAttribute('autocomplete') ?? '') || SECRET_NAME.test(field.name) || field.dataset.stillhere === 'off';
}

export const secrets = (form: HTMLFormElement): Field[] => fields(form).filter(secret);

/** One name for a form over reloads: what it is for, and which one of the page. */
export function intentOf(form: HTMLFormElement): string {
  const which = form.id || form.getAttribute('name') || String([...document.forms].indexOf(form));
  return `${location.pathname}#${which}`;
}

const ticks = (f: Field): f is HTMLInputElement => f.type === 'checkbox' || f.type === 'radio';

/** Name, value, and for what can be ticked: whether it is. Several of one name stand in their order. */
export const draft = {
  read(form: HTMLFormElement): [string, string][] {
    return typed(form).filter(f => !untouched(f)).map(f => [at(form, f), value(f).slice(0, TEXT_MAX)]);
  },
  /** What the page itself has put into a field since, or the person has, stays. */
  write(form: HTMLFormElement, kept: [string, string][]): void {
    const was = new Map(kept);
    for (const f of typed(form)) {
      const v = was.get(at(form, f));
      if (v === undefined || !untouched(f)) continue;
      if (ticks(f)) f.checked = v === 'on';
      else if (f instanceof HTMLSelectElement) for (const o of f.options) o.selected = (JSON.parse(v) as string[]).includes(o.value);
      else f.value = v;
      f.dispatchEvent(new Event('change', { bubbles: true }));
    }
  },
};

const typed = (form: HTMLFormElement) => fields(form).filter(f => !NOT_TYPED.test(f.type) && !secret(f));
const at = (form: HTMLFormElement, field: Field) => `${field.name}\n${fields(form).filter(f => f.name === field.name).indexOf(field)}`;
const value = (f: Field) => ticks(f) ? f.checked ? 'on' : 'off' : f instanceof HTMLSelectElement ? JSON.stringify([...f.selectedOptions].map(o => o.value)) : f.value;

function untouched(f: Field): boolean {
  if (ticks(f)) return f.checked === f.defaultChecked;
  if (f instanceof HTMLSelectElement) {
    const usual = [...f.options].filter(o => o.defaultSelected);
    return usual.length ? usual.every(o => o.selected) && f.selectedOptions.length === usual.length : f.multiple ? !f.selectedOptions.length : f.selectedIndex <= 0;
  }
  return f.value === f.defaultValue;
}

// Beginnings of updates, in every language of the page. Each says only what is true whenever it is chosen.
import type { IncidentStatus } from '../api';

export const templates = [
  { name: 'template-looking', first: true, text: 'template-looking-text', status: 'investigating' },
  { name: 'template-cause', first: true, text: 'template-cause-text', status: 'identified' },
  { name: 'template-working', first: false, text: 'template-working-text', status: 'identified' },
  { name: 'template-better', first: true, text: 'template-better-text', status: 'monitoring' },
  { name: 'template-nothing-new', first: false, text: 'template-nothing-new-text', status: undefined },
] as const satisfies readonly { name: string; /** It can be the first word. */ first: boolean; text: string; status: IncidentStatus | undefined }[];

/** What can stand in braces in an operator's own. */
export const PLACES = ['services', 'began', 'duration', 'next_update', 'eta'] as const;
export type Place = (typeof PLACES)[number];

// Beginnings of updates, in every language of the page. Each says only what is true whenever it is chosen.
import type { IncidentStatus } from '../api';

export const templates = [
  { name: 'template-looking', text: 'template-looking-text', status: 'investigating' },
  { name: 'template-cause', text: 'template-cause-text', status: 'identified' },
  { name: 'template-working', text: 'template-working-text', status: 'identified' },
  { name: 'template-better', text: 'template-better-text', status: 'monitoring' },
  { name: 'template-nothing-new', text: 'template-nothing-new-text', status: undefined },
] as const satisfies readonly { name: string; text: string; status: IncidentStatus | undefined }[];

/** What can stand in braces in an operator's own. */
export const PLACES = ['services', 'began', 'duration', 'next_update', 'eta'] as const;
export type Place = (typeof PLACES)[number];

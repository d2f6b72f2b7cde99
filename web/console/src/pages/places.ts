// The pages: where each is, what it is called, who may see it, and its letter after `g`. A page is loaded when it is opened.
import type { Component } from 'svelte';
import type { Role } from '../session.svelte';
import { speakOf } from '../words';

export type PlaceId = 'overview' | 'incidents' | 'preventions' | 'services' | 'maintenance' | 'deliveries' | 'journal' | 'edges' | 'settings' | 'people' | 'tokens' | 'me';
type Loaded = Promise<{ default: Component<any> }>;

interface Place { id: PlaceId; href: string; icon: string; key: string; role: Role; thumb?: boolean }

export const PLACES: Place[] = [
  { id: 'overview', href: '/console/', icon: 'M4 12l8-8 8 8M6 10v10h12V10', key: 'o', role: 'viewer', thumb: true },
  { id: 'incidents', href: '/console/incidents', icon: 'M12 4l9 16H3zM12 10v4M12 17v.01', key: 'i', role: 'viewer', thumb: true },
  { id: 'services', href: '/console/services', icon: 'M4 5h16v5H4zM4 14h16v5H4zM8 7.5v.01M8 16.5v.01', key: 's', role: 'viewer', thumb: true },
  { id: 'maintenance', href: '/console/maintenance', icon: 'M5 6h14v14H5zM5 10h14M9 3v4M15 3v4', key: 'm', role: 'viewer' },
  { id: 'deliveries', href: '/console/deliveries', icon: 'M4 6h16v12H4zM4 7l8 6 8-6', key: 'd', role: 'viewer' },
  { id: 'journal', href: '/console/journal', icon: 'M6 4h12v16H6zM9 8h6M9 12h6M9 16h4', key: 'j', role: 'viewer' },
  { id: 'preventions', href: '/console/preventions', icon: 'M12 3l7 3v6c0 4-3 7-7 9-4-2-7-5-7-9V6zM9 12l2 2 4-4', key: 'v', role: 'viewer' },
  { id: 'edges', href: '/console/edges', icon: 'M4 7a2 2 0 1 0 4 0a2 2 0 1 0-4 0M4 17a2 2 0 1 0 4 0a2 2 0 1 0-4 0M16 12a2 2 0 1 0 4 0a2 2 0 1 0-4 0M8 7.5l8.2 3.7M8 16.5l8.2-3.7', key: 'e', role: 'viewer' },
  { id: 'settings', href: '/console/settings', icon: 'M4 7h10M18 7h2M16 5v4M4 12h2M10 12h10M8 10v4M4 17h10M18 17h2M16 15v4', key: 'c', role: 'viewer' },
  { id: 'people', href: '/console/people', icon: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6M18.5 14.5c2 .9 3 2.9 3 5.5', key: 'p', role: 'admin' },
  { id: 'tokens', href: '/console/tokens', icon: 'M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11h9v4M17 11v3', key: 't', role: 'admin' },
  { id: 'me', href: '/console/me', icon: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 21c0-4 3.4-6.5 7.5-6.5s7.5 2.5 7.5 6.5', key: 'a', role: 'viewer' },
];

interface Page { place: PlaceId; load: () => Loaded; args: Record<string, string> }

/** A page with the words that it alone says, and those of others that it says as well. */
type Part = Parameters<typeof speakOf>[0];
const saying = (parts: Part | Part[], page: () => Loaded) => (): Loaded => Promise.all([page(), ...[parts].flat().map(p => speakOf(p))]).then(([p]) => p);

export function pageOf([first = '', second, third]: string[]): Page {
  switch (first) {
    case '': return { place: 'overview', load: () => import('./Overview.svelte'), args: {} };
    case 'incidents':
      if (second === 'new') return { place: 'incidents', load: () => import('./Opening.svelte'), args: {} };
      if (second && third === 'postmortem') return { place: 'incidents', load: saying(['afterwards', 'incident'], () => import('./Postmortem.svelte')), args: { id: second } };
      if (second) return { place: 'incidents', load: saying(['afterwards', 'incident'], () => import('./Incident.svelte')), args: { id: second } };
      return { place: 'incidents', load: () => import('./Incidents.svelte'), args: {} };
    case 'preventions': return { place: 'preventions', load: saying('afterwards', () => import('./Preventions.svelte')), args: {} };
    case 'services':
      if (second && third) return { place: 'services', load: () => import('./Check.svelte'), args: { service: second, check: third } };
      if (second) return { place: 'services', load: () => import('./Service.svelte'), args: { id: second } };
      return { place: 'services', load: () => import('./Services.svelte'), args: {} };
    case 'maintenance':
      if (second) return { place: 'maintenance', load: () => import('./Planned.svelte'), args: { id: second } };
      return { place: 'maintenance', load: () => import('./Maintenance.svelte'), args: {} };
    case 'deliveries': return { place: 'deliveries', load: () => import('./Deliveries.svelte'), args: {} };
    case 'journal': return { place: 'journal', load: saying('journal', () => import('./Journal.svelte')), args: {} };
    case 'edges': return { place: 'edges', load: () => import('./Edges.svelte'), args: {} };
    case 'settings': {
      const load = (page: () => Loaded) => saying('settings', page);
      const args: Record<string, string> = third && third !== 'new' ? { id: third } : {};
      if (second === 'services' && third) return { place: 'settings', load: load(() => import('./EditService.svelte')), args };
      if (second === 'channels' && third) return { place: 'settings', load: load(() => import('./EditChannel.svelte')), args };
      if (second === 'templates' && third) return { place: 'settings', load: load(() => import('./EditTemplate.svelte')), args };
      return { place: 'settings', load: load(() => import('./Settings.svelte')), args: {} };
    }
    case 'people': return { place: 'people', load: () => import('./People.svelte'), args: {} };
    case 'tokens': return { place: 'tokens', load: () => import('./Tokens.svelte'), args: {} };
    case 'me': return { place: 'me', load: () => import('./Me.svelte'), args: {} };
    default: return { place: 'overview', load: () => import('./Nowhere.svelte'), args: {} };
  }
}

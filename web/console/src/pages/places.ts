// The pages: where each is, what it is called, who may see it, and its letter after `g`. A page is loaded when it is opened.
import type { Component } from 'svelte';
import type { Role } from '../session.svelte';

export type PlaceId = 'overview' | 'incidents' | 'services' | 'maintenance' | 'deliveries';
type Loaded = Promise<{ default: Component<any> }>;

interface Place { id: PlaceId; href: string; icon: string; key: string; role: Role; thumb?: boolean }

export const PLACES: Place[] = [
  { id: 'overview', href: '/console/', icon: 'M4 12l8-8 8 8M6 10v10h12V10', key: 'o', role: 'viewer', thumb: true },
  { id: 'incidents', href: '/console/incidents', icon: 'M12 4l9 16H3zM12 10v4M12 17v.01', key: 'i', role: 'viewer', thumb: true },
  { id: 'services', href: '/console/services', icon: 'M4 5h16v5H4zM4 14h16v5H4zM8 7.5v.01M8 16.5v.01', key: 's', role: 'viewer', thumb: true },
  { id: 'maintenance', href: '/console/maintenance', icon: 'M5 6h14v14H5zM5 10h14M9 3v4M15 3v4', key: 'm', role: 'viewer' },
  { id: 'deliveries', href: '/console/deliveries', icon: 'M4 6h16v12H4zM4 7l8 6 8-6', key: 'd', role: 'viewer' },
];

interface Page { place: PlaceId; load: () => Loaded; args: Record<string, string> }

export function pageOf([first = '', second, third]: string[]): Page {
  switch (first) {
    case '': return { place: 'overview', load: () => import('./Overview.svelte'), args: {} };
    case 'incidents':
      if (second === 'new') return { place: 'incidents', load: () => import('./Opening.svelte'), args: {} };
      if (second) return { place: 'incidents', load: () => import('./Incident.svelte'), args: { id: second } };
      return { place: 'incidents', load: () => import('./Incidents.svelte'), args: {} };
    case 'services':
      if (second && third) return { place: 'services', load: () => import('./Check.svelte'), args: { service: second, check: third } };
      if (second) return { place: 'services', load: () => import('./Service.svelte'), args: { id: second } };
      return { place: 'services', load: () => import('./Services.svelte'), args: {} };
    case 'maintenance':
      if (second) return { place: 'maintenance', load: () => import('./Planned.svelte'), args: { id: second } };
      return { place: 'maintenance', load: () => import('./Maintenance.svelte'), args: {} };
    case 'deliveries': return { place: 'deliveries', load: () => import('./Deliveries.svelte'), args: {} };
    default: return { place: 'overview', load: () => import('./Nowhere.svelte'), args: {} };
  }
}

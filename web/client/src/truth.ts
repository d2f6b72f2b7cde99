export type Name = 'ok' | 'slow' | 'down' | 'unknown' | 'you' | 'maintenance' | 'recovering';
/** What is known of the origin now. */
export interface State { name: Name; since: number }

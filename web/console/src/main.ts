import 'virtual:colours.css';
import './console.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { dress, kept } from './kept.svelte';
import { followLinks } from './route.svelte';
import { session } from './session.svelte';
import { speak } from './words';

dress();
followLinks();
// Both at once: neither needs the other.
const asked = session.begin();
await speak(kept.lang);
mount(App, { target: document.getElementById('app')! });
await asked;
// Last of all: what it keeps for bad times must not be in the way of what is asked for now. A browser without it works as before.
void navigator.serviceWorker?.register('/console/worker.js', { scope: '/console/', updateViaCache: 'none' }).catch(() => {});

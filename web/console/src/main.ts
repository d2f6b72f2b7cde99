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

// No library: fetch, and a person who presses again until there is a "thank you".
import { post, tell, told } from './told.mjs';
const now = {};
window.order = n => { now[n] = 'waiting'; post(n).then(() => tell(n, 'done'), () => tell(n, 'failed')).finally(() => delete now[n]); };
window.states = () => ({ ...told(), ...now });
window.pending = () => Object.keys(now).length;

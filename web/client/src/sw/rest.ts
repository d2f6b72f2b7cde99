/** The greater part of the worker (`away.js`): fetched with it, and run only when something fails or is to be kept. */
import type { Scope } from './config.js';
import { page } from './page.js';
import { post } from './post.js';
import { silence } from './silence.js';

(self as unknown as Scope).stillhereRest = { page, post, silence };

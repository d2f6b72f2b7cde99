/** Everything but the banner, which is `@stillhere/client/element`. Nothing happens before `start()`. */
export { on, type Action, type ActionState, type Events } from './bus.js';
export { pace, spread } from './pace.js';
export { diagnose, start, state, type Client, type Options } from './start.js';
export { type Name, type State } from './truth.js';
export { type Notice } from './notice.js';
export * from './socket.js';
export * from './outbox.js';
export * from './form.js';
export * from './sse.js';

export { on, type Action, type ActionState, type Events } from './bus.js';
export { pace } from './pace.js';
export { type Name, type State } from './truth.js';
export * from './socket.js';
export * from './outbox.js';
export * from './form.js';

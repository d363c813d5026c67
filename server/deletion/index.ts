export { type Deleted, Deletion } from './delete-traffic.js';
export type { Erased } from './erase-span.js';

export { type Deleted, Deletion, type Erased } from './delete-traffic.js';

export { Rollups } from './rollups.js';

export { expireWindows } from './expiry.js';
export { Rollups } from './rollups.js';

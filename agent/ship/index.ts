/** From lines to the server: batches, the connection, streams, heartbeats. The one way in: `Session`. */

export { backOffMs } from './back-off.js';
export { Filler } from './fill.js';
export { steadyPace, UNPACED } from './pace.js';
export { keptConnections, type Post, type Reply } from './post.js';
export { Server } from './server.js';
export { Session, type Track } from './session.js';
export { Tally } from './tally.js';
export { Turns } from './turns.js';

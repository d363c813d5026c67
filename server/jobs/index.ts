export { Jobs } from './jobs.js';
export { type TaskName, tasksOf } from './tasks.js';

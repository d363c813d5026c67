import { createRequire } from 'node:module';

/**
 * Imported before all that imports React: its development build keeps a record of every render for a profiler, for ever,
 * and which build it is gets decided when it is first loaded.
 */
export function inProduction<Loaded>(load: () => Loaded): Loaded {
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  const restore = () => {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  };
  const loaded = load();
  if (loaded instanceof Promise) return loaded.finally(restore) as Loaded;
  restore();
  return loaded;
}

// Not by `import`: that would let the modules imported next to this one go first.
inProduction(() => createRequire(import.meta.url)('react'));

import { ownerDataSource } from './server/store/data-source.js';

/** For TypeORM's command line: `npx typeorm migration:show -d dist/ormconfig.js`, with DATABASE_URL set. */
export default ownerDataSource(process.env.DATABASE_URL ?? 'postgres://127.0.0.1:5432/hlm');

/** The directions of the data's way (ARCHITECTURE.md): who may import whom. */
const clients = '^(agent|client|client-tui|client-web|graphiql)/';
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'clients-know-the-contract-only',
      severity: 'error',
      from: { path: clients },
      to: { path: '^(server|migrations|cli)/|^ormconfig' },
    },
    {
      name: 'clients-do-not-load-decorators',
      severity: 'error',
      from: { path: clients },
      to: { path: '^schema/(types|inputs|enums|scalars)/' },
    },
    {
      name: 'clients-stand-apart',
      severity: 'error',
      from: { path: '^(agent|client-tui|client-web|graphiql)/' },
      to: { path: '^(agent|client-tui|client-web|graphiql)/', pathNot: '^$1/' },
    },
    {
      name: 'agents-show-nothing',
      severity: 'error',
      from: { path: '^agent/' },
      to: { path: '^client/' },
    },
    {
      name: 'what-clients-share-knows-none-of-them',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(agent|client-tui|client-web|graphiql)/' },
    },
    {
      name: 'what-clients-share-runs-anywhere',
      severity: 'error',
      from: { path: '^client(-web)?/', pathNot: '^client-web/vite\\.config' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'schema-knows-nobody',
      severity: 'error',
      from: { path: '^schema/' },
      to: { path: '^(server|agent|client|client-[a-z]+|graphiql|cli|migrations|simulator)/|^ormconfig' },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      from: { path: '^server/core/' },
      to: { pathNot: '^(server/core/|schema/(entry|log-batch)\\.ts$)' },
    },
    {
      name: 'steps-below-the-api',
      severity: 'error',
      from: { path: '^server/(ingest|store|rollup|retention|deletion|jobs|live|alerts|auth|accounts|notify|plans)/' },
      to: { path: '^server/(api/|main)' },
    },
    {
      name: 'store-is-below-the-steps',
      severity: 'error',
      from: { path: '^server/store/' },
      to: { path: '^server/(ingest|rollup|retention|deletion|jobs|live|alerts|auth|accounts|notify|plans)/' },
    },
    {
      name: 'main-is-the-root',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/main' },
      to: { path: '^server/main' },
    },
    {
      name: 'product-knows-no-tests',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      severity: 'error',
      from: { path: '^(agent|schema|server|client|client-tui|cli|simulator|migrations)/|^ormconfig' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'resolves', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: 'graphql-env' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};

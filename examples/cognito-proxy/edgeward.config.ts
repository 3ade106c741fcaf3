import { defineEdge } from 'edgeward'

// The pool and its client are part of this edge, so that nothing else is needed to try it. Before a pool at AWS, the
// origin is https://cognito-idp.REGION.amazonaws.com, userPool goes away, and "edgeward secrets set shop-client" takes
// the secret of the client.
export default defineEdge({
  listeners: [{ port: 8080, host: '127.0.0.1' }],
  admin: false,
  dataFolder: process.env['EXAMPLE_DATA'] ?? './data',
  log: { console: true },
  userPool: {
    port: Number(process.env['POOL_PORT'] ?? 9230),
    pools: { local_shop: { clients: { shop: { secret: 'shop-client' } } } },
  },
  distributions: {
    shop: {
      origins: {
        page: { folder: process.env['PAGE_FOLDER'] ?? './page' },
        pool: { url: `http://127.0.0.1:${process.env['POOL_PORT'] ?? 9230}` },
      },
      defaultBehavior: { origin: 'page', cachePolicy: 'CachingDisabled' },
      defaultRootObject: 'index.html',
      behaviors: [
        {
          path: '/cognito/',
          origin: 'pool',
          allowedMethods: 'all',
          cachePolicy: 'CachingDisabled',
          cognitoProxy: { clients: { shop: { secret: 'shop-client' } }, cors: false },
        },
      ],
    },
  },
})

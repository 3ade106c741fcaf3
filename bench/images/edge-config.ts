export function configFor(pictures: string) {
  return (logFolder: string) => ({
    listeners: [{ port: 0 }],
    // As it is by default where caching is not switched off: bare sharp holds its sources in memory, too.
    images: { sourceCache: { unsaidSeconds: 1 } },
    distributions: {
      bench: {
        origins: { photos: { folder: pictures } },
        behaviors: [
          {
            path: '/hit/*',
            origin: 'photos',
            stripPrefix: '/hit',
            compress: false,
            images: { dialect: 'sih' },
          },
        ],
        defaultBehavior: {
          origin: 'photos',
          cachePolicy: 'CachingDisabled',
          compress: false,
          images: { dialect: 'sih' },
        },
      },
    },
    log: { access: { folder: logFolder } },
  })
}

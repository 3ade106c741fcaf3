export function configFor(pictures: string) {
  return (logFolder: string) => ({
    listeners: [{ port: 0 }],
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

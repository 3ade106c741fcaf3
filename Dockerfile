# syntax=docker/dockerfile:1

# docker build -t edgeward . && docker run -p 8080:8080 -v "$PWD:/edge" edgeward
# The configuration lies in /edge, which is also where state is kept. For the health check it must have an admin port:
# `admin: { port: 9180 }`, or another one given as EDGEWARD_ADMIN_PORT.

FROM node:26-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without workspaces: they pin the Node.js of development, which this image brings itself.
RUN npm ci --omit=dev --workspaces=false --ignore-scripts

FROM node:26-slim
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/.cache \
    EDGEWARD_ADMIN_PORT=9180
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules node_modules
COPY bin bin
COPY src src
# A configuration in /edge imports 'edgeward' by way of the root folder, whatever is mounted over /edge.
RUN mkdir -p /node_modules /edge .cache \
 && ln -s /app /node_modules/edgeward \
 && chown node:node /edge .cache
USER node
# Compiles once what every start needs. As the user who runs it, because the cache of Node.js is kept by user.
RUN node bin/edgeward.cjs --version

WORKDIR /edge
EXPOSE 8080 8443
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.EDGEWARD_ADMIN_PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/edgeward.cjs"]
CMD ["start"]

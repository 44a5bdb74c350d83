# Not built where it was written (no engine there).
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY agent/package.json agent/
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production HAISHIN_DATA_DIR=/var/lib/haishin PATH=/app/bin:/app/node_modules/.bin:$PATH
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin/haishin bin/
RUN mkdir -p /var/lib/haishin && chown node:node /var/lib/haishin
# With another --user: one that has a line in /etc/passwd, or DATABASE_URL; PostgreSQL makes no database for others.
USER node
VOLUME /var/lib/haishin
EXPOSE 8080 8443
STOPSIGNAL SIGTERM
# Whichever listener there is; the certificate is the server's own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD node -e "const {http,https}=JSON.parse(require('fs').readFileSync(process.env.HAISHIN_DATA_DIR+'/run/server.json'));require(http?'http':'https').get((http??https)+'/healthz',{rejectUnauthorized:false},r=>process.exit(r.statusCode===200?0:1)).on('error',()=>process.exit(1))"
CMD ["node", "dist/cli.js", "serve"]

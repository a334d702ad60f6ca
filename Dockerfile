# The image of a gateway. `docker build -t millrace-gateway .`; docs/deploy.md says how to run it.
FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY . .
# The versions of package-lock.json.
RUN npm ci --workspace apps/gateway --include-workspace-root && npx tsc -b apps/gateway && node scripts/bundle.mjs
# What a gateway needs when it runs: its dependencies and the compiled packages of this repository, to which node_modules links.
RUN mkdir /millrace \
 && npm ls --workspace apps/gateway --omit=dev --all --parseable | sed -n "s#^$PWD/##p" > needed \
 && tar -cf - --exclude='*.map' --exclude='*.d.ts' --exclude='*.d.mts' --exclude='*.d.cts' --files-from=needed \
      LICENSE apps/gateway/package.json apps/gateway/bin apps/gateway/dist packages/*/package.json packages/*/dist \
  | tar -xf - -C /millrace

FROM node:22-bookworm-slim
ENV NODE_ENV=production MILLRACE_HOST=0.0.0.0
COPY --from=build /millrace /millrace
RUN ln -s /millrace/apps/gateway/bin/millrace.js /usr/local/bin/millrace
USER node
WORKDIR /millrace
EXPOSE 4400
# The process lives. `/readyz` says if it should get clients; no container is replaced because Redis is unavailable.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.MILLRACE_PORT || 4400}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["millrace"]
CMD ["serve"]

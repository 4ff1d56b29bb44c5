# syntax=docker/dockerfile:1
# The gateway as a container image: docs/deploy/container.md.
#
#   docker build --tag openclaw .                                                   every plugin of this tree
#   docker build --tag openclaw --build-arg PLUGINS="telegram anthropic" .          these
#   docker build --tag openclaw --build-arg PLUGINS=host .                          none
#   docker buildx build --platform linux/amd64,linux/arm64 .                        for both kinds of machine
#
# What is in the image is decided in one place, `cargo xtask image`; the last stage copies what it made.

# Bases, so that a build can use those of a mirror or of this machine. The builder needs a C compiler, rustup's toolchain
# and a Debian of today; Node builds the page for browsers; the last one gives nothing, and anything may stand there.
ARG BUILD_BASE=rust:1.95-bookworm
ARG NODE_BASE=node:22-bookworm-slim
ARG RUNTIME_BASE=scratch

FROM ${NODE_BASE} AS node

FROM ${BUILD_BASE} AS build
ARG TARGETPLATFORM=linux/amd64
ARG PLUGINS=all
ARG RUNTIME_BASE
ARG SOURCE_DATE_EPOCH=315532800
ENV CARGO_INCREMENTAL=0 \
    CARGO_TERM_COLOR=never \
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && case "$TARGETPLATFORM" in linux/amd64 | linux/arm64) ;; *) echo "no image for $TARGETPLATFORM" >&2; exit 1 ;; esac \
 && if ! test -e /etc/ssl/certs/ca-certificates.crt || ! test -d /usr/share/zoneinfo/Etc; then \
        apt-get update && apt-get install --yes --no-install-recommends ca-certificates tzdata; \
    fi
WORKDIR /src
COPY . .
RUN --mount=type=cache,id=openclaw-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=openclaw-target-${TARGETPLATFORM},target=/src/target,sharing=locked \
    cargo xtask image --locked --plugins "$PLUGINS" --output /image \
        $(if test "$RUNTIME_BASE" != scratch; then echo --no-system; fi)

FROM ${RUNTIME_BASE} AS runtime
COPY --from=build /image/ /
# once more, because a copy may forget whose it was
COPY --from=build --chown=65532:65532 /image/data/ /data/
LABEL org.opencontainers.image.title="OpenClaw gateway" \
      org.opencontainers.image.description="A personal AI gateway: chat apps and phone calls to AI agents, every channel, tool and model a plugin" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
ENV PATH=/usr/local/bin \
    HOME=/data \
    OPENCLAW_STATE_DIR=/data \
    OPENCLAW_GATEWAY_PORT=3000 \
    OPENCLAW_RUN_AS=65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 3000
USER 65532:65532
# Every bundled plugin can be loaded here, or there is no image.
RUN ["openclaw", "plugins", "doctor"]
RUN ["openclaw", "plugins", "list", "--json"]
HEALTHCHECK --interval=30s --timeout=25s --start-period=10s CMD ["openclaw", "health", "--probe"]
STOPSIGNAL SIGTERM
CMD ["openclaw", "gateway", "--allow-unconfigured", "--bind", "lan"]

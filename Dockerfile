# One image for every part of a larger installation: `daybook api`, `daybook worker`, `daybook migrate`, `daybook doctor`.
# The migrations are inside the binary.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# What is downloaded and what is compiled outlive the layer, so that the next build compiles Daybook alone. All of it:
# cargo goes by the age of a file, and a newer version unpacked from an archive may be older than the last build.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    find crates migrations -type f -exec touch {} + \
    && cargo build --release --locked -p daybook \
    && install -D target/release/daybook /out/daybook

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin daybook
COPY --from=build /out/daybook /usr/local/bin/daybook
COPY scripts/http-ok /usr/local/bin/http-ok
USER 10001:10001
ENV DAYBOOK_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Of the API; docker-compose.yml has that of the worker.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["http-ok", "8080", "/health/ready"]
ENTRYPOINT ["daybook"]
CMD ["api"]

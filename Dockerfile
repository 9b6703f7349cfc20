# hecate in two stages: build with the compiler, run with the libraries only. Both use the scripts that the
# README's commands use.
FROM debian:12-slim AS build
WORKDIR /src
COPY deploy/install.sh deploy/packages-build.txt deploy/
RUN bash deploy/install.sh build
COPY . .
ARG HECATE_REVISION=
RUN bash deploy/build.sh && cmake --install build/release --prefix /opt/hecate --strip

FROM debian:12-slim
COPY --from=build /src/deploy/install.sh /src/deploy/packages-run.txt /tmp/deploy/
RUN bash /tmp/deploy/install.sh run && rm -rf /tmp/deploy /var/lib/apt/lists/* \
 && groupadd --gid 10464 hecate \
 && useradd --uid 10464 --gid hecate --home-dir /var/lib/hecate --shell /usr/sbin/nologin hecate \
 && install -d -o hecate -g hecate -m 0700 /var/lib/hecate
COPY --from=build /opt/hecate /usr/local
COPY --from=build /src/deploy/container.yaml /etc/hecate/hecate.yaml
# As numbers, so that Kubernetes can see that it is not root. Everything but the volume may be read-only.
USER 10464:10464
VOLUME /var/lib/hecate
EXPOSE 8088 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s \
  CMD ["hecate", "status", "--address", "127.0.0.1:9464"]
ENTRYPOINT ["hecate"]
CMD ["serve", "--config", "/etc/hecate/hecate.yaml"]

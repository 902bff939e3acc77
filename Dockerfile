# new_task and worker in an image of our own:
#
#   docker build -t work-queue .
#   docker run --rm -e AMQP_URL=amqp://... work-queue new_task 'resize photo.jpg...'
#   docker run -e AMQP_URL=amqp://... work-queue worker -- COMMAND
#
# For COMMAND's programs make an image FROM this one that has them too; they often want a shell and
# the usual tools, so this is Debian's small image and not an empty one. It needs no write access
# (--read-only) but what COMMAND does. As the first process the worker reaps processes that commands
# leave behind. `docker stop --time 600` gives running tasks ten minutes to finish.
ARG BASE=debian:13-slim

# The image without the binaries; scripts/image adds those it finds built.
FROM ${BASE} AS runtime
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
RUN groupadd --system --gid 10001 work-queue && \
    useradd --system --uid 10001 --gid 10001 --create-home --home-dir /var/lib/work-queue work-queue
USER 10001:10001
WORKDIR /var/lib/work-queue
STOPSIGNAL SIGTERM
# No ENTRYPOINT: the first word is the command, `worker` or `new_task`.
CMD ["worker"]

FROM ${BASE} AS build
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates cargo gcc libc6-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bins

FROM runtime
# Whom amqps:// trusts.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/target/release/new_task /src/target/release/worker /usr/local/bin/

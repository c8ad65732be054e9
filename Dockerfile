# Two images: the default (router and Python simulators), and with `--target indi` the same with Debian's INDI drivers.
# Builds with the classic builder of Docker Engine 20.10 and with BuildKit.
ARG BASE_IMAGE=debian:trixie-slim
# The classic builder shows this argument, and BuildKit the comment before FROM, to whom the next step fails.
ARG IF_THE_BASE_CANNOT_BE_PULLED="make base-image, then once more"

# What both stages stand on: Python, and an init that reaps what drivers leave behind.
# If this image cannot be pulled: make base-image (it is made of Debian's packages), then once more.
FROM ${BASE_IMAGE} AS base
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 tini >/dev/null \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
        /usr/lib/python3*/ensurepip /usr/lib/python3*/pydoc_data /usr/lib/python3*/test /usr/lib/python3*/turtle.py

# Dependencies first: a change of the source below builds in seconds.
FROM base AS build
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        binutils ca-certificates python3-venv >/dev/null
COPY requirements /build/requirements
RUN python3 -m venv /build/tools \
    && /build/tools/bin/pip install -q --no-cache-dir --require-hashes -r /build/requirements/build.txt \
    && python3 -m venv --without-pip /opt/inditree \
    && /build/tools/bin/pip --python /opt/inditree/bin/python install -q --no-cache-dir --no-compile --only-binary :all: \
        --require-hashes -r /build/requirements/image.txt
COPY scripts/trim-image /build/
# Stripped is what the linker wrote: what auditwheel has rewritten (numpy and its libraries), strip can break.
RUN site=$(echo /opt/inditree/lib/python3*/site-packages) \
    && /build/trim-image "$site" \
    && find "$site/uvloop" "$site/yaml" "$site/msgspec" "$site/psutil" -name '*.so' -exec strip --strip-unneeded {} + \
    && find /opt/inditree/bin -type f -delete \
    && /opt/inditree/bin/python -m compileall -q "$site" \
    && /opt/inditree/bin/python -W error -c 'import io, msgspec, numpy, psutil, rich.traceback, uvloop, yaml; from astropy.io import fits; \
file = io.BytesIO(); fits.PrimaryHDU(numpy.eye(9)).writeto(file); file.seek(0); assert fits.open(file)[0].data.sum() == 9'
# .dockerignore says what this is.
COPY . /build/source
RUN /build/tools/bin/pip wheel -q --no-cache-dir --no-deps --no-build-isolation --wheel-dir /build/wheel /build/source \
    && /build/tools/bin/pip --python /opt/inditree/bin/python install -q --no-deps --no-index --prefix /build/app \
        /build/wheel/*.whl

# All but our own source, so that a change of that copies two megabytes, into either image.
FROM base AS runtime
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /opt/inditree /opt/inditree
# A link and no wrapper: web managers look for a process of that name.
RUN ln -s /opt/inditree/bin/inditree /usr/local/bin/indiserver \
    && echo 'inditree:x:65532:65532::/var/lib/inditree:/usr/sbin/nologin' >>/etc/passwd \
    && echo 'inditree:x:65532:' >>/etc/group \
    && mkdir -p /var/lib/inditree/.indi /data \
    && chown -R 65532:65532 /var/lib/inditree /data
# In a container the network is the boundary, so both ports listen on all addresses.
ENV PATH=/opt/inditree/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/inditree \
    PYTHONUNBUFFERED=1 \
    INDITREE_HOST=* \
    INDITREE_HTTP=*:9724
USER 65532:65532
WORKDIR /var/lib/inditree
EXPOSE 7624 9724
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["inditree", "health"]
ENTRYPOINT ["tini", "--", "inditree"]
CMD ["serve"]
LABEL org.opencontainers.image.title="inditree" \
    org.opencontainers.image.description="An INDI server as a container: router, supervised drivers, links that form a tree" \
    org.opencontainers.image.licenses="MIT"

# Arguments first: they are part of no layer's cache but the labels'.
FROM runtime AS slim
ARG VERSION=0
ARG REVISION=unknown
COPY --from=build /build/app /opt/inditree
LABEL org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"

FROM runtime AS drivers
USER 0:0
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends indi-bin >/dev/null \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
USER 65532:65532

FROM drivers AS indi
ARG VERSION=0
ARG REVISION=unknown
COPY --from=build /build/app /opt/inditree
LABEL org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"

# The last is what a build without --target gives.
FROM slim AS inditree

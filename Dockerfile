# ImageFinder as a service. Build it with `make docker`; compose.yaml says how it is best run.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
# those of the package that the server's own routes need: local features, and maps
ARG EXTRAS=local,reduce
WORKDIR /build
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src src
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --constraint constraints.txt hatchling && \
    pip wheel --no-deps --no-build-isolation --wheel-dir wheels . && \
    python -m venv --without-pip /opt/imagefinder && \
    pip --python /opt/imagefinder/bin/python install --constraint constraints.txt \
        "$(echo wheels/*.whl)${EXTRAS:+[$EXTRAS]}"

# the libraries that the wheels need are in the slim image already
FROM python:${PYTHON}
LABEL org.opencontainers.image.title="ImageFinder" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/imagefinder /opt/imagefinder
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin imagefinder && \
    install --directory --owner imagefinder --group imagefinder /data
ENV PATH=/opt/imagefinder/bin:$PATH \
    IMAGEFINDER_DB=/data/imagefinder.db \
    IMAGEFINDER_HOME=/data/models \
    HF_HOME=/data/models/cache
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["imagefinder", "ping"]
ENTRYPOINT ["imagefinder"]
CMD ["serve", "--host", "0.0.0.0"]

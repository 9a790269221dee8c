# The gateway in a slim image, run by a user without rights. Configuration and keys come in a folder mounted at
# /etc/ewpgw, which user 10001 must be able to read; what the gateway writes goes to the volume /var/lib/ewpgw.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY ewpgw ewpgw
COPY schemas schemas
COPY config config
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/ewpgw --shell /usr/sbin/nologin ewpgw
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels ewpgw
USER ewpgw
WORKDIR /var/lib/ewpgw
VOLUME /var/lib/ewpgw
# The SIS API's port is set here, over the configuration file, so that the health check knows it.
ENV EWPGW_CONFIG=/etc/ewpgw/ewpgw.yaml EWPGW_SIS__PORT=8080 PYTHONUNBUFFERED=1
EXPOSE 8443 8080
# Asks over plain HTTP. Where the configuration sets sis.tls, give the container a health check of your own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['EWPGW_SIS__PORT']), timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["ewpgw"]
CMD ["serve"]

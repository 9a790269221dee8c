# The gateway in a slim image, as a user without rights. Configuration, keys and data come by volumes.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY ewpgw ewpgw
COPY schemas schemas
COPY config config
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/ewpgw ewpgw
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels ewpgw && rm -rf /wheels
USER ewpgw
WORKDIR /var/lib/ewpgw
ENV EWPGW_CONFIG=/etc/ewpgw/ewpgw.yaml PYTHONUNBUFFERED=1
EXPOSE 8443 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('EWPGW_SIS__PORT', '8080')}/health/live\", timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["ewpgw"]
CMD ["serve"]

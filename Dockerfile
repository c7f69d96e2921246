# Two images: `docker build --target sidecar .` and `docker build --target keycloak .`; docker-compose.yml builds both.

FROM python:3.13.7-slim-trixie AS wheels
WORKDIR /source
COPY pyproject.toml README.md ./
COPY sidecar sidecar
COPY themes themes
COPY realm-config realm-config
COPY examples examples
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[apprise,geoip,otel]'

FROM python:3.13.7-slim-trixie AS sidecar
ENV PYTHONUNBUFFERED=1
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'keycloak-passwordless[apprise,geoip,otel]'
USER 10001:10001
WORKDIR /tmp
CMD ["passwordless", "serve", "--bind", "0.0.0.0:5080"]

FROM quay.io/keycloak/keycloak:26.7.4 AS keycloak
COPY themes/passwordless /opt/keycloak/themes/passwordless
COPY themes/passwordless-classic /opt/keycloak/themes/passwordless-classic
# One Keycloak shares no cache with others: for more than one, take --cache=ispn.
RUN /opt/keycloak/bin/kc.sh build --db=postgres --cache=local --health-enabled=true --metrics-enabled=true
USER 1000
ENTRYPOINT ["/opt/keycloak/bin/kc.sh"]
CMD ["start", "--optimized"]

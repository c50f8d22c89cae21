# Keeps the secrets of docker-compose.yml; Kubernetes has objects of its own for that.
ARG PYTHON_IMAGE=python:3.13-slim-trixie
FROM ${PYTHON_IMAGE}
RUN mkdir -p /run/nightshift/redis /run/nightshift/api /run/nightshift/worker \
        /run/nightshift/files /run/nightshift/alerts /run/nightshift/grafana \
    && chown -R 10001:10001 /run/nightshift
COPY --chmod=0444 deploy/images/keep_secrets.py /app/
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK NONE
ENTRYPOINT ["python", "-I", "/app/keep_secrets.py"]

# Catches mail for people who try things; it sends none. The build context is the
# repository: docker build -f deploy/images/mail.Dockerfile .
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
COPY requirements/mail.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=deploy/images/install.sh,target=/install.sh \
    sh /install.sh
WORKDIR /app
COPY deploy/images/healthcheck.py ./
COPY shared/__init__.py shared/clock.py shared/errors.py shared/ids.py shared/logging.py shared/
COPY cli/__init__.py cli/atomic_file.py cli/loopback_http.py cli/mail_catcher.py \
    cli/mail_page.py cli/mailbox.py cli/ports.py cli/stop_signals.py cli/
RUN --mount=type=bind,source=deploy/images/compile.py,target=/compile.py \
    /opt/venv/bin/python -I /compile.py cli.mail_catcher \
    && chmod -R a+rX,go-w /app

FROM ${PYTHON_IMAGE}
RUN --mount=type=bind,source=deploy/images/prepare.sh,target=/prepare.sh \
    sh /prepare.sh /var/lib/nightshift/mail
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    MAIL_PAGE_PORT=8025
WORKDIR /app
USER 10001:10001
EXPOSE 1025 8025
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --retries=3 --start-period=30s --start-interval=1s \
    CMD ["python", "-I", "healthcheck.py", "MAIL_PAGE_PORT", "/"]
CMD ["python", "-m", "cli.mail_catcher", "--host", "0.0.0.0", \
    "--folder", "/var/lib/nightshift/mail", "--smtp-port", "1025", "--page-port", "8025"]

# Last, so that a new version reuses all layers above.
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="nightshift-mail" \
      org.opencontainers.image.description="Catches mail and shows it." \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="MIT"

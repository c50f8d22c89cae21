# The monitoring programs with our configuration in them: no mount of the host's files,
# and an image is all that a roll-back needs.
ARG PROMETHEUS_IMAGE=prom/prometheus:v3.5.0
ARG ALERTMANAGER_IMAGE=prom/alertmanager:v0.28.1
ARG GRAFANA_IMAGE=grafana/grafana:12.1.0

FROM ${PROMETHEUS_IMAGE} AS prometheus
COPY --chmod=0444 deploy/prometheus/prometheus.yml /etc/prometheus/
COPY --chmod=0444 deploy/prometheus/rules/ /etc/prometheus/rules/
COPY --chmod=0444 docs/runbooks/ /etc/prometheus/runbooks/

FROM ${ALERTMANAGER_IMAGE} AS alertmanager
COPY --chmod=0444 deploy/alertmanager/ /etc/alertmanager/

FROM ${GRAFANA_IMAGE} AS grafana
COPY --chmod=0444 deploy/grafana/provisioning/ /etc/grafana/provisioning/
COPY --chmod=0444 deploy/grafana/dashboards/ /etc/grafana/dashboards/

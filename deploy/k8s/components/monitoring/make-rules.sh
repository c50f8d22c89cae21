#!/bin/sh
# Writes prometheus-rules.yaml from the rules that Compose's Prometheus reads.
set -eu
cd "$(dirname "$0")"
{
    echo "# Written by make-rules.sh from deploy/prometheus/rules; do not edit."
    for file in ../../../prometheus/rules/*.yml; do
        cat << END
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: nightshift-$(basename "$file" .yml)
  labels: { app.kubernetes.io/part-of: nightshift }
spec:
END
        sed 's/^\(.\)/  \1/' "$file"
    done
} > "${1:-prometheus-rules.yaml}"

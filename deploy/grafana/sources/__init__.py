"""The dashboards as code: `python -m deploy.grafana.sources` writes the JSON files."""

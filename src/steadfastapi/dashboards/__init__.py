"""Three Grafana dashboards, built from `signals`: `steadfastapi dashboards`."""

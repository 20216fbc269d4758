"""Health for load balancers and metrics for Prometheus. The figures come from `projections.monitoring`."""

"""Whether the site works: health for load balancers and metrics for Prometheus.

The figures come from `projections.monitoring`.
"""

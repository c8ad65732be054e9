"""The operator's side of a router: metrics, logs, audit, and the HTTP API."""

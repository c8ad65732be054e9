"""What the operator sees and holds: metrics, logs, audit, and the HTTP API."""

"""The registrar of a province, online: it gives devices their certificates. Runs as `python -m deploy.registrar`."""

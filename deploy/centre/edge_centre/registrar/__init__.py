"""The registrar of a province, online: it gives devices their certificates."""

"""Jobs over HTTP: queue, list and cancel them, and log work by hand."""

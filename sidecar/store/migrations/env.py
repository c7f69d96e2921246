"""Alembic's entrance; `sidecar.store.migrate` hands it the connection."""

from alembic import context

from sidecar.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()

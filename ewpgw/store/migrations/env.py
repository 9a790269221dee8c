"""Alembic's entry: runs the migrations on the connection, and in the transaction, that ewpgw.store.schema gives."""

from __future__ import annotations

from alembic import context

from ewpgw.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()

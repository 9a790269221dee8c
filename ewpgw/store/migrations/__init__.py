"""Alembic migrations; run by ewpgw.store.schema when a store is opened."""

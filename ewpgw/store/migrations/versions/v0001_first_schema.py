"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Spelled out here rather than imported: a migration has to stay what it was when the tables move on.
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "adapter_position",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("adapter", NAME, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "adapter", name=op.f("adapter_position_pk")),
    )
    op.create_table(
        "catalogue",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.Text()),
        sa.Column("last_modified", sa.Text()),
        sa.Column("fetched_at", WHEN, nullable=False),
        sa.Column("checked_at", WHEN, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("catalogue_single_ck")),
        sa.PrimaryKeyConstraint("id", name=op.f("catalogue_pk")),
    )
    op.create_table(
        "exchange",
        sa.Column("id", NAME, nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("hei_id", NAME),
        sa.Column("partner", NAME),
        sa.Column("api", NAME),
        sa.Column("endpoint", NAME),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("request_headers", sa.Text(), nullable=False),
        sa.Column("request_body", sa.LargeBinary(), nullable=False),
        sa.Column("response_headers", sa.Text(), nullable=False),
        sa.Column("response_body", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.Column("milliseconds", sa.Integer()),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("exchange_direction_ck")),
        sa.PrimaryKeyConstraint("id", name=op.f("exchange_pk")),
    )
    op.create_index("exchange_at", "exchange", ["at", "id"])
    op.create_index("exchange_hei_id_at", "exchange", ["hei_id", "at", "id"])
    op.create_table(
        "feed",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("partner", NAME),
        sa.Column("id", NAME),
        sa.Column("revision", sa.Integer()),
        sa.PrimaryKeyConstraint("hei_id", "seq", name=op.f("feed_pk")),
    )
    op.create_table(
        "feed_counter",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hei_id", name=op.f("feed_counter_pk")),
    )
    op.create_table(
        "nonce",
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "request_id", name=op.f("nonce_pk")),
    )
    op.create_index("nonce_expires_at", "nonce", ["expires_at"])
    op.create_table(
        "partner_copy",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("document", sa.Text()),
        sa.Column("content_hash", sa.Text()),
        sa.Column("our_id", NAME),
        sa.Column("fetched_at", WHEN, nullable=False),
        sa.Column("changed_at", WHEN, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("invalid_body", sa.LargeBinary()),
        sa.Column("invalid_problems", sa.Text()),
        sa.Column("invalid_at", WHEN),
        sa.CheckConstraint("state IN ('current', 'invalid', 'gone')", name=op.f("partner_copy_state_ck")),
        sa.PrimaryKeyConstraint("hei_id", "entity", "partner", "id", name=op.f("partner_copy_pk")),
    )
    op.create_index("partner_copy_our_id", "partner_copy", ["our_id", "hei_id", "entity"])
    op.create_table(
        "record",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("modified_at", WHEN, nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text()),
        sa.Column("visible_to_all", sa.Boolean(), nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("code", NAME),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", name=op.f("record_pk")),
    )
    op.create_index(
        "record_code",
        "record",
        ["hei_id", "entity", "code"],
        postgresql_where=sa.text("code IS NOT NULL"),
        sqlite_where=sa.text("code IS NOT NULL"),
    )
    op.create_index("record_modified_at", "record", ["modified_at"])
    op.create_index(
        "record_visible_to_all",
        "record",
        ["hei_id", "entity", "id"],
        postgresql_where=sa.text("visible_to_all IS true"),
        sqlite_where=sa.text("visible_to_all IS 1"),
    )
    op.create_table(
        "refusal",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "entity", "key", name=op.f("refusal_pk")),
    )
    op.create_table(
        "source_item",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("entity", NAME),
        sa.Column("id", NAME),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "source", "key", name=op.f("source_item_pk")),
    )
    op.create_table(
        "token",
        sa.Column("name", NAME, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("revoked_at", WHEN),
        sa.PrimaryKeyConstraint("name", name=op.f("token_pk")),
    )
    op.create_index("token_sha256", "token", ["sha256"], unique=True)
    op.create_table(
        "work",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("api", NAME, nullable=False),
        sa.Column("item", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_wanted_at", WHEN, nullable=False),
        sa.Column("next_attempt_at", WHEN, nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", WHEN),
        sa.Column("lease_number", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_at", WHEN),
        sa.Column("done_at", WHEN),
        sa.CheckConstraint("state IN ('due', 'done', 'failed', 'expired')", name=op.f("work_state_ck")),
        sa.PrimaryKeyConstraint("hei_id", "partner", "api", "item", "kind", name=op.f("work_pk")),
    )
    op.create_index(
        "work_attention",
        "work",
        ["state", "last_at"],
        postgresql_where=sa.text("state IN ('failed', 'expired')"),
        sqlite_where=sa.text("state IN ('failed', 'expired')"),
    )
    op.create_index(
        "work_due",
        "work",
        ["next_attempt_at", "kind", "partner", "lease_until"],
        postgresql_where=sa.text("state = 'due'"),
        sqlite_where=sa.text("state = 'due'"),
    )
    op.create_index(
        "work_leased",
        "work",
        ["lease_until", "partner"],
        postgresql_where=sa.text("lease_until IS NOT NULL"),
        sqlite_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_table(
        "encoding",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fragment", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hei_id", "entity", "id"],
            ["record.hei_id", "record.entity", "record.id"],
            name=op.f("encoding_record_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "version", name=op.f("encoding_pk")),
    )
    op.create_table(
        "record_partner",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["hei_id", "entity", "id"],
            ["record.hei_id", "record.entity", "record.id"],
            name=op.f("record_partner_record_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "partner", name=op.f("record_partner_pk")),
    )
    op.create_index("record_partner_partner", "record_partner", ["partner", "hei_id", "entity", "id"])
    op.create_table(
        "record_year",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("year", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["hei_id", "entity", "id"],
            ["record.hei_id", "record.entity", "record.id"],
            name=op.f("record_year_record_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "year", name=op.f("record_year_pk")),
    )

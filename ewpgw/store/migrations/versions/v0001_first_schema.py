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
        sa.Column("findings", sa.Text()),
        sa.Column("fetched_at", WHEN, nullable=False),
        sa.Column("changed_at", WHEN, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("invalid_body", sa.LargeBinary()),
        sa.Column("invalid_problems", sa.Text()),
        sa.Column("invalid_at", WHEN),
        sa.Column("exchange_id", NAME),
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
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("heis", sa.Text()),
        sa.Column("expires_at", WHEN),
        sa.PrimaryKeyConstraint("name", name=op.f("token_pk")),
    )
    op.create_index("token_sha256", "token", ["sha256"], unique=True)
    op.create_table(
        "idempotency",
        sa.Column("token", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("token", "key", "part", name=op.f("idempotency_pk")),
    )
    op.create_index("idempotency_expires_at", "idempotency", ["expires_at"])
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
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "version", name=op.f("encoding_pk")),
    )
    op.create_table(
        "record_partner",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "partner", name=op.f("record_partner_pk")),
    )
    op.create_index("record_partner_partner", "record_partner", ["partner", "hei_id", "entity", "id"])
    op.create_table(
        "record_year",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("year", NAME, nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "year", name=op.f("record_year_pk")),
    )
    op.create_table(
        "iia_approval",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("iia_id", NAME, nullable=False),
        sa.Column("iia_hash", sa.Text(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("pdf_file", NAME),
        sa.Column("exchange_id", NAME),
        sa.Column("published_exchange_id", NAME),
        sa.Column("by", sa.Text()),
        sa.PrimaryKeyConstraint("hei_id", "given", "partner", "iia_id", name=op.f("iia_approval_pk")),
    )
    op.create_table(
        "agreement",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("our_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("their_id", NAME),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("how", sa.Text()),
        sa.Column("mapped_at", WHEN),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("received", sa.Boolean(), nullable=False),
        sa.Column("in_effect", sa.Boolean(), nullable=False),
        sa.Column("same", sa.Boolean()),
        sa.Column("approvable", sa.Boolean(), nullable=False),
        sa.Column("changed_at", WHEN, nullable=False),
        sa.CheckConstraint("mapping IN ('open', 'mapped', 'vanished', 'cut')", name=op.f("agreement_mapping_ck")),
        sa.PrimaryKeyConstraint("hei_id", "our_id", name=op.f("agreement_pk")),
    )
    op.create_index(
        "agreement_their_id",
        "agreement",
        ["their_id", "partner", "hei_id"],
        unique=True,
        postgresql_where=sa.text("mapping = 'mapped'"),
        sqlite_where=sa.text("mapping = 'mapped'"),
    )
    op.create_table(
        "iia_snapshot",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("our_id", NAME, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("their_id", NAME, nullable=False),
        sa.Column("our_hash", sa.Text(), nullable=False),
        sa.Column("their_hash", sa.Text(), nullable=False),
        sa.Column("our_body", sa.LargeBinary(), nullable=False),
        sa.Column("their_body", sa.LargeBinary(), nullable=False),
        sa.Column("our_document", sa.Text(), nullable=False),
        sa.Column("their_document", sa.Text(), nullable=False),
        sa.Column("terminated", sa.Boolean(), nullable=False),
        sa.Column("given_at", WHEN, nullable=False),
        sa.Column("given_by", sa.Text()),
        sa.Column("given_exchange_id", NAME),
        sa.Column("published_exchange_id", NAME),
        sa.Column("received_at", WHEN, nullable=False),
        sa.Column("received_body", sa.LargeBinary(), nullable=False),
        sa.Column("received_exchange_id", NAME),
        sa.PrimaryKeyConstraint("hei_id", "our_id", "number", name=op.f("iia_snapshot_pk")),
    )
    op.create_table(
        "iia_former",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("our_id", NAME, nullable=False),
        sa.Column("iia_hash", NAME, nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "our_id", "iia_hash", name=op.f("iia_former_pk")),
    )
    op.create_table(
        "iia_draft",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("iia_id", NAME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("modified_at", WHEN, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "iia_id", name=op.f("iia_draft_pk")),
    )
    op.create_table(
        "file",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "id", name=op.f("file_pk")),
    )
    op.create_table(
        "record_file",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("file_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["hei_id", "entity", "id"],
            ["record.hei_id", "record.entity", "record.id"],
            name=op.f("record_file_record_fk"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hei_id", "entity", "id", "file_id", name=op.f("record_file_pk")),
    )
    op.create_index("record_file_file_id", "record_file", ["file_id", "hei_id"])
    op.create_table(
        "file_reader",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("file_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["hei_id", "file_id"], ["file.hei_id", "file.id"], name=op.f("file_reader_file_fk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hei_id", "file_id", "partner", name=op.f("file_reader_pk")),
    )
    op.create_table(
        "held_deletion",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("set", sa.Text(), nullable=False),
        sa.Column("ids", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("held_at", WHEN, nullable=False),
        sa.Column("confirmed_at", WHEN),
        sa.Column("confirmed_by", sa.Text()),
        sa.PrimaryKeyConstraint("hei_id", "source", "entity", name=op.f("held_deletion_pk")),
    )
    _nominations()
    op.create_table(
        "learning_agreement",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("sending_hei_id", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("changed_at", WHEN, nullable=False),
        sa.Column("decided_at", WHEN),
        sa.Column("decided_exchange_id", NAME),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("year", sa.Text(), nullable=False),
        sa.Column("mobility_type", sa.Text(), nullable=False),
        sa.Column("student", NAME),
        sa.Column("proposed_student", NAME),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("modified", sa.Boolean(), nullable=False),
        sa.Column("latest", sa.Text()),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.CheckConstraint("latest IN ('awaiting', 'approved', 'rejected')", name=op.f("learning_agreement_latest_ck")),
        sa.PrimaryKeyConstraint("hei_id", "sending_hei_id", "omobility_id", name=op.f("learning_agreement_pk")),
    )
    op.create_index("learning_agreement_partner", "learning_agreement", ["partner", "hei_id"])
    op.create_table(
        "transcript",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("year", sa.Text(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("changed_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("hei_id", "id", name=op.f("transcript_pk")),
    )
    op.create_table(
        "transcript_version",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("exchange_id", NAME),
        sa.Column("ended_at", WHEN),
        sa.Column("ended", NAME),
        sa.CheckConstraint("ended IN ('replaced', 'withdrawn', 'deleted')", name=op.f("transcript_version_ended_ck")),
        sa.PrimaryKeyConstraint(
            "hei_id", "ours", "partner", "omobility_id", "number", name=op.f("transcript_version_pk")
        ),
    )
    op.create_table(
        "transcript_delivery",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notified_at", WHEN),
        sa.Column("notified_exchange_id", NAME),
        sa.Column("fetched_at", WHEN),
        sa.Column("fetched_exchange_id", NAME),
        sa.PrimaryKeyConstraint("hei_id", "partner", "omobility_id", "number", name=op.f("transcript_delivery_pk")),
    )


def _nominations() -> None:
    op.create_table(
        "nomination",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("changed_at", WHEN, nullable=False),
        sa.Column("decided_at", WHEN),
        sa.Column("decided_exchange_id", NAME),
        sa.Column("heard_status", sa.Text()),
        sa.Column("heard_comment", sa.Text()),
        sa.Column("iia_id", NAME),
        sa.Column("year", sa.Text(), nullable=False),
        sa.Column("isced_f_code", sa.Text()),
        sa.Column("eqf_level", sa.Integer()),
        sa.Column("activity_attributes", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'cancelled')", name=op.f("nomination_status_ck")
        ),
        sa.PrimaryKeyConstraint("hei_id", "omobility_id", name=op.f("nomination_pk")),
    )
    op.create_index("nomination_iia_id", "nomination", ["iia_id", "hei_id"])
    op.create_table(
        "received_nomination",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("sending_iia_id", NAME),
        sa.Column("receiving_iia_id", NAME),
        sa.Column("year", sa.Text(), nullable=False),
        sa.Column("isced_f_code", sa.Text()),
        sa.Column("eqf_level", sa.Integer()),
        sa.Column("activity_attributes", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'cancelled')", name=op.f("received_nomination_status_ck")
        ),
        sa.PrimaryKeyConstraint("hei_id", "partner", "omobility_id", name=op.f("received_nomination_pk")),
    )
    op.create_index("received_nomination_sending_iia_id", "received_nomination", ["sending_iia_id", "hei_id"])
    op.create_index("received_nomination_receiving_iia_id", "received_nomination", ["receiving_iia_id", "hei_id"])
    op.create_table(
        "mobility_delivery",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("omobility_id", NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("notified_at", WHEN),
        sa.Column("notified_exchange_id", NAME),
        sa.Column("fetched_at", WHEN),
        sa.Column("fetched_exchange_id", NAME),
        sa.PrimaryKeyConstraint("hei_id", "entity", "omobility_id", name=op.f("mobility_delivery_pk")),
    )
    op.create_table(
        "decision",
        sa.Column("hei_id", NAME, nullable=False),
        sa.Column("entity", NAME, nullable=False),
        sa.Column("partner", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("verdict", NAME, nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.Text()),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("sent_at", WHEN),
        sa.Column("words", sa.Text()),
        sa.Column("answered_at", WHEN),
        sa.Column("exchange_id", NAME),
        sa.CheckConstraint("state IN ('waiting', 'made', 'refused', 'overtaken')", name=op.f("decision_state_ck")),
        sa.PrimaryKeyConstraint("hei_id", "entity", "partner", "id", name=op.f("decision_pk")),
    )

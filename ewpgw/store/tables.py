"""The tables. Each key is the protocol's own: the covered HEI, the entity or API, the identifier.

Entities are named by their API's manifest element (``iias``). JSON is text: it is written and read whole, and is never
searched. Everything that a query filters by is a column or a table of its own.

An index beside a primary key never begins with the key's own columns, unless it is partial. Before PostgreSQL has
analysed a table, such an index looks as good for finding one row as the key does, and is then walked from end to end
(10 000 records imported into an empty database took 40 seconds in place of 3).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    true,
)

from ewpgw.store.types import Instant, Name

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(referred_table_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)


# One thing of ours. A deleted one keeps its row without content, since its identifier is never used again
# (EWP architecture, "Identifiers").
record = Table(
    "record",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("modified_at", Instant, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("document", Text),
    Column("visible_to_all", Boolean, nullable=False),
    Column("source", Name, nullable=False),
    Column("digest", Text, nullable=False),
    Column("code", Name),
    Index("record_modified_at", "modified_at"),
)
Index(
    "record_code",
    record.c.hei_id,
    record.c.entity,
    record.c.code,
    postgresql_where=record.c.code.is_not(None),
    sqlite_where=record.c.code.is_not(None),
)
Index(
    "record_visible_to_all",
    record.c.hei_id,
    record.c.entity,
    record.c.id,
    postgresql_where=record.c.visible_to_all.is_(true()),
    sqlite_where=record.c.visible_to_all.is_(true()),
)

# What belongs to a record: its partners, years and encodings. They are written in the transaction that writes the
# record, and records stay as rows for ever, so there are no foreign keys: to check them took a twentieth of an import.

# The HEIs that may see a record.
record_partner = Table(
    "record_partner",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    Index("record_partner_partner", "partner", "hei_id", "entity", "id"),
)

# The academic years in which a record is valid, for the filters of index endpoints.
record_year = Table(
    "record_year",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("year", Name, primary_key=True),
)

# What a record looks like on the wire, for each major version of the API; served by concatenation.
encoding = Table(
    "encoding",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("fragment", LargeBinary, nullable=False),
)

# The newest version of a record that was refused, with the reasons; key is its id, or its source where no id could
# be read.
refusal = Table(
    "refusal",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("document", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", Name, nullable=False),
)

# What a partner last served us.
partner_copy = Table(
    "partner_copy",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("state", Text, nullable=False),
    Column("body", LargeBinary),
    Column("document", Text),
    Column("content_hash", Text),
    Column("our_id", Name),
    Column("findings", Text),
    Column("fetched_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("invalid_body", LargeBinary),
    Column("invalid_problems", Text),
    Column("invalid_at", Instant),
    Column("exchange_id", Name),
    CheckConstraint("state IN ('current', 'invalid', 'gone')", name="state"),
    Index("partner_copy_our_id", "our_id", "hei_id", "entity"),
)

# Work to be done: one row for each natural key, however often it is wanted. Partial indexes, because almost all rows
# are done and stay. The kind is last in the key: it would otherwise tempt SQLite to find due rows by the key.
work = Table(
    "work",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("api", Name, primary_key=True),
    Column("item", Name, primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("wanted", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_wanted_at", Instant, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("lease_number", BigInteger, nullable=False),
    Column("last_error", Text),
    Column("last_status", Integer),
    Column("last_at", Instant),
    Column("done_at", Instant),
    CheckConstraint("state IN ('due', 'done', 'failed', 'expired')", name="state"),
)
Index(
    "work_due",
    work.c.next_attempt_at,
    work.c.kind,
    work.c.partner,
    work.c.lease_until,
    postgresql_where=work.c.state == "due",
    sqlite_where=work.c.state == "due",
)
Index(
    "work_leased",
    work.c.lease_until,
    work.c.partner,
    postgresql_where=work.c.lease_until.is_not(None),
    sqlite_where=work.c.lease_until.is_not(None),
)
Index(
    "work_attention",
    work.c.state,
    work.c.last_at,
    postgresql_where=work.c.state.in_(("failed", "expired")),
    sqlite_where=work.c.state.in_(("failed", "expired")),
)

# What the SIS has to hear, in order, for each covered HEI.
feed = Table(
    "feed",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("entity", Name, nullable=False),
    Column("partner", Name),
    Column("id", Name),
    Column("revision", Integer),
)

feed_counter = Table(
    "feed_counter",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# Requests and responses as they crossed the network, with what was made of their signatures.
exchange = Table(
    "exchange",
    metadata,
    Column("id", Name, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("direction", Text, nullable=False),
    Column("hei_id", Name),
    Column("partner", Name),
    Column("api", Name),
    Column("endpoint", Name),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer),
    Column("request_headers", Text, nullable=False),
    Column("request_body", LargeBinary, nullable=False),
    Column("response_headers", Text, nullable=False),
    Column("response_body", LargeBinary, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("request_id", Text),
    Column("milliseconds", Integer),
    CheckConstraint("direction IN ('in', 'out')", name="direction"),
    Index("exchange_at", "at", "id"),
    Index("exchange_hei_id_at", "hei_id", "at", "id"),
)

# Requests that were already answered, so that a copied request is not answered again.
nonce = Table(
    "nonce",
    metadata,
    Column("key_id", Name, primary_key=True),
    Column("request_id", Name, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Index("nonce_expires_at", "expires_at"),
)

# The last good catalogue of the registry; one row.
catalogue = Table(
    "catalogue",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("fetched_at", Instant, nullable=False),
    Column("checked_at", Instant, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

# Credentials of the SIS API and the console; only their digests are kept. scopes and heis are words between blanks;
# heis is null where a token opens every covered HEI.
token = Table(
    "token",
    metadata,
    Column("name", Name, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("scopes", Text, nullable=False),
    Column("heis", Text),
    Column("expires_at", Instant),
    Index("token_sha256", "sha256", unique=True),
)

# What an adapter has imported: its own key (a file, a row) and the record that came of it.
source_item = Table(
    "source_item",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("source", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("entity", Name),
    Column("id", Name),
    Column("digest", Text, nullable=False),
)

# How far an adapter has read the feed.
adapter_position = Table(
    "adapter_position",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("adapter", Name, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# Writes that the SIS made under an Idempotency-Key of its own, and their answers; status is null while one is under
# way. Part 0 is the request; a streamed one has a part more for each piece of it that was stored.
idempotency = Table(
    "idempotency",
    metadata,
    Column("token", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", LargeBinary),
    Index("idempotency_expires_at", "expires_at"),
)

# One side's approval of one version of the other side's copy of an agreement. Given: we approved the partner's copy
# iia_id, as the partner numbers it. Not given: the partner approved our copy iia_id, as we number it.
iia_approval = Table(
    "iia_approval",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("given", Boolean, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("iia_id", Name, primary_key=True),
    Column("iia_hash", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("pdf_file", Name),
    Column("exchange_id", Name),
    Column("published_exchange_id", Name),
    Column("by", Text),
)

# Where an agreement of ours stands, beside its record: the partner's copy of it, and what the approvals amount to. An
# agreement without a row is not mapped, not approved by anybody, and never was.
agreement = Table(
    "agreement",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("our_id", Name, primary_key=True),
    Column("partner", Name, nullable=False),
    Column("their_id", Name),
    Column("mapping", Text, nullable=False),
    Column("how", Text),
    Column("mapped_at", Instant),
    Column("state", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("received", Boolean, nullable=False),
    Column("in_effect", Boolean, nullable=False),
    Column("same", Boolean),
    Column("approvable", Boolean, nullable=False),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("mapping IN ('open', 'mapped', 'vanished', 'cut')", name="mapping"),
)
Index(
    "agreement_their_id",
    agreement.c.their_id,
    agreement.c.partner,
    agreement.c.hei_id,
    unique=True,
    postgresql_where=agreement.c.mapping == "mapped",
    sqlite_where=agreement.c.mapping == "mapped",
)

# A version of an agreement that both sides approved: both copies as they were, both approvals, and the exchanges that
# prove them. number counts from 1 within an agreement.
iia_snapshot = Table(
    "iia_snapshot",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("our_id", Name, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("partner", Name, nullable=False),
    Column("their_id", Name, nullable=False),
    Column("our_hash", Text, nullable=False),
    Column("their_hash", Text, nullable=False),
    Column("our_body", LargeBinary, nullable=False),
    Column("their_body", LargeBinary, nullable=False),
    Column("our_document", Text, nullable=False),
    Column("their_document", Text, nullable=False),
    Column("terminated", Boolean, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("given_by", Text),
    Column("given_exchange_id", Name),
    Column("published_exchange_id", Name),
    Column("received_at", Instant, nullable=False),
    Column("received_body", LargeBinary, nullable=False),
    Column("received_exchange_id", Name),
)

# Versions of our copy that were replaced and that the partner could have approved before it heard of that.
iia_former = Table(
    "iia_former",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("our_id", Name, primary_key=True),
    Column("iia_hash", Name, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("document", Text, nullable=False),
)

# An agreement that is being written: not served, not announced, and not checked before it is proposed.
iia_draft = Table(
    "iia_draft",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("iia_id", Name, primary_key=True),
    Column("document", Text, nullable=False),
    Column("modified_at", Instant, nullable=False),
    Column("source", Name, nullable=False),
)

# A file of ours that records refer to. It never changes (File API, "File immutability"), and its id is made here.
file = Table(
    "file",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# The files that a record refers to now: these cannot be deleted.
record_file = Table(
    "record_file",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("file_id", Name, primary_key=True),
    ForeignKeyConstraint(
        ["hei_id", "entity", "id"], ["record.hei_id", "record.entity", "record.id"], ondelete="CASCADE"
    ),
    Index("record_file_file_id", "file_id", "hei_id"),
)

# Who was ever given the id of a file ("*": everyone); such a caller can fetch it for as long as it is kept.
file_reader = Table(
    "file_reader",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("file_id", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    ForeignKeyConstraint(["hei_id", "file_id"], ["file.hei_id", "file.id"], ondelete="CASCADE"),
)

# Records that an adapter's source lost all at once: deleted only when a person confirms the set of these ids.
held_deletion = Table(
    "held_deletion",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("source", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("set", Text, nullable=False),
    Column("ids", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("held_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("confirmed_by", Text),
)

# Where a nomination of ours stands, beside its record: what the partner decided about it. number counts our own changes
# that the partner has to look at anew. heard_status and heard_comment are what a partner with version 1 of the Incoming
# Mobilities API published last. iia_id, our identifier of the agreement it is under, and year find those that take each
# other's places.
nomination = Table(
    "nomination",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("omobility_id", Name, primary_key=True),
    Column("partner", Name, nullable=False),
    Column("proposal_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("comment", Text),
    Column("deleted", Boolean, nullable=False),
    Column("number", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_exchange_id", Name),
    Column("heard_status", Text),
    Column("heard_comment", Text),
    Column("iia_id", Name),
    Column("year", Text, nullable=False),
    Column("isced_f_code", Text),
    Column("eqf_level", Integer),
    Column("activity_attributes", Text, nullable=False),
    CheckConstraint("status IN ('pending', 'approved', 'rejected', 'cancelled')", name="status"),
    Index("nomination_iia_id", "iia_id", "hei_id"),
)

# Where a nomination stands that a partner sends, beside its copy: what lists and counts ask for. sending_iia_id and
# receiving_iia_id, the two sides' identifiers of the agreement it is under, find those that take each other's places.
received_nomination = Table(
    "received_nomination",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("omobility_id", Name, primary_key=True),
    Column("status", Text, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("sending_iia_id", Name),
    Column("receiving_iia_id", Name),
    Column("year", Text, nullable=False),
    Column("isced_f_code", Text),
    Column("eqf_level", Integer),
    Column("activity_attributes", Text, nullable=False),
    CheckConstraint("status IN ('pending', 'approved', 'rejected', 'cancelled')", name="status"),
    Index("received_nomination_sending_iia_id", "sending_iia_id", "hei_id"),
    Index("received_nomination_receiving_iia_id", "receiving_iia_id", "hei_id"),
)

# When the partner learnt of a nomination or learning agreement of ours as it was at number: it took the notification,
# or fetched it. A table of its own, because it is written under locks that are taken after those of the thing.
mobility_delivery = Table(
    "mobility_delivery",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("omobility_id", Name, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("notified_at", Instant),
    Column("notified_exchange_id", Name),
    Column("fetched_at", Instant),
    Column("fetched_exchange_id", Name),
)

# What we decided about a partner's thing, on its way to the partner or there. One row a thing; number counts the
# decisions about it. sent_at is written before this one is first sent: without it, the partner cannot have it.
decision = Table(
    "decision",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("entity", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("proposal_id", Text, nullable=False),
    Column("verdict", Name, nullable=False),
    Column("comment", Text),
    Column("document", LargeBinary, nullable=False),
    Column("by", Text),
    Column("at", Instant, nullable=False),
    Column("state", Name, nullable=False),
    Column("sent_at", Instant),
    Column("words", Text),
    Column("answered_at", Instant),
    Column("exchange_id", Name),
    CheckConstraint("state IN ('waiting', 'made', 'refused', 'overtaken')", name="state"),
)

# Where a learning agreement stands, beside its record or copy: ours, whose sending_hei_id is hei_id, and those that
# partners send. number counts our own changes that the partner has to look at anew. year, mobility_type, the two keys
# of students (agreed on and proposed) and listed are what the index asks for; approved, modified and latest what is
# counted, latest being null where nothing is. standing is the long one, so it comes last: whoever looks for the others
# need not read it.
learning_agreement = Table(
    "learning_agreement",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("sending_hei_id", Name, primary_key=True),
    Column("omobility_id", Name, primary_key=True),
    Column("partner", Name, nullable=False),
    Column("number", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_exchange_id", Name),
    Column("deleted", Boolean, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("year", Text, nullable=False),
    Column("mobility_type", Text, nullable=False),
    Column("student", Name),
    Column("proposed_student", Name),
    Column("approved", Boolean, nullable=False),
    Column("modified", Boolean, nullable=False),
    Column("latest", Text),
    Column("standing", Text, nullable=False),
    CheckConstraint("latest IN ('awaiting', 'approved', 'rejected')", name="latest"),
    Index("learning_agreement_partner", "partner", "hei_id"),
)

# Where a transcript of ours stands, beside its record: whether partners may see it, which version is or was served last
# (0: none yet), and the digest of what was handed in last.
transcript = Table(
    "transcript",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("partner", Name, nullable=False),
    Column("omobility_id", Name, nullable=False),
    Column("year", Text, nullable=False),
    Column("ready", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("number", Integer, nullable=False),
    Column("given", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

# The versions of transcripts, as evidence. Ours: what was served, from one moment to another. A partner's: what came,
# and in which exchange. number counts from 1 within a transcript.
transcript_version = Table(
    "transcript_version",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("ours", Boolean, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("omobility_id", Name, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("exchange_id", Name),
    Column("ended_at", Instant),
    Column("ended", Name),
    CheckConstraint("ended IN ('replaced', 'withdrawn', 'deleted')", name="ended"),
)

# When the partner learnt of a version of a transcript of ours: it took the notification, or fetched it. A table of its
# own, because it is written under locks that are taken after those of the transcript elsewhere.
transcript_delivery = Table(
    "transcript_delivery",
    metadata,
    Column("hei_id", Name, primary_key=True),
    Column("partner", Name, primary_key=True),
    Column("omobility_id", Name, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("notified_at", Instant),
    Column("notified_exchange_id", Name),
    Column("fetched_at", Instant),
    Column("fetched_exchange_id", Name),
)

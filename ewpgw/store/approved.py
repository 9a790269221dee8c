"""What partners are known to have approved, for comparing it with what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, false, select

from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import agreement, iia_approval, record

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ApprovedVersion:
    """Which version of our agreement a partner says it approves, and the id of the PDF that it serves with that."""

    iia_hash: str
    pdf_file: str | None


async def by_partner(source: Readable, hei_id: str, partner: str) -> Mapping[str, ApprovedVersion | None]:
    """What a partner approves of our agreements that are mapped to its copies, by our ids."""
    rows = await fetch(source, _KNOWN, {"hei": hei_id, "partner": partner})
    return {row.our_id: None if row.iia_hash is None else ApprovedVersion(row.iia_hash, row.pdf_file) for row in rows}


_KNOWN = (
    select(agreement.c.our_id, iia_approval.c.iia_hash, iia_approval.c.pdf_file)
    .join(
        record,
        and_(record.c.hei_id == agreement.c.hei_id, record.c.entity == "iias", record.c.id == agreement.c.our_id),
    )
    .outerjoin(
        iia_approval,
        and_(
            iia_approval.c.hei_id == agreement.c.hei_id,
            iia_approval.c.given.is_(False),
            iia_approval.c.partner == agreement.c.partner,
            iia_approval.c.iia_id == agreement.c.our_id,
        ),
    )
    .where(
        agreement.c.hei_id == bindparam("hei"),
        agreement.c.partner == bindparam("partner"),
        agreement.c.mapping == "mapped",
        record.c.deleted == false(),
    )
)

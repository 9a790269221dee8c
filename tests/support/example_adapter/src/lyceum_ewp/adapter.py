"""The adapter: Lyceum's agreements on their way to the gateway, and partners' copies on their way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ewpgw.adapters.contract import (
    Adapter,
    AdapterProblem,
    Complete,
    CopyDelivery,
    Decision,
    Item,
    Reading,
    SourceIncomplete,
    Unchanged,
    Unreadable,
)
from ewpgw.config.values import AbsolutePath
from ewpgw.model.problems import Problem
from ewpgw.preparing import Incoming
from lyceum_ewp.lyceum import Agreement, Lyceum, LyceumDown

_REMARKS = {
    "agreement-mapped": "the copy of our agreement",
    "approval-received": "the partner approves our copy",
    "approval-given": "we approve it",
    "mutually-approved": "in effect: both sides approved",
}
"""What Lyceum says of decisions; of others there will be more with time, it says nothing."""


class LyceumSettings(BaseModel):
    """What stands beside ``kind: lyceum`` in the gateway's configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    file: AbsolutePath = Field(description="Lyceum's file. It may be relative to the gateway's configuration.")
    look_seconds: float = Field(60, gt=0, le=3600, description="How often Lyceum is asked for changes.")


class LyceumAdapter(Adapter):
    """Agreements of the student system Lyceum, and partners' copies of them."""

    kind: ClassVar[str] = "lyceum"
    settings_model: ClassVar[type[BaseModel]] = LyceumSettings

    def __init__(self, hei_id: str, settings: BaseModel) -> None:
        super().__init__(hei_id, settings)
        assert isinstance(settings, LyceumSettings)
        self._lyceum = Lyceum(settings.file)
        self._look_seconds = settings.look_seconds
        self._taken: list[tuple[str, int]] | None = None

    async def check(self) -> None:
        """Raise AdapterProblem when Lyceum cannot be used at all."""
        try:
            await asyncio.to_thread(self._versions)
        except LyceumDown as down:
            raise AdapterProblem(f"Lyceum does not answer: {down}; start it, or correct 'file'") from down

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        """Hand over all agreements, in the order of their numbers."""
        try:
            agreements = await asyncio.to_thread(lambda: list(self._lyceum.agreements()))
        except LyceumDown as down:
            # nothing may be deleted on the strength of half a reading
            raise SourceIncomplete(f"Lyceum does not answer: {down}") from down
        for agreement in agreements:
            key, digest = f"agreement/{agreement.number}", str(agreement.changed)
            if self.imported(key, digest):
                yield Unchanged(key, "iias", digest)
            elif agreement.first_year > agreement.last_year:
                said = "ends before it begins; correct its years in Lyceum"
                yield Unreadable(key, "iias", Problem("", said, "refusal", "Lyceum"))
            else:
                yield Item(key, "iias", Incoming(id=agreement.number, document=self._record(agreement)), digest)
        self._taken = [(agreement.number, agreement.changed) for agreement in agreements]
        yield Complete("iias")

    async def changes(self) -> AsyncGenerator[None, None]:
        """Look from time to time whether anything is new since the last snapshot."""
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                changed = await asyncio.to_thread(self._versions) != self._taken
            except LyceumDown:
                changed = True  # the snapshot says what is wrong
            if changed:
                yield

    async def deliver(self, delivery: CopyDelivery) -> None:
        """Keep a partner's copy in Lyceum."""
        try:
            await asyncio.to_thread(self._keep, delivery)
        except LyceumDown as down:
            # it comes again, and later ones wait until then
            raise AdapterProblem(f"Lyceum cannot keep partners' agreements: {down}") from down

    async def decided(self, decision: Decision) -> None:
        """Note in Lyceum what became of a partner's agreement."""
        if decision.id is not None and decision.what in _REMARKS:
            try:
                await asyncio.to_thread(
                    self._lyceum.remark_on_foreign, decision.partner, decision.id, _REMARKS[decision.what]
                )
            except LyceumDown as down:
                raise AdapterProblem(f"Lyceum cannot keep decisions: {down}") from down

    def _keep(self, delivery: CopyDelivery) -> None:
        if delivery.state == "invalid":
            # the last good copy is still what counts
            reasons = "; ".join(str(problem["message"]) for problem in delivery.problems)
            self._lyceum.remark_on_foreign(delivery.partner, delivery.id, f"not usable: {reasons}")
        else:
            remark = "withdrawn by the partner" if delivery.state == "gone" else ""
            self._lyceum.keep_foreign(delivery.partner, delivery.id, delivery.document, remark)

    def _versions(self) -> list[tuple[str, int]]:
        return [(agreement.number, agreement.changed) for agreement in self._lyceum.agreements()]

    def _record(self, agreement: Agreement) -> dict[str, object]:
        """An agreement in the gateway's words (docs/records/iias.md)."""
        ways = (
            (self.hei_id, agreement.partner, agreement.students_out),
            (agreement.partner, self.hei_id, agreement.students_in),
        )
        return {
            "partner": [
                {"hei_id": self.hei_id, "iia_id": agreement.number, "iia_code": f"LYC {agreement.number}"},
                {"hei_id": agreement.partner},
            ],
            "in_effect": agreement.signed,
            "cooperation_conditions": {
                "student_studies_mobility_spec": [
                    {
                        "sending_hei_id": sending,
                        "receiving_hei_id": receiving,
                        "receiving_first_academic_year_id": _year(agreement.first_year),
                        "receiving_last_academic_year_id": _year(agreement.last_year),
                        "mobilities_per_year": people,
                        "recommended_language_skill": [{"language": agreement.language, "cefr_level": "B2"}],
                        "blended": False,
                    }
                    for sending, receiving, people in ways
                    if people
                ]
            },
        }


def _year(first: int) -> str:
    return f"{first}/{first + 1}"

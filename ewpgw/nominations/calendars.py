"""The academic years and terms of a HEI, and those of its partners in the other hemisphere, as configured.

A student information system counts as its own institution does. The receiving one's year, which a nomination has to
name, follows from the term and both calendars; and what a partner says in its terms is shown in ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ewpgw.model.academic_years import AcademicTerm, Calendar, matching_term, receiving_year, year_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ewpgw.config import HeiSettings
    from ewpgw.config.settings import CalendarSettings
    from ewpgw.model.omobility import KnownNomination


@dataclass(frozen=True, slots=True)
class Stay:
    """The time of a stay as both institutions name it; None where that cannot be told."""

    sending_term: str | None
    receiving_term: str | None
    receiving_year: str


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars of the covered HEIs, and of their partners: by the HEI, then the partner.

    A partner that is not named counts as unknown: nothing is worked out for it.
    """

    own: Mapping[str, Calendar] = field(default_factory=dict)
    partners: Mapping[tuple[str, str], Calendar] = field(default_factory=dict)

    @classmethod
    def of(cls, heis: Iterable[HeiSettings]) -> Self:
        """The calendars in the settings."""
        own, partners = dict[str, Calendar](), dict[tuple[str, str], Calendar]()
        for hei in heis:
            own[hei.id] = _calendar(hei.calendar)
            for each in hei.partner_calendars:
                partners[hei.id, each.hei_id] = _calendar(each)
        return cls(own, partners)

    def filled(self, hei_id: str, document: object) -> object:
        """A nomination of ours as a source gives it, with the academic year that follows from its term.

        One that has a year keeps it; one whose year cannot be worked out stays as it is, and is refused for that.
        """
        if not isinstance(document, dict) or not isinstance(said := document.get("nomination"), dict):
            return document
        partner = said["receiving_hei"].get("hei_id") if isinstance(said.get("receiving_hei"), dict) else None
        term, theirs = said.get("sending_academic_term_ewp_id"), self._of_partner(hei_id, partner)
        if said.get("receiving_academic_year_id") is not None or not isinstance(term, str) or theirs is None:
            return document
        try:
            year = year_id(receiving_year(AcademicTerm.read(term), self._of(hei_id), theirs))
        except ValueError:
            return document
        return {**document, "nomination": {**said, "receiving_academic_year_id": year}}

    def stay(self, hei_id: str, nomination: KnownNomination) -> Stay:
        """The time of a stay, of a student of ours or of a partner's."""
        year, given = nomination.receiving_academic_year_id, nomination.sending_academic_term_ewp_id
        sending = self._either(hei_id, nomination.sending_hei.hei_id)
        receiving = self._either(hei_id, nomination.receiving_hei.hei_id)
        try:
            term = AcademicTerm.read(given) if given is not None else None
        except ValueError:
            term = None
        if term is None or sending is None or receiving is None:
            return Stay(given, None, year)
        return Stay(given, str(matching_term(term, sending, receiving)), year)

    def _either(self, hei_id: str, of: str) -> Calendar | None:
        return self._of(hei_id) if of == hei_id else self._of_partner(hei_id, of)

    def _of(self, hei_id: str) -> Calendar:
        return self.own.get(hei_id) or Calendar()

    def _of_partner(self, hei_id: str, partner: object) -> Calendar | None:
        return self.partners.get((hei_id, partner)) if isinstance(partner, str) else None


def _calendar(settings: CalendarSettings) -> Calendar:
    return Calendar(settings.southern, settings.first_month, settings.year_of_stay)

"""A partner whose nominations are decided about by the rules of version 3, with a test's hand on its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lxml import etree

from ewpgw.documents import error_response
from ewpgw.model import omobility_update
from ewpgw.model.entities import ENTITIES
from ewpgw.model.omobility import Omobility, Status
from ewpgw.model.omobility_states import Refusal, Standing, approve, reject
from ewpgw.model.omobility_update import RejectProposal
from support.nominating import nominated
from support.partners import FakePartner, Received, Says

ENTITY = ENTITIES["omobilities"]
UPDATED = (
    b'<omobilities-update-response xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-omobilities/blob/'
    b'stable-v3/endpoints/update-response.xsd"/>'
)
GET, UPDATE = "omobilities/v3/get", "omobilities/v3/update"

Trouble = Callable[[Says], Says]


class Nominating:
    """The sending institution's system, behind a fake partner.

    ``troubles`` are what goes wrong with the next answers of ``update``, in order: called with the right answer, after
    the request was acted on, or before where it is one of ``BEFORE``. ``unseen`` are answers of ``get`` in place of the
    right ones; ``lagging`` is how often it still serves a nomination as pending. ``strict``: doing it twice is a fault.
    """

    def __init__(self, partner: FakePartner, receiving: str) -> None:
        self.partner = partner
        self.receiving = receiving
        self.records: dict[str, Omobility] = {}
        self.standings: dict[str, Standing] = {}
        self.acted: list[tuple[str, Status]] = []
        self.troubles: list[Trouble] = []
        self.unseen: list[Says] = []
        self.lagging = 0
        self.strict = False
        partner.script(GET, self._get)
        partner.script(UPDATE, self._update)

    def nominate(self, omobility_id: str, **changes: object) -> str:
        """Hands a nomination in, or changes one; its proposal."""
        checked = ENTITY.from_json(
            self.partner.hei_id, nominated(self.partner.hei_id, omobility_id, self.receiving, **changes)
        )
        record = checked.record
        assert isinstance(record, Omobility), checked.problems
        self.records[omobility_id] = record
        self.standings[omobility_id] = Standing(record.proposal_id)
        return record.proposal_id

    def withdraw(self, omobility_id: str) -> None:
        del self.records[omobility_id]

    def stands(self, omobility_id: str, status: Status) -> None:
        self.standings[omobility_id] = replace(self.standings[omobility_id], status=status)

    def served(self, omobility_id: str) -> bytes:
        if omobility_id not in self.records:
            return ENTITY.newest.wrap([])
        status = Status.PENDING if self.lagging > 0 else self.standings[omobility_id].status
        record = self.records[omobility_id].model_copy(update={"status": status.value})
        return ENTITY.newest.wrap([ENTITY.newest.encode(record).fragment])

    @property
    def looks(self) -> int:
        return len(self.partner.calls(GET))

    @property
    def updates(self) -> int:
        return len(self.partner.calls(UPDATE))

    def _get(self, sent: Received) -> Says:
        if self.unseen:
            return self.unseen.pop(0)
        body = self.served(dict(sent.parameters)["omobility_id"])
        self.lagging -= 1
        return Says(body)

    def _update(self, sent: Received) -> Says:
        trouble = self.troubles.pop(0) if self.troubles else _none
        if trouble in _BEFORE:
            return trouble(Says(UPDATED))
        return trouble(self._act(sent))

    def _act(self, sent: Received) -> Says:
        asked = omobility_update.read(etree.fromstring(sent.body))
        if asked.omobility_id not in self.records:
            return Says(error_response.build("unknown", "There is no such nomination."), 400)
        here = self.standings[asked.omobility_id]
        wanted = Status.REJECTED if isinstance(asked, RejectProposal) else Status.APPROVED
        if self.strict and here.status is wanted:
            return Says(error_response.build("double", "It is decided already."), 409)
        outcome = (
            reject(here, asked.proposal_id, asked.comment)
            if isinstance(asked, RejectProposal)
            else approve(here, asked.proposal_id)
        )
        if isinstance(outcome, Refusal):
            return Says(error_response.build(outcome.code, outcome.words), 409 if outcome.conflict else 400)
        if outcome.changed:
            self.acted.append((asked.omobility_id, wanted))
        self.standings[asked.omobility_id] = outcome.standing
        return Says(UPDATED)


def _none(says: Says) -> Says:
    return says


def lost(says: Says) -> Says:
    """The partner acts, and the connection breaks before its answer."""
    return says.but(cut_after=-1)


def failing(says: Says) -> Says:
    """The partner acts, and then fails."""
    return Says(error_response.build("broken"), 500)


def garbled(_: Says) -> Says:
    """The partner acts, and its answer is a page for people."""
    return Says(b"<html><body>Thank you</body></html>", content_type="text/html")


def untrusted(says: Says) -> Says:
    """The partner acts, and its answer's signature does not hold."""
    return says.but(sent_body=says.body + b" ")


def unheard(says: Says) -> Says:
    """The connection breaks before the partner does anything."""
    return says.but(cut_after=-1)


def away(_: Says) -> Says:
    """The partner is being maintained."""
    return Says(error_response.build("maintenance"), 503)


def misled(_: Says) -> Says:
    """Something before the partner's system answers in its place."""
    return Says(b"<html><body>Please log in</body></html>", content_type="text/html")


def packed(_: Says) -> Says:
    """An error under the status of success."""
    return Says(error_response.build("broken"), 200)


_BEFORE = (unheard, away, misled, packed)
AFTER = (lost, failing, garbled, untrusted)
BEFORE = _BEFORE

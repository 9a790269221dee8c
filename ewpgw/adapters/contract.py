"""What an adapter is: the two directions between an institution's own system and the gateway.

An adapter is a class that reads the institution's records from its source and hands the partners' copies to it. It is
named by an entry point of the group ``ewpgw.adapters`` and knows nothing of the network, the store or the other
institutions. ``docs/adapters/python.md`` tells the same story for adapter authors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from datetime import datetime

    from pydantic import BaseModel

    from ewpgw.model.problems import Problem
    from ewpgw.preparing import Incoming

CopyState = Literal["current", "gone", "invalid"]


class AdapterProblem(Exception):
    """The source cannot be used at all: settings, access rights, an unreachable system. The text says what to do."""


class SourceIncomplete(AdapterProblem):
    """The source could not be read to its end. Nothing is deleted on the strength of such a reading."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record as the source holds it now.

    - ``key``: the item's name at the source ("iias/2024-17.json"), the same at every reading, unique within the
      adapter. A part of a larger source item is named ``<key of the whole>#<part>``.
    - ``entity``: "iias", "organizational-units", …
    - ``incoming``: the record.
    - ``digest``: any text, not empty, that changes whenever the content does; an item whose digest is that of the last
      import is not looked at again.
    - ``about``: for who is told why it is refused: called with a path of the record, it gives what to say behind the
      reason of where that came from, such as " (iias.yaml, line 7), in export.csv, line 12". Optional.
    - ``unwise``: for who looks before an import: gives warnings about how the record was made. Optional.
    """

    key: str
    entity: str
    incoming: Incoming
    digest: str
    about: Callable[[str], str] | None = field(default=None, compare=False)
    unwise: Callable[[], tuple[Problem, ...]] | None = field(default=None, compare=False)


class Unchanged(NamedTuple):
    """An item of which the gateway holds this very version, so that its content need not be read.

    ``digest`` is what an Item of the same content would have. Only where ``Adapter.imported`` says so. A tuple, since
    most of what is read again and again is this.
    """

    key: str
    entity: str
    digest: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A source item that cannot even be read. What it last held stays served; the problem is shown to a person.

    It speaks for its key and for every part ``<key>#…``. ``entity`` is None where the source does not say it.
    ``more``: whatever else is wrong with it.
    """

    key: str
    entity: str | None
    problem: Problem
    more: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class NotYet:
    """A source item that is there but still being written. It is neither taken nor missed in this reading.

    It speaks for its key and for every part ``<key>#…``; ``changes`` must yield again on its account.
    """

    key: str
    entity: str


@dataclass(frozen=True, slots=True)
class Complete:
    """The source was read to its end for this entity: what was there before and was not yielded now is deleted.

    An entity without it in a reading loses nothing; if the source held records of it before, that is reported.
    """

    entity: str


@dataclass(frozen=True, slots=True)
class Partial:
    """Not everything of this entity was read. What was yielded is taken, the rest stands as it was; nothing is deleted.

    ``problem`` says what kept the source from being read to its end, for a person to see; None where that was not meant
    to be, because only what changed was asked for. ``taken`` is False where the source broke off: then what was yielded
    of this entity, before or after, is passed over, and all of it stands as it was.
    """

    entity: str
    problem: str | None = None
    taken: bool = True


Reading = Item | Unchanged | Unreadable | NotYet | Complete | Partial


@dataclass(frozen=True, slots=True)
class CopyDelivery:
    """A partner's record as the partner last served it, on its way to the institution's system.

    - ``hei_id``: the covered institution; ``partner``: the HEI that owns the record; ``id``: the partner's id of it.
    - ``state``: "current", "gone" (the partner no longer serves it) or "invalid" (received, but against its schema).
    - ``revision``: counts the changes of this copy, from 1.
    - ``body``: the XML as received; None when gone.
    - ``document``: the decoded record in the protocol's names, when current; None otherwise.
    - ``problems``: what is wrong with an invalid one, each with ``path`` and ``message``.
    - ``at``: when the copy came into this state (UTC).

    While a copy is invalid, the last good one remains what counts.
    """

    hei_id: str
    entity: str
    partner: str
    id: str
    state: CopyState
    revision: int
    body: bytes | None
    document: Mapping[str, object] | None
    problems: tuple[Mapping[str, object], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What a partner or the institution decided about a thing of both, or what became of it, on its way to the system.

    - ``hei_id``: the covered institution; ``number``: counts its decisions upwards, not without gaps. Together they
      name this one for good: what comes again has the number that it had before.
    - ``what``: "approval-received", "mutually-approved", "nomination-rejected", …, as among the changes of the SIS API.
      There will be more of them: pass over what you do not know.
    - ``entity``, ``partner``: the kind of thing, and the HEI that shares it.
    - ``id``: the partner's identifier of it, as a copy has it; ``our_id``: the institution's own. None where there is
      none, or none is known.
    - ``verdict``: what was decided, where ``what`` does not say it: "approved", "rejected", "commented".
    - ``comment``: the words that came with it.
    - ``at``: when it happened (UTC).

    ``id``, ``verdict`` and ``comment`` are as they stand when this is handed over: what changed them since follows.
    """

    hei_id: str
    number: int
    what: str
    entity: str
    partner: str
    id: str | None
    our_id: str | None
    verdict: str | None
    comment: str | None
    at: datetime


class Adapter(ABC):
    """One institution's connection to its own system. One instance for each covered HEI that names the adapter.

    All methods run on the daemon's event loop: whatever blocks belongs in ``asyncio.to_thread``. Any exception but
    ``AdapterProblem`` is treated like it: shown, and tried again later.
    """

    kind: ClassVar[str]
    """The name of its entry point. What was imported and delivered is remembered under it, so it never changes."""

    settings_model: ClassVar[type[BaseModel]]
    """The adapter's options in the configuration file, without ``kind``. Paths arrive absolute."""

    source_model: ClassVar[type[BaseModel] | None] = None
    """What ``source`` is in the adapter's mapping files; None for an adapter that has none."""

    def __init__(self, hei_id: str, settings: BaseModel) -> None:
        """Keep what is given; open nothing. ``settings`` is an instance of ``settings_model``."""
        self.hei_id = hei_id
        self.imported: Callable[[str, str], bool] = lambda key, digest: False
        """Whether the gateway needs no content of the item with this key and digest; set anew before each snapshot.

        Where it is true, a snapshot may yield ``Unchanged`` in place of the item. May be called from any thread.
        """
        self.in_full = False
        """Whether the next snapshot must not save itself anything by ``Partial``: deletions wait for what it finds.

        Set anew before each snapshot.
        """
        self.sample: int | None = None
        """So many items of each entity are enough for now; None wants them all.

        A snapshot may leave out what comes after them, and ends such an entity with ``Partial``.
        """

    @abstractmethod
    async def check(self) -> None:
        """Raise AdapterProblem when the source cannot be used at all. Changes nothing."""

    @abstractmethod
    def snapshot(self) -> AsyncGenerator[Reading, None]:
        """Read everything the source holds now.

        Yields items, in the same order at every reading: of two items with one record id the first counts. After an
        entity's last item comes ``Complete(entity)``, or ``Partial(entity)`` where only changes were read. Raises
        SourceIncomplete where the source breaks off.
        """

    @abstractmethod
    def changes(self) -> AsyncGenerator[None, None]:
        """Yield whenever a new snapshot is worth taking: on being told, or after looking from time to time.

        A change since the last snapshot that happened before this was called counts too. Never ends by itself; is
        closed or cancelled when the daemon stops.
        """

    @abstractmethod
    async def deliver(self, delivery: CopyDelivery) -> None:
        """Hand a partner's copy to the institution's system, and return when that has it for good.

        Must be idempotent: after a crash the same delivery comes again. Deliveries of one institution come one at a
        time, in the order of the changes; when one raises, it is repeated until it succeeds, and the later ones wait.
        """

    async def decided(self, decision: Decision) -> None:  # noqa: B027  (not every system keeps decisions)
        """Hand a decision to the institution's system, and return when that has it for good.

        Must be idempotent, and is called as ``deliver`` is: decisions and copies come in one order.
        """

    async def close(self) -> None:  # noqa: B027  (an adapter that holds nothing open has nothing to close)
        """Let go of what is open. Called once, after the last use."""

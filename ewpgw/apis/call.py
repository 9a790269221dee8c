"""What a handler is given: the verified caller, the parsed parameters, and the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.apis.declaration import Api
    from ewpgw.apis.parameters import Parameters
    from ewpgw.evidence import Note
    from ewpgw.identity import Identity
    from ewpgw.store.engine import Store


@dataclass(frozen=True, slots=True)
class Node:
    """What one covered HEI offers to the network: who it is, which APIs run, and their limits.

    ``encryption`` says whether bodies may also be encrypted by ewp-rsa-aes128gcm.
    """

    identity: Identity
    apis: Sequence[Api]
    limits: Mapping[str, int]
    encryption: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request that passed the security policy and the parameter rules.

    ``callers`` are the HEIs whose host lists the signing key (ewp-specs-sec-cliauth-httpsig, Identify the covered
    HEIs); it is empty for anonymous endpoints. ``headers`` are those that the signature covers, by lower-case name.
    ``transaction`` is open for endpoints that change state, else None. ``document`` is the body of a request to an
    endpoint that takes a document, as it came but for its encryption; empty elsewhere.
    """

    node: Node
    api: Api
    callers: frozenset[str]
    parameters: Parameters
    store: Store
    now: datetime
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    transaction: AsyncConnection | None = None
    document: bytes = field(default=b"", repr=False)

    @property
    def hei_id(self) -> str:
        """The covered HEI that the called URL belongs to."""
        return self.node.identity.hei_id

    def writing(self) -> AsyncConnection:
        """The transaction of a state-changing call."""
        assert self.transaction is not None, "the endpoint is not declared as changing state"
        return self.transaction


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler returns where the document alone does not say all: headers, another content type, a status.

    With ``kept`` False the exchange log keeps the headers only, the signed digest of the content among them: what is
    kept elsewhere, unchanged, need not be kept again each time it is fetched. ``note`` remembers what the exchange is
    evidence of, once it is written.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    kept: bool = True
    note: Note | None = None


class CallRefused(Exception):
    """A handler refuses the call: a status, words for the developer and, where a person can act, words for the user."""

    def __init__(self, status: int, developer_message: str, user_message: str | None = None) -> None:
        super().__init__(developer_message)
        self.status = status
        self.developer_message = developer_message
        self.user_message = user_message

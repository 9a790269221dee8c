"""Who calls, and what they may do: the one place where scopes and limits to HEIs are held against an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ewpgw.sis.errors import ApiError
from ewpgw.store.tokens import SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.store.tokens import Scope, Token


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token. ``heis`` are the HEIs that it opens, None means all."""

    token: str
    scopes: frozenset[Scope]
    heis: frozenset[str] | None

    @classmethod
    def of(cls, token: Token) -> Caller:
        return cls(token.name, token.scopes, token.heis)

    def opens(self, hei_id: str) -> bool:
        """Whether anything of this HEI may be seen or done."""
        return self.heis is None or hei_id in self.heis


def check(caller: Caller, scope: Scope, path: Mapping[str, str]) -> None:
    """Refuse (403) what the token is not good for. ``path`` holds the values of the operation's path."""
    if scope not in caller.scopes:
        held: list[JsonValue] = [each for each in SCOPES if each in caller.scopes]
        raise ApiError(
            403,
            "missing-scope",
            f"the token has not the scope {scope}, which this needs; ask the gateway's operator for a token with it",
            details={"scope": scope, "scopes": held},
            headers={"WWW-Authenticate": f'Bearer realm="ewpgw", error="insufficient_scope", scope="{scope}"'},
        )
    hei_id = path.get("hei_id")
    # Also for HEIs that are not covered: a token with limits is not told which others there are.
    if hei_id is not None and not caller.opens(hei_id):
        raise ApiError(
            403, "hei-not-allowed", "the token does not open this HEI; GET /api/v1/heis lists those that it opens"
        )

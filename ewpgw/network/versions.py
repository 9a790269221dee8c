"""Which version of an API to speak with a partner: the newest that both have, as the catalogue says at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ewpgw.apis.declaration import Api
    from ewpgw.network.client import PartnerClient


class Versions:
    """The APIs of this gateway by their names, each in all its versions."""

    def __init__(self, client: PartnerClient, apis: Iterable[Api]) -> None:
        self._client = client
        self._by_name: dict[str, tuple[Api, ...]] = {}
        for api in sorted(apis, key=lambda api: api.major, reverse=True):
            self._by_name[api.name] = (*self._by_name.get(api.name, ()), api)

    def common(self, partner: str, name: str) -> Api:
        """The newest version that the partner has too; the newest of ours where it has none of them.

        A call then fails, and says what the catalogue lacks. Raises KeyError for an API that does not run here.
        """
        ours = self._by_name[name]
        return next((api for api in ours if self._client.offers(partner, name, api.major)), ours[0])

    def with_endpoint(self, partner: str, name: str, endpoint: str) -> Api:
        """The newest version with this endpoint that the partner has too; the newest of ours that has it otherwise.

        Raises KeyError where none that runs here has it.
        """
        ours = [api for api in self._by_name[name] if any(each.name == endpoint for each in api.endpoints)]
        if not ours:
            raise KeyError(f"no version of {name} has an endpoint {endpoint}")
        return next((api for api in ours if self._client.offers(partner, name, api.major)), ours[0])

    def shared(self, partner: str, name: str) -> bool:
        """Whether the partner has any version of the API that runs here."""
        return any(self._client.offers(partner, name, api.major) for api in self._by_name[name])

    def spoken(self, partner: str, name: str) -> int | None:
        """The newest major version that both have; None where they have none in common."""
        ours = self._by_name.get(name, ())
        return next((api.major for api in ours if self._client.offers(partner, name, api.major)), None)

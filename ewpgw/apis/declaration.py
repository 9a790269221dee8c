"""What an EWP API is to this gateway: one declaration, from which everything else follows.

Routes, parameter checks, error answers, the manifest entry, the client's calls and the limits all read these values; an
API's own module adds nothing but its handlers. Names are those of the manifest entry's elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.apis.values import sought

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ewpgw.apis.call import Call, Reply

EWP = "https://github.com/erasmus-without-paper/"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One request parameter. ``parse`` turns its text into a value or raises ValueError with a reason in words."""

    name: str
    parse: Callable[[str], object] = sought
    required: bool = False
    repeatable: bool = False
    limit: str | None = None
    """The manifest element that caps how many values one request may carry, such as ``max-iia-ids``."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One URL of an API: which methods and parameters it takes, and who answers.

    ``name`` is the manifest element without its ``-url`` ending; the empty name is the plain ``url``. ``changes_state``
    marks calls whose effect must happen once: their handler runs in a transaction that also remembers the request id.
    ``anonymous`` endpoints take unsigned requests (the manifest only). ``document``: requests carry an XML document as
    their body, and no parameters.
    """

    name: str
    methods: tuple[str, ...]
    handler: Callable[[Call], Awaitable[bytes | Reply]]
    parameters: tuple[Parameter, ...] = ()
    exactly_one_of: tuple[str, ...] = ()
    changes_state: bool = False
    anonymous: bool = False
    document: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """One API in one version.

    ``entry`` names the manifest entry's own elements in the order its schema demands: URLs (``url``, ``get-url``) and
    limits (``max-iia-ids``). ``entity`` is what the API serves, ``notifies`` the entity whose changes are announced by
    calling this API at a partner, ``about`` the entity whose records it is concerned with otherwise; ``identifier`` is
    the parameter that carries the entity's id in each case, ``owner`` the one that carries the HEI whose thing it is,
    in versions that ask for it. ``one_per_hei``: there is one thing of the entity for each
    HEI, whose id it has; so there is no index of them. ``pulled``: partners are asked from time to time what is new.
    ``listed_by``: the API that lists the ids, where this one has no index of its own; there may be very many then, so
    only partners are asked whose list a person asked for once. ``asked_about``: the entity of ours about which partners
    say something by this API, by our ids; who shares such things with us is asked. ``expected_from``: the entity whose
    partners are asked as well, since they may have a first thing for us. ``stated`` are elements of the manifest entry
    with the text they have here.
    """

    name: str
    version: str
    repository: str
    entry: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    entity: str | None = None
    notifies: str | None = None
    about: str | None = None
    identifier: str | None = None
    owner: str | None = None
    one_per_hei: bool = False
    pulled: bool = False
    listed_by: str | None = None
    asked_about: str | None = None
    expected_from: str | None = None
    stated: tuple[tuple[str, str], ...] = ()
    has_http_security: bool = True

    @property
    def major(self) -> int:
        """The version's first number: what partners must agree on."""
        return int(self.version.split(".", 1)[0])

    @property
    def namespace(self) -> str:
        """The XML namespace of this API's manifest entry. Drafts (0.x) are in that of the version they will become."""
        return f"{EWP}{self.repository}/blob/stable-v{self.major or 1}/manifest-entry.xsd"

    @property
    def index_namespace(self) -> str:
        """The XML namespace of what lists the ids of things: the index-response, or the only response there is."""
        if any(endpoint.name == "index" for endpoint in self.endpoints):
            return self.namespace.replace("/manifest-entry.xsd", "/endpoints/index-response.xsd")
        return f"{EWP}{self.repository}/tree/stable-v{self.major or 1}"

    @property
    def subject(self) -> str:
        """The entity that this API has to do with; its own name where there is none."""
        return self.entity or self.notifies or self.about or self.name

    @property
    def getter(self) -> str:
        """The name of the endpoint that gives things by their ids: ``get``, or the plain one."""
        return "get" if any(endpoint.name == "get" for endpoint in self.endpoints) else ""

    def asking(self, owner: str, *ids: str) -> list[tuple[str, str]]:
        """The parameters that name things of the HEI ``owner``; without ids only whose they are, where that is said."""
        named = [(self.owner, owner)] if self.owner is not None else []
        if not ids:
            return named
        assert self.identifier is not None, f"{self.name} declares no parameter that carries an id"
        return [*named, *((self.identifier, each) for each in ids)]

    def path(self, endpoint: Endpoint) -> str:
        """The endpoint's path below a HEI's base URL, such as ``/iias/v7/get``."""
        return f"/{self.name}/v{self.major}" + (f"/{endpoint.name}" if endpoint.name else "")

    def url_element(self, endpoint: Endpoint) -> str:
        """The manifest element that carries the endpoint's URL."""
        return f"{endpoint.name}-url" if endpoint.name else "url"

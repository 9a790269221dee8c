"""Whether the network knows a covered HEI as it is: listed in the registry's catalogue, with the key that signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.identity import Identity
    from ewpgw.network.catalogue import Catalogue

_READ_AGAIN = "the registry has to read its manifest (again), and then this gateway the catalogue"


def missing(catalogue: Catalogue, identity: Identity, now: datetime) -> str | None:
    """What the catalogue lacks of a HEI, in words, and what partners do without it; None where nothing is missing.

    A request counts as a HEI's where some host that covers it lists the key as a client key, a response where the host
    that was called lists it as a server key (ewp-specs-api-registry, README, questions 4 and 5).
    """
    hosts = catalogue.hosts(identity.hei_id)
    if not hosts:
        return f"the catalogue does not list {identity.hei_id}, so partners refuse its requests; {_READ_AGAIN}"
    key = identity.signing_key(now).public.fingerprint
    lacking = [
        name
        for name, listed in (
            ("client", any(key in host.client_keys for host in hosts)),
            ("server", any(key in host.server_keys for host in hosts)),
        )
        if not listed
    ]
    if not lacking:
        return None
    sides = " or ".join(lacking)
    return (
        f"the catalogue lists {identity.hei_id}, but not as a {sides} key the one that signs at present ({key[:16]}…), "
        f"so partners refuse what it signs; {_READ_AGAIN}"
    )

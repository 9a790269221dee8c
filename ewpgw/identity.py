"""A covered HEI as the network knows it: its id, its public URL, and the keys it publishes and signs with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.config import HeiSettings
    from ewpgw.security.keys import PrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """One covered HEI. ``host`` and ``base_path`` are those of its public URL, which partners sign.

    ``keys`` are its key pairs in the order of the settings. All are published, one signs: a new key is published at
    once and signs from its ``sign_from`` on, when every partner's copy of the catalogue had time to learn it.
    """

    hei_id: str
    settings: HeiSettings
    keys: tuple[PrivateKey, ...]
    public_url: str
    host: str
    base_path: str

    def signing_key(self, now: datetime) -> PrivateKey:
        """The key that signs at this moment."""
        if len(self.keys) == 1:
            return self.keys[0]
        return self.keys[self.settings.keys.index(self.settings.signing_key(now))]

    def keys_by_fingerprint(self) -> dict[str, PrivateKey]:
        """The key pairs by the name that others give them, for what was encrypted for one of them."""
        return {key.public.fingerprint: key for key in self.keys}

    @classmethod
    def from_settings(cls, settings: HeiSettings) -> Identity:
        """Loads the key files. Raises KeyProblem where one cannot be used."""
        return cls(
            hei_id=settings.id,
            settings=settings,
            keys=tuple(key for key, _ in settings.load_keys()),
            public_url=settings.public_url.url,
            host=settings.public_url.host,
            base_path=settings.public_url.path,
        )

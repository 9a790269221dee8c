"""A covered HEI as the network knows it: its id, its public URL, and the keys it publishes and signs with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ewpgw.config import HeiSettings
    from ewpgw.security.keys import PrivateKey


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key pairs of one HEI. All are published; one signs.

    Rotation: a new key is published at once and signs from its ``sign_from`` on, when every partner's copy of the
    catalogue had time to learn it.
    """

    keys: Sequence[tuple[PrivateKey, datetime | None]]

    def signing(self, now: datetime) -> PrivateKey:
        """The key that signs at this moment: the one whose ``sign_from`` passed last; without any, the first."""
        passed = [(start, key) for key, start in self.keys if start is not None and start <= now]
        if passed:
            return max(passed, key=lambda pair: pair[0])[1]
        undated = [key for key, start in self.keys if start is None]
        return (undated or [key for key, _ in self.keys])[0]

    def private(self) -> list[PrivateKey]:
        """Every key pair, in the order of the settings."""
        return [key for key, _ in self.keys]


@dataclass(frozen=True, slots=True)
class Identity:
    """One covered HEI. ``host`` and ``base_path`` are those of its public URL, which partners sign."""

    hei_id: str
    settings: HeiSettings
    keys: KeyRing
    public_url: str
    host: str
    base_path: str

    @classmethod
    def from_settings(cls, settings: HeiSettings) -> Identity:
        """Loads the key files. Raises KeyProblem where one cannot be used."""
        return cls(
            hei_id=settings.id,
            settings=settings,
            keys=KeyRing(tuple(settings.load_keys())),
            public_url=settings.public_url.url,
            host=settings.public_url.host,
            base_path=settings.public_url.path,
        )

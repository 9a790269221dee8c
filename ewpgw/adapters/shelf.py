"""What waits during an import: in memory as long as it is little, then in a file."""

from __future__ import annotations

import pickle
import tempfile
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ewpgw.adapters.contract import AdapterProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

T = TypeVar("T")


def _itself(thing: T) -> T:
    return thing


class Shelf:
    """Holds things of some weight each. Over ``most`` of it they go to a file without a name.

    Nobody else can open that file, and it is gone with the process, however that ends.
    """

    def __init__(self, most: float) -> None:
        self._room = most
        self._file: IO[bytes] | None = None

    def close(self) -> None:
        """Give up all that is held."""
        if self._file is not None:
            self._file.close()

    def put(
        self, thing: T, weight: float, pack: Callable[[T], Any] = _itself, unpack: Callable[[Any], T] = _itself
    ) -> Held[T]:
        """Hold a thing. ``pack`` makes of it what can be written to a file, ``unpack`` the thing of that.

        Raises AdapterProblem where there is no room for the file.
        """
        if self._room < weight:
            try:
                packed = pickle.dumps(pack(thing), pickle.HIGHEST_PROTOCOL)
            except (TypeError, AttributeError, pickle.PicklingError):
                pass  # an adapter's own sort of objects: they stay where they are
            else:
                return Held(self, None, 0.0, (*self._write(packed), unpack))
        self._room -= weight
        return Held(self, thing, weight, None)

    def read(self, start: int, length: int) -> Any:  # whatever was put
        """What was written to this place of the file."""
        assert self._file is not None
        self._file.seek(start)
        return pickle.loads(self._file.read(length))  # noqa: S301  (nobody else can have written it)

    def make_room(self, weight: float) -> None:
        """Something is no longer held."""
        self._room += weight

    def _write(self, packed: bytes) -> tuple[int, int]:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the shelf)
            start = self._file.seek(0, 2)
            self._file.write(packed)
            self._file.flush()
        except OSError as error:
            folder = tempfile.gettempdir()
            said = f"what waits to be imported cannot be written to {folder}: {error.strerror}; make room there"
            raise AdapterProblem(said) from None
        return start, len(packed)


class Held(Generic[T]):
    """A thing on a shelf."""

    def __init__(
        self,
        shelf: Shelf,
        thing: T | None,
        weight: float,
        place: tuple[int, int, Callable[[Any], T]] | None,
    ) -> None:
        self._shelf, self._thing, self._weight, self._place = shelf, thing, weight, place

    def get(self) -> T:
        """The thing, or another like it."""
        if self._place is not None:
            start, length, unpack = self._place
            return unpack(self._shelf.read(start, length))
        assert self._thing is not None
        return self._thing

    def take(self) -> T:
        """The thing, which is not held any longer."""
        thing = self.get()
        self._shelf.make_room(self._weight)
        self._thing, self._weight = None, 0.0
        return thing

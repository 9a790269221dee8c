"""What an adapter yields, looked at before anything is made of it: an adapter may be anyone's code."""

from __future__ import annotations

from ewpgw.adapters.contract import AdapterProblem, Complete, Item, NotYet, Partial, Reading, Unchanged, Unreadable

_OF_KEYS = (Item, Unchanged, Unreadable, NotYet)


def checked(reading: object) -> Reading:
    """The reading, which is one. Raises AdapterProblem."""
    if isinstance(reading, _OF_KEYS):
        if type(reading.key) is not str or not reading.key:
            raise AdapterProblem(f"the adapter yielded {_named(reading)} without a key; give each a text that names it")
        if type(reading.entity) is not str and not (reading.entity is None and isinstance(reading, Unreadable)):
            raise AdapterProblem(f"the adapter yielded {_named(reading)} without an entity, with the key {reading.key}")
    elif not isinstance(reading, Complete | Partial):
        raise AdapterProblem(
            f"the adapter yielded {_named(reading)}, which is no reading; yield Item, Unreadable, Complete and the like"
        )
    elif type(reading.entity) is not str:
        raise AdapterProblem(f"the adapter yielded {_named(reading)} without an entity")
    return reading


def repeated(key: str) -> AdapterProblem:
    """What is said where a key comes twice."""
    return AdapterProblem(f"the adapter yielded the key {key} twice in one snapshot; its keys must be unique")


def _named(thing: object) -> str:
    name = type(thing).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"

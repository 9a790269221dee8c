"""Waiting for something to become so: never for a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Value = TypeVar("Value")

_LOOKS_SECONDS = 0.01


@overload
async def eventually(look: Callable[[], Awaitable[Value]], *, within: float = 20.0) -> Value: ...


@overload
async def eventually(look: Callable[[], Value], *, within: float = 20.0) -> Value: ...


async def eventually(look: Callable[[], object], *, within: float = 20.0) -> object:
    """Looks again and again until what is seen is true, and returns it. Fails with the last sight after ``within``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        seen = look()
        value = await seen if inspect.isawaitable(seen) else seen
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"still {value!r} after {within:g} seconds: {inspect.getsource(look).strip()}")
        await asyncio.sleep(_LOOKS_SECONDS)

"""Waiting for something to become so: never for a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

_LOOKS_SECONDS = 0.01


async def eventually(look: Callable[[], Value | Awaitable[Value]], *, within: float = 20.0) -> Value:
    """Looks again and again until what is seen is true, and returns it. Fails with the last sight after ``within``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        seen = look()
        value: Value = await seen if inspect.isawaitable(seen) else seen
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"still {value!r} after {within:g} seconds: {inspect.getsource(look).strip()}")
        await asyncio.sleep(_LOOKS_SECONDS)

"""Echo API 2: gives back what it was sent and whom it took the caller for (ewp-specs-api-echo, stable-v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import text

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_RESPONSE = f"{EWP}ewp-specs-api-echo/tree/stable-v2"


async def echo(call: Call) -> bytes:
    """The caller's HEIs, then every value of ``echo`` in the order sent."""
    heis = [("hei-id", hei_id) for hei_id in sorted(call.callers)]
    return document(_RESPONSE, "response", heis + [("echo", value) for value in call.parameters.all("echo")])


ECHO = Api(
    name="echo",
    version="2.0.1",
    repository="ewp-specs-api-echo",
    entry=("url",),
    endpoints=(Endpoint("", ("GET", "POST"), echo, (Parameter("echo", text, repeatable=True),)),),
)

"""File API 1: files that records of ours refer to, for those who were given the id (ewp-specs-api-file, stable-v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import cacheable
from ewpgw.apis.call import CallRefused
from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.store import files

if TYPE_CHECKING:
    from ewpgw.apis.call import Call, Reply

_HEADERS = {
    # It never changes (File immutability); between us and the caller nobody else may keep it.
    "Cache-Control": "private, max-age=31536000, immutable",
    # What was uploaded is for the partner's programs to judge, never for a browser to run.
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
}


async def file(call: Call) -> Reply:
    """The file's bytes with their content type.

    An id that nobody has and one that the caller was never given are the same: 404, because there is no empty file to
    answer with.
    """
    file_id = call.parameters.text("file_id")
    found = await files.get_for(call.store, call.hei_id, file_id, call.callers)
    if found is None:
        raise CallRefused(404, "there is no file of this id that was shared with the caller")
    return cacheable(call, found.body, found.sha256, {**_HEADERS, "Content-Type": found.content_type}, kept=False)


FILE = Api(
    name="file",
    version="1.0.0",
    repository="ewp-specs-api-file",
    entry=("url",),
    endpoints=(Endpoint("", ("GET",), file, (Parameter("file_id", required=True),)),),
)

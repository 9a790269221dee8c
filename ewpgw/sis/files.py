"""Files that records refer to: ours, to upload, read and delete; and partners', fetched when they are wanted.

Partners' files are not kept here. They never change under their id (File API 1, File immutability), most are never
looked at, and they hold names and signatures: so a file is fetched for the system that wants it, which keeps what it
needs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ewpgw.sis import cursors
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import (
    NO_BODY,
    Answer,
    Call,
    Content,
    ContentBody,
    Nothing,
    Operation,
    Response,
    operation,
)
from ewpgw.sis.parameters import FilePath, HeiPath, Page, PartnerFilePath
from ewpgw.sis.services import NoPartnerFile
from ewpgw.sis.views import FilePage, FileView
from ewpgw.store import files
from ewpgw.store.files import FileInUse

if TYPE_CHECKING:
    from ewpgw.store.files import File

# What a partner says goes into a header of ours only where it is of the usual form.
_USUAL_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_UNKNOWN_TYPE = "application/octet-stream"


async def _upload(call: Call[HeiPath, Nothing, Content]) -> Answer:
    services, content = call.services, call.body
    async with services.store.transaction() as tx:
        new = await files.add(tx, call.path.hei_id, content.content_type, content.data, services.now())
        answer = Answer(201, _view(new))
        await call.keep(tx, answer)
    return answer


async def _list(call: Call[HeiPath, Page, None]) -> Answer:
    query = call.query
    found = await files.list_page(call.services.store, call.path.hei_id, after=query.after, limit=query.limit + 1)
    page, last = cursors.cut(found, query.limit)
    return Answer(body=FilePage(items=[_view(each) for each in page], next=None if last is None else last.id))


async def _get(call: Call[FilePath, Nothing, None]) -> Answer:
    found = await files.get(call.services.store, call.path.hei_id, call.path.file_id)
    if found is None:
        raise _unknown()
    return _bytes(found.content_type, found.body)


async def _delete(call: Call[FilePath, Nothing, None]) -> Answer:
    answer = Answer(204)
    try:
        async with call.services.store.transaction() as tx:
            if not await files.remove(tx, call.path.hei_id, call.path.file_id):
                raise _unknown()
            await call.keep(tx, answer)
    except FileInUse as problem:
        users = ", ".join(problem.by)
        raise ApiError(
            409,
            "file-in-use",
            f"partners may still fetch the file, because it is referred to by {users}; change these first",
            details={"referred_to_by": list(problem.by)},
        ) from None
    return answer


async def _fetch(call: Call[PartnerFilePath, Nothing, None]) -> Answer:
    path = call.path
    try:
        fetched = await call.services.fetch_file(path.hei_id, path.partner, path.file_id)
    except NoPartnerFile as problem:
        if problem.unknown:
            raise ApiError(
                404, "unknown-file", f"{path.partner} has no such file for {path.hei_id}: {problem.reason}"
            ) from None
        raise ApiError(
            502, "partner-failed", f"the file could not be fetched from {path.partner}: {problem.reason}"
        ) from None
    usual = _USUAL_TYPE.fullmatch(fetched.content_type.partition(";")[0].strip())
    return _bytes(usual.group().lower() if usual else _UNKNOWN_TYPE, fetched.body)


def _bytes(content_type: str, body: bytes) -> Answer:
    # Never to be shown by a browser as a page of this server, whatever it says that it is.
    return Answer(body=body, headers={"Content-Type": content_type, "Content-Disposition": "attachment"})


def _unknown() -> ApiError:
    return ApiError(404, "unknown-file", "there is no such file")


def _view(file: File) -> FileView:
    return FileView(id=file.id, content_type=file.content_type, size=file.size, sha256=file.sha256, at=file.at)


_ALL: Final = "/api/v1/heis/{hei_id}/files"
_ONE: Final = _ALL + "/{file_id}"
_TAG: Final = "Files"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "upload_file",
        "POST",
        _ALL,
        _upload,
        tag=_TAG,
        summary="Upload a file",
        description="A file never changes: for another version, upload it and name its id in the record. Partners can "
        "fetch it from the moment when a record that they may see names its id, as an agreement does in `pdf_file`.",
        parameters=HeiPath,
        query=Nothing,
        body=ContentBody("The bytes of the file, whose media type is in `Content-Type`.", "application/pdf"),
        responses=[Response(201, "It is kept, under this id.", FileView)],
    ),
    operation(
        "list_files",
        "GET",
        _ALL,
        _list,
        tag=_TAG,
        summary="List our files",
        parameters=HeiPath,
        query=Page,
        body=NO_BODY,
        responses=[Response(200, "A page of files, without their bytes.", FilePage)],
    ),
    operation(
        "get_file",
        "GET",
        _ONE,
        _get,
        tag=_TAG,
        summary="Get a file of ours",
        parameters=FilePath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The bytes, with the content type of the upload.", media_type="*/*")],
    ),
    operation(
        "delete_file",
        "DELETE",
        _ONE,
        _delete,
        tag=_TAG,
        summary="Delete a file of ours",
        description="Only a file that nothing refers to any more.",
        parameters=FilePath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(204, "It is deleted.", media_type=None)],
        errors={409: "A record or an approval refers to it."},
    ),
    operation(
        "get_partner_file",
        "GET",
        "/api/v1/heis/{hei_id}/partner-files/{partner}/{file_id}",
        _fetch,
        tag=_TAG,
        summary="Fetch a file from a partner",
        description="Asks the partner now, so it takes as long as the partner does. Check what the file is before you "
        "show it: the content type is what the partner says.",
        parameters=PartnerFilePath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The bytes as the partner sent them.", media_type="*/*")],
        errors={404: "The partner has no such file for us.", 502: "The partner could not be asked."},
    ),
)

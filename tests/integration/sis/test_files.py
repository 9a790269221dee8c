"""Files over the SIS API: ours, and partners' that are fetched when they are wanted."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.sis.services import NoPartnerFile, PartnerFile

if TYPE_CHECKING:
    from support.sis_api import Reply, Sis

PDF = b"%PDF-1.7 \x00\xff\r\n"
FILES = "north.example/files"
PARTNERS = "north.example/partner-files/south.example"


async def upload(
    sis: Sis, body: bytes = PDF, content_type: str | None = "application/pdf", key: str | None = None
) -> Reply:
    headers = {"Content-Type": content_type, "Idempotency-Key": key}
    sent = {name: value for name, value in headers.items() if value is not None}
    return await sis.call("POST", FILES, data=body, headers=sent)


def agreement(file_id: str) -> dict[str, Any]:
    return {
        "partner": [{"hei_id": "north.example", "iia_id": "n1", "iia_code": "N1"}, {"hei_id": "south.example"}],
        "in_effect": False,
        "cooperation_conditions": {},
        "pdf_file": file_id,
    }


async def test_a_file_is_kept_byte_for_byte_under_an_id_of_the_gateway(sis_on_both: Sis) -> None:
    sis = sis_on_both
    put = await upload(sis)
    assert put.status == 201
    view = put.json
    assert (view["content_type"], view["size"], view["sha256"]) == (
        "application/pdf",
        len(PDF),
        sha256(PDF).hexdigest(),
    )
    got = await sis.get(f"{FILES}/{view['id']}")
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, PDF, "application/pdf")
    assert got.headers["Content-Disposition"] == "attachment"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert (await sis.get(f"west.example/files/{view['id']}")).status == 404, "it is that institution's alone"
    again = await upload(sis)
    assert again.json["id"] != view["id"], "a file never changes, so each upload is another"
    listed = await sis.get(f"{FILES}?limit=1")
    rest = await sis.get(f"{FILES}?after={listed.json['next']}")
    assert [*listed.json["items"], *rest.json["items"]] == sorted([view, again.json], key=lambda each: each["id"])
    assert rest.json["next"] is None


async def test_a_record_can_name_a_file_once_it_is_uploaded_and_then_the_file_stays(sis_on_both: Sis) -> None:
    sis = sis_on_both
    lacking = await sis.put("north.example/records/iias/n1", agreement("nope"))
    assert lacking.status == 201
    assert "pdf_file" in [warning["path"] for warning in lacking.json["warnings"]]
    file_id = (await upload(sis)).json["id"]
    named = await sis.put("north.example/records/iias/n1", agreement(file_id))
    assert named.status == 200
    assert "pdf_file" not in [warning["path"] for warning in named.json["warnings"]]
    kept = await sis.call("DELETE", f"{FILES}/{file_id}")
    assert (kept.status, kept.json["error"]["code"]) == (409, "file-in-use")
    assert kept.json["error"]["details"] == {"referred_to_by": ["iias/n1"]}
    assert (await sis.call("DELETE", "north.example/records/iias/n1")).status == 204
    assert (await sis.call("DELETE", f"{FILES}/{file_id}")).status == 204
    assert (await sis.call("DELETE", f"{FILES}/{file_id}")).status == 404
    assert (await sis.get(f"{FILES}/{file_id}")).status == 404


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "pdf",
        "application/",
        "a/b;c",
        "a/b\tc",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ],
)
async def test_what_nobody_can_say_the_kind_of_is_415(sis: Sis, content_type: str) -> None:
    put = await upload(sis, content_type=content_type)
    assert (put.status, put.json["error"]["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", 'a/b; c="d e"; f=g', "image/svg+xml"])
async def test_a_content_type_is_kept_as_it_was_given(sis: Sis, content_type: str) -> None:
    put = await upload(sis, content_type=content_type)
    assert put.json["content_type"] == content_type
    got = await sis.get(f"{FILES}/{put.json['id']}")
    assert got.headers["Content-Type"] == content_type


async def test_the_size_of_files_has_a_limit_of_its_own(sis: Sis) -> None:
    assert sis.services.max_file_bytes > sis.services.max_body_bytes
    assert (await upload(sis, b"x" * (sis.services.max_body_bytes + 1))).status == 201
    assert (await upload(sis, b"x" * sis.services.max_file_bytes)).status == 201
    refused = await upload(sis, b"x" * (sis.services.max_file_bytes + 1))
    assert (refused.status, refused.json["error"]["code"]) == (413, "body-too-large")
    record = await sis.call(
        "PUT",
        "north.example/records/iias/n1",
        data=b" " * (sis.services.max_body_bytes + 1),
        headers={"Content-Type": "application/json"},
    )
    assert record.status == 413, "and records keep theirs"


async def test_an_empty_file_is_none(sis: Sis) -> None:
    assert (await upload(sis, b"")).status == 400


async def test_an_upload_repeated_under_its_key_makes_one_file(sis: Sis) -> None:
    first = await upload(sis, key="k1")
    again = await upload(sis, key="k1")
    assert (again.status, again.json) == (201, first.json)
    assert len((await sis.get(FILES)).json["items"]) == 1


async def test_a_partners_file_is_fetched_with_its_content_type(sis: Sis) -> None:
    sis.partner_files["north.example", "south.example", "f/1"] = PartnerFile("Application/PDF; x=y", PDF)
    got = await sis.get(f"{PARTNERS}/f%2F1")
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, PDF, "application/pdf")
    assert got.headers["Content-Disposition"] == "attachment"
    assert "default-src 'none'" in got.headers["Content-Security-Policy"]


@pytest.mark.parametrize("said", ["", "pdf", "text/html\N{LATIN SMALL LETTER E WITH ACUTE}", "a b/c"])
async def test_a_content_type_that_is_none_becomes_that_of_any_bytes(sis: Sis, said: str) -> None:
    sis.partner_files["north.example", "south.example", "f1"] = PartnerFile(said, PDF)
    assert (await sis.get(f"{PARTNERS}/f1")).headers["Content-Type"] == "application/octet-stream"


async def test_what_the_partner_has_not_is_404_and_a_partner_that_fails_is_502(sis: Sis) -> None:
    unknown = await sis.get(f"{PARTNERS}/nope")
    assert (unknown.status, unknown.json["error"]["code"]) == (404, "unknown-file")
    sis.partner_files["north.example", "south.example", "f1"] = NoPartnerFile("no answer within 30 s", unknown=False)
    failed = await sis.get(f"{PARTNERS}/f1")
    assert (failed.status, failed.json["error"]["code"]) == (502, "partner-failed")
    assert "no answer within 30 s" in failed.json["error"]["message"]

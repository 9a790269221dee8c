"""File API 1: immutable files, for those alone who were given their ids (SQLite and PostgreSQL)."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.authority import key_of
from support.callers import Caller, Reply, calling
from support.documents import iia
from support.nodes import RunningNode, running_node, utc_now

from ewpgw.records import Incoming, Outcome
from ewpgw.security import encryption
from ewpgw.store import approvals, exchanges, files
from ewpgw.store.approvals import Approval, ApprovalKey

URL = "/file/v1"
HEI = "north.example"
PDF = b"%PDF-1.7 \x00\xff agreement"


async def upload(node: RunningNode, body: bytes = PDF, content_type: str = "application/pdf") -> str:
    async with node.store.transaction() as tx:
        return (await files.add(tx, HEI, content_type, body, utc_now())).id


async def refer(node: RunningNode, file_id: str, iia_id: str = "a1", *, partner: str = "south.example") -> Outcome:
    document = {**iia(iia_id, partner=partner), "pdf_file": file_id}
    return await node.records.put(HEI, "iias", Incoming(None, document=document), source="test")


async def fetch(node: RunningNode, caller: Caller, file_id: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await caller.send(caller.draft(node.url(URL), [("file_id", file_id)], method="GET", headers=named))


async def test_a_file_comes_byte_for_byte_with_its_content_type_and_the_signature_over_it(
    node: RunningNode, south: Caller
) -> None:
    file_id = await upload(node)
    assert (await refer(node, file_id)).result == "created"
    reply = await fetch(node, south, file_id)  # the caller verifies digest and signature
    assert (reply.status, reply.body, reply.header("content-type")) == (200, PDF, "application/pdf")
    assert reply.header("content-disposition") == "attachment"
    assert reply.header("x-content-type-options") == "nosniff"
    signed = reply.header("signature") or ""
    assert "content-type" in signed
    assert "digest" in signed


async def test_who_was_not_given_the_id_gets_the_answer_for_an_unknown_one(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    file_id = await upload(node)
    assert (await fetch(node, south, file_id)).status == 404, "nothing refers to it yet"
    await refer(node, file_id)
    refused, unknown = await fetch(node, west, file_id), await fetch(node, west, "no-such-file")
    assert (refused.status, refused.body) == (unknown.status, unknown.body)
    assert refused.status == 404
    assert "shared" in refused.developer_message


@pytest.mark.parametrize("file_id", ["", "a\x00b", "ä", "x" * 5000])
async def test_ids_that_cannot_be_are_unknown(node: RunningNode, south: Caller, file_id: str) -> None:
    assert (await fetch(node, south, file_id)).status == 404


async def test_an_id_once_shared_is_served_on_whatever_becomes_of_the_record(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    """Servers must accept all file ids that they shared with the caller (File API 1, file_id)."""
    first, second = await upload(node), await upload(node, b"second")
    await refer(node, first)
    await refer(node, second, partner="west.example")
    assert (await fetch(node, south, first)).body == PDF
    assert (await fetch(node, south, second)).status == 404
    assert (await fetch(node, west, second)).body == b"second"
    assert (await fetch(node, west, first)).status == 404
    await node.records.delete(HEI, "iias", "a1", source="test")
    assert (await fetch(node, west, second)).body == b"second"


async def test_the_pdf_of_an_approval_is_for_the_partner_whose_agreement_it_approves(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    file_id = await upload(node)
    key = ApprovalKey(HEI, given=True, partner="south.example", iia_id="s1")
    async with node.store.transaction() as tx:
        await approvals.put(tx, Approval(key, "0" * 64, utc_now(), b"<iia/>", pdf_file=file_id))
    assert (await fetch(node, south, file_id)).body == PDF
    assert (await fetch(node, west, file_id)).status == 404
    with pytest.raises(files.FileInUse, match=r"the approval of south\.example's agreement s1"):
        async with node.store.transaction() as tx:
            await files.remove(tx, HEI, file_id)
    async with node.store.transaction() as tx:
        await approvals.put(tx, Approval(key, "1" * 64, utc_now(), b"<iia/>"))
    assert (await fetch(node, south, file_id)).body == PDF, "it was shared"


async def test_what_the_caller_has_already_is_not_sent_again(node: RunningNode, south: Caller) -> None:
    file_id = await upload(node)
    await refer(node, file_id)
    first = await fetch(node, south, file_id)
    assert first.header("cache-control") == "private, max-age=31536000, immutable"
    again = await fetch(node, south, file_id, If_None_Match=first.header("etag") or "")
    assert (again.status, again.body) == (304, b"")
    assert (await fetch(node, south, file_id, If_None_Match='"another"')).body == PDF


async def test_caching_opens_no_file_that_is_not_the_callers(node: RunningNode, west: Caller) -> None:
    file_id = await upload(node)
    await refer(node, file_id)
    assert (await fetch(node, west, file_id, If_None_Match="*")).status == 404


async def test_the_exchange_log_keeps_the_digest_of_a_file_and_not_the_file(node: RunningNode, south: Caller) -> None:
    file_id = await upload(node)
    await refer(node, file_id)
    reply = await fetch(node, south, file_id)
    await node.evidence.flush()
    (summary,) = await exchanges.list_page(node.store)
    kept = await exchanges.get(node.store, summary.id)
    assert kept is not None
    assert kept.response_body == b""
    assert dict(kept.response_headers)["Digest"] == reply.header("digest")


async def test_of_a_record_that_refers_to_no_file_a_warning_says_so_by_name(node: RunningNode) -> None:
    batch = [Incoming(None, document={**iia("a1"), "pdf_file": "nope"}), Incoming(None, document=iia("a2"))]
    lacking, good = await node.records.put_many(HEI, "iias", batch, source="test")
    assert (lacking.result, good.result) == ("created", "created")
    (problem,) = lacking.problems
    assert (problem.path, problem.severity) == ("pdf_file", "warning")
    assert "no such file" in problem.message
    assert good.problems == ()
    assert (await refer(node, await upload(node))).problems == ()


async def test_a_file_of_another_institution_is_no_file_of_ours(node: RunningNode) -> None:
    async with node.store.transaction() as tx:
        other = await files.add(tx, "east.example", "application/pdf", PDF, utc_now())
    outcome = await refer(node, other.id)
    assert [problem.path for problem in outcome.problems] == ["pdf_file"]
    async with calling(key_of("south.example")) as south:
        assert (await fetch(node, south, other.id)).status == 404


async def test_a_file_that_is_referred_to_cannot_be_deleted(node: RunningNode) -> None:
    file_id = await upload(node)
    await refer(node, file_id)
    with pytest.raises(files.FileInUse, match="iias/a1"):
        async with node.store.transaction() as tx:
            await files.remove(tx, HEI, file_id)
    await node.records.delete(HEI, "iias", "a1", source="test")
    async with node.store.transaction() as tx:
        assert await files.remove(tx, HEI, file_id)
        assert not await files.remove(tx, HEI, file_id)


async def test_files_travel_encrypted_where_the_caller_wants_it(store_url: str, tmp_path: Path) -> None:
    async with (
        running_node(store_url, tmp_path, encryption=True) as node,
        calling(key_of("south.example"), key_of("north.example").public) as south,
    ):
        file_id = await upload(node)
        await refer(node, file_id)
        wanted = {"Accept_Encoding": encryption.CODING}
        reply = await fetch(node, south, file_id, **wanted)
        assert reply.header("content-type") == "application/pdf"
        key = key_of("south.example")
        assert encryption.decrypt(reply.body, {key.public.fingerprint: key}) == PDF
        again = await fetch(node, south, file_id, **wanted, If_None_Match=reply.header("etag") or "")
        assert (again.status, again.body, again.header("content-encoding")) == (304, b"", None)

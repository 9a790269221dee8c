"""From a raw request to a signed response: the one flow that every EWP endpoint goes through.

Find the endpoint, bound and read the body, verify the signature, refuse replays, check the method, the content type and
the parameters, run the handler, sign what leaves, and keep the exchange as evidence. Whatever goes wrong leaves as an
``error-response`` (ewp-specs-architecture, Error handling), signed like any other answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

import structlog
from structlog.contextvars import bind_contextvars

from ewpgw.apis import parameters
from ewpgw.apis.call import Call, CallRefused, Node, Reply
from ewpgw.apis.replays import WINDOW_SECONDS, SeenRequests
from ewpgw.documents import error_response
from ewpgw.security import encryption, requests, responses, signatures
from ewpgw.store import nonces
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.exchanges import Exchange, new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from ewpgw.apis.declaration import Api, Endpoint
    from ewpgw.evidence import Evidence, Note
    from ewpgw.network.catalogue import Catalogue
    from ewpgw.security.keys import PublicKey
    from ewpgw.store.engine import Store

_log = structlog.get_logger(__name__)
_FORM = "application/x-www-form-urlencoded"
_DOCUMENTS = ("text/xml", "application/xml", "")
"""What a document may be sent as; naming its type is recommended only (ewp-specs-api-omobility-las 1, update.md)."""
XML = "application/xml; charset=utf-8"
"""The content type of every answer, unless its handler says otherwise."""
_MOST_UNPROVEN = 16 * 1024
"""Larger bodies are kept of verified requests only: they prove nothing else, and anybody could fill the database."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came: ``target`` is the path and query of the request line.

    Headers are in their order; bytes that are not text arrive in them as surrogate escapes.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A response ready to be sent as it stands."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads: a HEI's node, an API, one of its endpoints, and the path as the public URL has it."""

    node: Node
    api: Api
    endpoint: Endpoint
    public_path: str


@dataclass(slots=True)
class _Progress:
    """What is known so far about a request, for the signature of its answer and for the evidence."""

    incoming: Incoming
    fields: signatures.Fields
    received_at: datetime
    route: Route | None = None
    node: Node | None = None
    callers: frozenset[str] = frozenset()
    body: bytes = b""
    encrypt_for: PublicKey | None = None
    request_id: str | None = None
    verdict: str = "unsigned"
    repeated: responses.Correlation | None = None
    headers: dict[str, str] = field(default_factory=dict)
    keeps_answer: bool = True
    note: Note | None = None


class BodyTooLarge(Exception):
    """The request's body exceeds the bound; raised by the reader before the body is read whole."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the request body is larger than {most} bytes")


class UnreadableBody(Exception):
    """The request's body did not arrive whole."""


class SlowBody(Exception):
    """The request's body stopped arriving."""


class Dispatcher:
    """Answers every request of the public port."""

    def __init__(
        self,
        nodes: Iterable[Node],
        *,
        store: Store,
        catalogue: Callable[[], Catalogue | None],
        evidence: Evidence,
        now: Callable[[], datetime],
        behind_proxy: bool = False,
        on_work: Callable[[], None] = lambda: None,
        on_unknown_key: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._evidence = evidence
        self._now = now
        self._behind_proxy = behind_proxy
        self._on_work = on_work
        self._on_unknown_key = on_unknown_key
        self._seen = SeenRequests()
        self._nodes: dict[str, Node] = {}
        self._routes: dict[str, Route] = {}
        for node in nodes:
            self._add(node)

    def _add(self, node: Node) -> None:
        identity = node.identity
        self._nodes[identity.hei_id] = node
        for api in node.apis:
            for endpoint in api.endpoints:
                public_path = identity.base_path + api.path(endpoint)
                route = Route(node, api, endpoint, public_path)
                # A proxy may cut the public URL's own path off, down to the HEI id; both forms lead here.
                self._routes[public_path] = route
                self._routes[f"/{identity.hei_id}{api.path(endpoint)}"] = route

    async def answer(self, incoming: Incoming, read_body: Callable[[], Awaitable[bytes]]) -> Outgoing:
        """The response to one request. Never raises for anything that a request can cause."""
        started = perf_counter()
        progress = _Progress(incoming, signatures.join_repeated(incoming.headers), self._now())
        try:
            answer = await self._run(progress, read_body)
            outgoing = (
                self._response(progress, 200, answer) if isinstance(answer, bytes) else self._reply(progress, answer)
            )
        except CallRefused as refusal:
            outgoing = self._error(progress, refusal.status, refusal.developer_message, refusal.user_message)
        except requests.Refusal as refusal:
            progress.verdict = refusal.developer_message
            if refusal.status == 403:
                self._on_unknown_key()  # perhaps the catalogue knows it by now
            outgoing = self._error(progress, refusal.status, refusal.developer_message, headers=refusal.headers)
        except encryption.EncryptionProblem as problem:
            outgoing = self._error(progress, problem.status, problem.reason)
        except parameters.BadParameters as problem:
            outgoing = self._error(progress, 400, str(problem))
        except BodyTooLarge as problem:
            outgoing = self._error(progress, 413, str(problem))
        except UnreadableBody as problem:
            outgoing = self._error(progress, 400, str(problem))
        except SlowBody as problem:
            outgoing = self._error(progress, 408, str(problem))
        except StoreUnavailable:
            _log.warning("store.unavailable", path=incoming.target.partition("?")[0])
            message = "this node's database is away for the moment; repeat the request later"
            outgoing = self._error(progress, 503, message, headers={"Retry-After": "60"})
        except Exception:
            _log.exception("request.failed", path=incoming.target.partition("?")[0])
            outgoing = self._error(progress, 500, "this node failed to process the request; its log has the details")
        self._keep(progress, outgoing, perf_counter() - started)
        return outgoing

    async def _run(self, progress: _Progress, read_body: Callable[[], Awaitable[bytes]]) -> bytes | Reply:
        incoming = progress.incoming
        path, _, query = incoming.target.partition("?")
        route = progress.route = self._routes.get(path)
        progress.node = route.node if route else self._nodes.get(self._hei_in(path))
        progress.request_id = _shown_id(progress.fields)
        # Every request binds both, so that nothing of the connection's former request is left.
        bind_contextvars(
            request_id=progress.request_id, hei_id=progress.node.identity.hei_id if progress.node else None
        )
        progress.body = await read_body()
        if route is None:
            raise CallRefused(404, self._not_found(path, progress.node))
        verified = None
        if not route.endpoint.anonymous:
            verified = self._verify(progress, route, query)
        if incoming.method not in route.endpoint.methods:
            progress.headers["Allow"] = ", ".join(route.endpoint.methods)
            allowed = " or ".join(route.endpoint.methods)
            raise CallRefused(405, f"{incoming.method} is not possible here; use {allowed}")
        body = self._plain(progress, route.node)
        pairs = [] if route.endpoint.document else self._pairs(progress, query, body)
        values = parameters.check(route.endpoint, pairs, route.node.limits)
        signed = verified.headers if verified is not None else {}
        call = Call(route.node, route.api, progress.callers, values, self._store, progress.received_at, signed)
        if route.endpoint.document:
            call = replace(call, document=_document(progress.fields, body))
        if route.endpoint.changes_state and verified is not None:
            return await self._once(call, route.endpoint, verified)
        if verified is not None and not self._seen.first_time(verified.key_id, verified.request_id, call.now):
            raise _replayed(verified.request_id)
        return await route.endpoint.handler(call)

    def _verify(self, progress: _Progress, route: Route, query: str) -> requests.VerifiedRequest:
        incoming, identity = progress.incoming, route.node.identity
        host = identity.host  # as the client sees it, whatever a proxy makes of the header
        if not self._behind_proxy:
            host = progress.fields.get("host", "")  # as the client wrote it, since that is what it signed
            _check_host(host, identity.host)
        catalogue = self._catalogue()
        if catalogue is None:
            raise CallRefused(503, "this node has not read the registry's catalogue yet; repeat the request later")
        request = requests.Request(
            method=incoming.method,
            target=route.public_path + (f"?{query}" if "?" in incoming.target else ""),
            host=host,
            headers=progress.fields,
            body=progress.body,
        )
        verified = requests.verify_request(request, catalogue.client_key, progress.received_at)
        progress.callers = catalogue.heis_of_key(verified.key_id)
        progress.verdict = "verified"
        progress.repeated = responses.Correlation(verified.request_id, verified.signature)
        if route.node.encryption and encryption.wants_encryption(verified.headers):
            progress.encrypt_for = encryption.response_key(verified.headers, catalogue.client_key(verified.key_id))
        return verified

    def _plain(self, progress: _Progress, node: Node) -> bytes:
        """The request's body without its encryption, where this node takes encrypted ones."""
        if not encryption.is_encrypted_request(progress.incoming.method, progress.fields):
            return progress.body
        if not node.encryption:
            raise CallRefused(415, f"this node takes no bodies in {encryption.CODING}; its manifest does not offer it")
        return encryption.decrypt(progress.body, node.identity.keys_by_fingerprint())

    def _pairs(self, progress: _Progress, query: str, body: bytes) -> list[tuple[str, str]]:
        if progress.incoming.method != "POST":
            return parameters.decode_form(query)
        content_type = _content_type(progress.fields)
        if content_type != _FORM:
            given = content_type or "no content type"
            raise CallRefused(415, f"the body came as {given}; POST parameters are sent as {_FORM}")
        return parameters.decode_form(body)

    async def _once(self, call: Call, endpoint: Endpoint, verified: requests.VerifiedRequest) -> bytes | Reply:
        """Runs a state-changing handler and remembers the request id, both in one transaction."""
        async with self._store.transaction() as transaction:
            expires_at = call.now + timedelta(seconds=WINDOW_SECONDS)
            if not await nonces.remember(transaction, verified.key_id, verified.request_id, expires_at):
                raise _replayed(verified.request_id)
            answer = await endpoint.handler(replace(call, transaction=transaction))
        self._on_work()
        return answer

    def _hei_in(self, path: str) -> str:
        for node in self._nodes.values():
            if path.startswith(node.identity.base_path + "/"):
                return node.identity.hei_id
        return unquote(path.split("/", 2)[1]) if path.startswith("/") else ""

    def _not_found(self, path: str, node: Node | None) -> str:
        if node is None:
            return "no institution is served under this path; the registry's catalogue lists the URLs of each"
        return f"nothing is served at {path[:200]}; the manifest of {node.identity.hei_id} lists the URLs that are"

    def _error(
        self,
        progress: _Progress,
        status: int,
        developer_message: str,
        user_message: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outgoing:
        progress.headers.update(headers or {})
        return self._response(progress, status, error_response.build(developer_message, user_message))

    def _reply(self, progress: _Progress, reply: Reply) -> Outgoing:
        progress.headers.update(reply.headers)
        progress.keeps_answer, progress.note = reply.kept, reply.note
        if reply.status == HTTPStatus.NOT_MODIFIED:
            progress.encrypt_for = None  # such an answer has no content, encrypted or not
        return self._response(progress, reply.status, reply.body)

    def _response(self, progress: _Progress, status: int, body: bytes) -> Outgoing:
        headers = {"Content-Type": XML, **progress.headers}
        if progress.encrypt_for is not None:
            body = encryption.encrypt(body, progress.encrypt_for)
            headers["Content-Encoding"] = encryption.CODING
        if progress.node is not None and responses.wants_signature(progress.fields):
            repeated = progress.repeated or responses.correlation(progress.fields)
            now = self._now()
            headers = responses.sign_response(
                body,
                progress.node.identity.signing_key(now),
                now,
                request_id=repeated.request_id,
                request_signature=repeated.request_signature,
                headers=headers,
                original_date=self._behind_proxy,  # proxies put their own Date in place of ours
            )
        return Outgoing(status, headers, body)

    def _keep(self, progress: _Progress, outgoing: Outgoing, seconds: float) -> None:
        route, incoming = progress.route, progress.incoming
        if route is None or route.endpoint.anonymous:
            return  # strangers' scans and the registry's visits are not exchanges with a partner
        proven = progress.verdict == "verified"
        self._evidence.add(
            Exchange(
                id=new_id(progress.received_at),
                at=progress.received_at,
                direction="in",
                hei_id=route.node.identity.hei_id,
                partner=",".join(sorted(progress.callers)) or None,
                api=route.api.name,
                endpoint=route.endpoint.name,
                method=incoming.method,
                url=f"https://{route.node.identity.host}{incoming.target}",
                status=outgoing.status,
                request_headers=tuple(incoming.headers),
                request_body=progress.body if proven or len(progress.body) <= _MOST_UNPROVEN else b"",
                response_headers=tuple(outgoing.headers.items()),
                response_body=outgoing.body if progress.keeps_answer else b"",
                verdict=progress.verdict,
                request_id=progress.request_id,
                milliseconds=int(seconds * 1000),
            ),
            progress.note,
            proven=proven,
        )


def _shown_id(fields: signatures.Fields) -> str | None:
    """The request's id as logs and the database may have it: unless the signature is verified, it may be anything."""
    request_id = fields.get("x-request-id")
    return request_id[:36] if request_id and request_id.isascii() and request_id.isprintable() else None


def _document(fields: signatures.Fields, body: bytes) -> bytes:
    content_type = _content_type(fields)
    if content_type not in _DOCUMENTS:
        raise CallRefused(415, f"the body came as {content_type[:100]}; this endpoint takes an XML document, text/xml")
    return body


def _content_type(fields: signatures.Fields) -> str:
    return fields.get("content-type", "").partition(";")[0].strip().lower()


def _check_host(received: str, ours: str) -> None:
    if received.lower().removesuffix(":443") != ours.lower():
        named = received[:200] or "nothing"
        raise CallRefused(400, f"the Host header names {named}; this endpoint is served at {ours}")


def _replayed(request_id: str) -> CallRefused:
    return CallRefused(400, f"the request id {request_id} was used before; each request needs a new one")

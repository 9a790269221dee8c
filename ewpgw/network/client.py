"""Signed calls to partners: URL and keys from the catalogue, the answer verified, the exchange kept as evidence."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import structlog
from yarl import URL

from ewpgw.documents import error_response
from ewpgw.network.failures import (
    CallFailed,
    ErrorAnswer,
    NotListed,
    Unreachable,
    UntrustedAnswer,
    UnusableAnswer,
    unreachable_in_words,
)
from ewpgw.security import encryption, requests, responses
from ewpgw.store.exchanges import Exchange, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ewpgw.evidence import Evidence
    from ewpgw.identity import Identity
    from ewpgw.network.catalogue import ApiEntry, Catalogue
    from ewpgw.network.monitoring import Monitoring
    from ewpgw.security.keys import PublicKey

_log = structlog.get_logger(__name__)
_FORM = "application/x-www-form-urlencoded"
_XML = "text/xml; charset=utf-8"
_ERROR_RESPONSE = b"error-response"


@dataclass(frozen=True, slots=True)
class Answer:
    """A partner's verified answer. ``signed`` is False where the partner's entry promises TLS authentication only.

    ``content_type`` is as the partner gave it, empty where it gave none.
    """

    status: int
    body: bytes
    signed: bool
    exchange_id: str
    url: str
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call is made for: which content types, and of how many bytes at most (None: as the client is set).

    With ``kept`` False the exchange log keeps the headers of a good answer only, the signed digest of the content
    among them.
    """

    accept: str = "application/xml, text/xml"
    max_bytes: int | None = None
    kept: bool = True


_DOCUMENT = Expected()


@dataclass(frozen=True, slots=True)
class _Content:
    """What a request carries in its body, and of which type that is."""

    type: str
    body: bytes


def _form(method: str, parameters: Sequence[tuple[str, str]]) -> _Content:
    return _Content(_FORM, urlencode(parameters).encode() if method == "POST" else b"")


@dataclass(slots=True)
class _Sent:
    """One request on the wire and what came back, as far as it got."""

    signed: requests.SignedRequest
    method: str
    url: str
    body: bytes
    exchange_id: str
    expected: Expected
    status: int | None = None
    response_headers: Sequence[tuple[str, str]] = ()
    response_body: bytes = b""


class PartnerClient:
    """Calls partners in the name of the covered HEIs. One connection pool for all."""

    def __init__(
        self,
        identities: Mapping[str, Identity],
        *,
        catalogue: Callable[[], Catalogue | None],
        evidence: Evidence,
        monitoring: Monitoring,
        tls: ssl.SSLContext,
        now: Callable[[], datetime],
        timeout_seconds: float,
        max_answer_bytes: int = 100 * 2**20,
    ) -> None:
        self._identities = identities
        self._catalogue = catalogue
        self._evidence = evidence
        self._monitoring = monitoring
        self._tls = tls
        self._now = now
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens the connection pool."""
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=200, limit_per_host=16)
        # Cookies, redirects and compression have no place here: each would change what was signed.
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )

    async def close(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()

    def offers(self, partner: str, api: str, major: int) -> bool:
        """Whether the catalogue lists the API for the partner; True where there is no catalogue yet to say it."""
        catalogue = self._catalogue()
        return catalogue is None or bool(catalogue.entries(partner, api, major))

    def entry(self, partner: str, api: str, major: int) -> ApiEntry:
        """The partner's catalogue entry of an API that takes signed requests. Raises NotListed."""
        catalogue = self._catalogue()
        if catalogue is None:
            raise NotListed("the registry's catalogue has not been read yet")
        entries = catalogue.entries(partner, api, major)
        if not entries:
            raise NotListed(f"the catalogue lists no {api} API in version {major} for {partner}")
        usable = [entry for entry in entries if "httpsig" in entry.client_auth]
        if not usable:
            raise NotListed(f"the {api} API of {partner} takes no HTTP signatures, the only method of this gateway")
        return usable[0]

    async def call(
        self,
        hei_id: str,
        partner: str,
        api: str,
        major: int,
        endpoint: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        method: str = "POST",
        document: bytes | None = None,
        expected: Expected = _DOCUMENT,
    ) -> Answer:
        """One signed call in the name of ``hei_id``; the answer's status is 200 and its origin verified.

        Parameters of a POST travel in the body, so that ids stay out of URLs and proxies' logs; with a ``document``
        that is the body, and there are no parameters. Raises CallFailed; each failure is reported to the Monitoring
        API once, where that API wants to hear of it.
        """
        assert document is None or (method == "POST" and not parameters), "a document is all that such a call sends"
        content = _Content(_XML, document) if document is not None else _form(method, parameters)
        try:
            return await self._call(hei_id, partner, api, major, endpoint, parameters, method, content, expected)
        except NotListed as failure:
            catalogue = self._catalogue()
            if catalogue is not None and partner in catalogue.hei_ids:  # others are expected to serve nothing
                self.report(hei_id, partner, api, endpoint, failure)
            raise
        except CallFailed as failure:
            self.report(hei_id, partner, api, endpoint, failure)
            raise

    def report(self, hei_id: str, partner: str, api: str, endpoint: str, failure: CallFailed) -> None:
        """Tells the Monitoring API of an answer that came in order but turned out to be of no use."""
        self._monitoring.report(hei_id, partner, api, endpoint, failure)

    async def _call(
        self,
        hei_id: str,
        partner: str,
        api: str,
        major: int,
        endpoint: str,
        parameters: Sequence[tuple[str, str]],
        method: str,
        content: _Content,
        expected: Expected,
    ) -> Answer:
        entry = self.entry(partner, api, major)
        url = entry.urls.get(endpoint)
        if url is None:
            raise NotListed(f"the {api} entry of {partner} has no {endpoint or 'plain'} URL")
        if method == "GET" and parameters:
            url += ("&" if "?" in url else "?") + urlencode(parameters)
        sent = self._sign(self._identities[hei_id], entry, method, url, content, expected)
        started = perf_counter()
        verdict = "no answer"
        try:
            await self._exchange(sent)
            signed = self._check_origin(entry, sent)
            verdict = "verified" if signed else "unsigned, over verified TLS"
            plain = self._decrypt(self._identities[hei_id], sent)
            self._check_status(sent.status or 0, plain)
        except CallFailed as failure:
            failure.exchange_id = sent.exchange_id
            if isinstance(failure, Unreachable | UntrustedAnswer):
                verdict = failure.reason
            raise
        finally:
            self._keep(hei_id, partner, api, endpoint, sent, verdict, perf_counter() - started)
        content_type = next((value for name, value in sent.response_headers if name.lower() == "content-type"), "")
        return Answer(sent.status or 0, plain, signed, sent.exchange_id, url, content_type)

    def _sign(
        self, identity: Identity, entry: ApiEntry, method: str, url: str, content: _Content, expected: Expected
    ) -> _Sent:
        now, body = self._now(), content.body
        headers = {"Accept-Encoding": "identity", "Accept": expected.accept}
        if method == "POST":
            headers["Content-Type"] = content.type
            if "tls" not in entry.security.request_encryption:
                headers["Content-Encoding"] = encryption.CODING
                body = encryption.encrypt(body, self._recipient(entry))
        if "tls" not in entry.security.response_encryption:
            headers["Accept-Encoding"] = f"{encryption.CODING}, identity;q=0.1"
        try:
            signed = requests.sign_request(
                method, url, headers, body, key=identity.signing_key(now), now=now, request_id=str(uuid4())
            )
        except ValueError as problem:
            reason = f"the catalogue's URL of the {entry.api} API cannot be called: {problem}"
            raise NotListed(reason) from None
        return _Sent(signed, method, url, body, new_id(now), expected)

    def _recipient(self, entry: ApiEntry) -> PublicKey:
        """The key to encrypt for: any server key of the host (ewp-specs-sec-reqencr-rsa-aes128gcm)."""
        catalogue = self._catalogue()
        assert catalogue is not None, "the entry came from it"
        for fingerprint in sorted(entry.host.server_keys):
            key = catalogue.server_key(entry.host, fingerprint)
            if key is not None:
                return key
        raise NotListed(f"the {entry.api} API demands encrypted requests, but its host publishes no usable server key")

    def _decrypt(self, identity: Identity, sent: _Sent) -> bytes:
        """The answer's body without its encryption, where it has one."""
        try:
            if not encryption.is_encrypted(sent.response_headers):
                return sent.response_body
            return encryption.decrypt(sent.response_body, identity.keys_by_fingerprint())
        except encryption.EncryptionProblem as problem:
            if (sent.status or 0) >= 400:
                return b""  # a server that fails may pack its error page; the status says enough
            raise UntrustedAnswer(f"the answer's encryption cannot be undone: {problem}", status=sent.status) from None

    async def _exchange(self, sent: _Sent) -> None:
        assert self._session is not None, "start() comes first"
        try:
            async with self._session.request(
                sent.method,
                URL(sent.url, encoded=True),
                headers=sent.signed.headers,
                data=sent.body or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Content-Type"),
            ) as response:
                sent.status = response.status
                sent.response_headers = list(response.headers.items())
                sent.response_body = await self._read(response, sent.expected)
        except TimeoutError:
            raise Unreachable(f"no answer within {self._timeout.total:g} seconds", status=sent.status) from None
        except (aiohttp.ClientError, ssl.SSLError, OSError, asyncio.IncompleteReadError) as error:
            raise Unreachable(unreachable_in_words(error), status=sent.status) from None

    async def _read(self, response: aiohttp.ClientResponse, expected: Expected) -> bytes:
        most = expected.max_bytes or self._max_answer_bytes
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > most:
                raise Unreachable(f"the answer is larger than {most} bytes", status=response.status)
            pieces.append(piece)
        return b"".join(pieces)

    def _check_origin(self, entry: ApiEntry, sent: _Sent) -> bool:
        """Whether the answer carries the partner's signature. Raises UntrustedAnswer where it should and does not.

        Error answers may come unsigned (ewp-specs-sec-intro, Authentication of Error Responses); TLS vouches for them.
        """
        signed = any(name.lower() == "signature" for name, _ in sent.response_headers)
        if not signed and ("httpsig" not in entry.server_auth or (sent.status or 0) >= 400):
            return False
        catalogue = self._catalogue()
        assert catalogue is not None, "the entry came from it"
        find = partial(catalogue.server_key, entry.host)
        try:
            responses.verify_response(
                sent.response_headers,
                sent.response_body,
                server_keys={fingerprint: key for fingerprint in entry.host.server_keys if (key := find(fingerprint))},
                request_id=sent.signed.request_id,
                request_signature=sent.signed.signature,
                now=self._now(),
            )
        except responses.UntrustedResponse as problem:
            raise UntrustedAnswer(f"the answer's signature does not hold: {problem}", status=sent.status) from None
        return True

    def _check_status(self, status: int, body: bytes) -> None:
        # Other documents are for the API's own code to judge; an error under the wrong status is one everywhere.
        if status == 200 and _ERROR_RESPONSE not in body[:1000]:
            return
        said = error_response.read(body)
        if status == 200:
            if said is None:
                return
            reason = "the partner answered with HTTP 200 and an error-response in it"
            raise UnusableAnswer(reason, status=status, quoted=said.developer_message)
        if said is None:
            raise ErrorAnswer(status, None)
        raise ErrorAnswer(status, said.developer_message, said.user_messages)

    def _keep(
        self, hei_id: str, partner: str, api: str, endpoint: str, sent: _Sent, verdict: str, seconds: float
    ) -> None:
        self._evidence.add(
            Exchange(
                id=sent.exchange_id,
                at=self._now(),
                direction="out",
                hei_id=hei_id,
                partner=partner,
                api=api,
                endpoint=endpoint,
                method=sent.method,
                url=sent.url,
                status=sent.status,
                request_headers=tuple(sent.signed.headers.items()),
                request_body=sent.body,
                response_headers=tuple(sent.response_headers),
                response_body=sent.response_body if sent.expected.kept or sent.status != HTTPStatus.OK else b"",
                verdict=verdict,
                request_id=sent.signed.request_id,
                milliseconds=int(seconds * 1000),
            )
        )

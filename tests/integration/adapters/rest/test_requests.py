"""How the service is asked: who may be, over what, how long, how often, and what of its answers is believed."""

from __future__ import annotations

import asyncio
import gzip
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import structlog
from support.authority import authority, server_tls
from support.rest_adapter import Maker, agreement, end, imported, keys, pages_of, problem, read
from support.rest_service import Asked, Says, rest_service

from ewpgw.adapters.contract import AdapterProblem, Complete
from ewpgw.adapters.rest import client as client_module
from ewpgw.adapters.rest.client import Client, RequestFailed
from ewpgw.adapters.rest.settings import RestSettings

GOOD = Says({"data": [agreement(1)]})
Answer = Callable[[Asked], Says]


def _in_turn(*answers: Says) -> Answer:
    """Each answer once, and then the last one."""
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


@pytest.mark.parametrize(
    "answer",
    [
        Says(status=503),
        Says(status=502),
        Says(status=429, headers={"Retry-After": "0"}),
        Says({"data": []}, cut=True),
    ],
    ids=["503", "502", "429", "cut off"],
)
async def test_passing_troubles_are_met_with_another_attempt(adapter: Maker, answer: Says) -> None:
    async with rest_service(_in_turn(answer, answer, GOOD)) as service:
        found = await read(adapter(service.url))
        assert len(service.asked) == 3
    assert keys(found) == ["iias/1"]


async def test_lasting_troubles_are_given_up_at_the_third_attempt(adapter: Maker) -> None:
    async with rest_service(lambda _: Says(status=500)) as service:
        assert problem(await read(adapter(service.url))) == f"{service.url}/iias answered HTTP 500"
        assert len(service.asked) == 3


@pytest.mark.parametrize("form", ["3600", "Wed, 02 Sep 2026 13:00:00 GMT"])
async def test_a_server_that_asks_to_be_left_alone_is(adapter: Maker, form: str) -> None:
    busy = Says(status=503, headers={"Retry-After": form, "Date": "Wed, 02 Sep 2026 12:00:00 GMT"})
    async with rest_service(_in_turn(busy, GOOD)) as service:
        made = adapter(service.url)
        for seconds in (0, 1000, 2000):
            adapter.clock.seconds += seconds
            assert "asks to be left alone until" in problem(await read(made))
        assert len(service.asked) == 1
        adapter.clock.seconds += 601
        assert keys(await read(made)) == ["iias/1"]


@pytest.mark.parametrize("form", ["-1", "1e9", "soon", "99999999999", "Wed, 99 Sep 2026"])
async def test_a_senseless_wish_to_be_left_alone_is_none(adapter: Maker, form: str) -> None:
    async with rest_service(_in_turn(Says(status=429, headers={"Retry-After": form}), GOOD)) as service:
        assert keys(await read(adapter(service.url))) == ["iias/1"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data": [], "data": []}', "the key 'data' is given twice"),
        (b'{"data": [NaN]}', "NaN is not JSON"),
        (b'{"data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested deeper than"),
        (b"\xff\xfe", "not UTF-8"),
        (b"<html>Please log in</html>", "(text/html) cannot be used: not JSON"),
        (b'{"data": [', "not JSON"),
        (b'{"data": ["\\ud800"]}', "half of a surrogate pair"),
        (b" " * 2_000_000, "sent more than 1048576 bytes"),
    ],
)
async def test_a_page_that_is_not_one_is_refused_without_its_content(adapter: Maker, body: bytes, said: str) -> None:
    async with rest_service(lambda _: Says(body, headers={"Content-Type": "text/html; x"})) as service:
        found = await read(adapter(service.url, max_page_bytes=2**20))
    assert said in problem(found)
    assert "log in" not in problem(found)


async def test_a_compressed_answer_is_refused_before_it_can_grow(adapter: Maker) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    async with rest_service(lambda _: Says(bomb, headers={"Content-Encoding": "gzip"})) as service:
        assert "answers compressed" in problem(await read(adapter(service.url)))
        assert service.asked[0].headers["Accept-Encoding"] == "identity"


async def test_redirects_are_followed_on_the_same_server_only(adapter: Maker) -> None:
    def answer(asked: Asked) -> Says:
        if asked.path == "/new":
            return GOOD
        return Says(status=301, headers={"Location": {"/iias": "/new"}.get(asked.path, "https://elsewhere.example/")})

    async with rest_service(answer) as service:
        assert keys(await read(adapter(service.url))) == ["iias/1"]
        assert "redirects to another server" in problem(await read(adapter(service.url, {"url": "other"})))
        service.answer = lambda _: Says(status=302, headers={"Location": "/again"})
        assert "redirects in a circle" in problem(await read(adapter(service.url)))


async def test_the_credentials_go_to_no_other_server(adapter: Maker) -> None:
    async with rest_service(lambda _: GOOD) as other:
        elsewhere = Says(status=307, headers={"Location": f"{other.url}/iias"})
        async with rest_service(lambda _: elsewhere) as service:
            made = adapter(service.url, auth={"bearer": adapter.secret("token", "s3cret")})
            assert "another server" in problem(await read(made))
        assert other.asked == []


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    held = asyncio.Event()
    async with rest_service(lambda _: Says(held=held)) as service:
        client = Client(ca_file=None, timeout_seconds=0.05)
        with pytest.raises(RequestFailed, match="did not answer in time"):
            await client.send("GET", service.url, max_bytes=100)
        await client.close()
        held.set()


async def test_tls_is_verified_by_the_authorities_that_are_configured(adapter: Maker, tmp_path: Path) -> None:
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with rest_service(lambda _: GOOD, server_tls()) as service:
        assert keys(await read(adapter(service.url, ca_file="ca.pem"))) == ["iias/1"]
        assert "is not trusted" in problem(await read(adapter(service.url)))
        unreadable = adapter(service.url, ca_file="none.pem")
        with pytest.raises(AdapterProblem, match=r"none\.pem cannot be read"):
            await read(unreadable)
        assert len(service.asked) == 1


def _asks_for(value: str) -> Answer:
    return lambda asked: GOOD if asked.headers.get("Authorization") == value else Says(status=401)


async def test_a_fixed_token_is_read_from_its_file_and_again_when_it_is_refused(adapter: Maker) -> None:
    async with rest_service(_asks_for("Bearer first")) as service:
        made = adapter(service.url, auth={"bearer": adapter.secret("token", "first")})
        assert keys(await imported(made)) == ["iias/1"]
        service.answer = _asks_for("Bearer second")
        assert problem(await imported(made)).endswith("it does not accept the credentials in 'auth'")
        adapter.secret("token", "second")
        assert end(await read(made)) == Complete("iias")


async def test_user_and_password_may_hold_any_character(adapter: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIS_PASSWORD", "pä:ss wörd")
    expected = b64encode("ewp:pä:ss wörd".encode()).decode()
    async with rest_service(_asks_for(f"Basic {expected}")) as service:
        made = adapter(service.url, auth={"basic": {"user": "ewp", "password": {"env": "SIS_PASSWORD"}}})
        assert keys(await read(made)) == ["iias/1"]


async def test_a_secret_that_is_not_there_is_told_by_its_place(adapter: Maker, tmp_path: Path) -> None:
    for auth, said in (
        ({"bearer": {"file": "absent"}}, f"the secret in {tmp_path}/absent cannot be read: No such file or directory"),
        ({"bearer": {"env": "NOT_SET"}}, "there is no secret in the variable NOT_SET of the environment; put it there"),
        ({"bearer": adapter.secret("two", "a\nb")}, f"the secret in {tmp_path}/two is not one line of text"),
    ):
        with pytest.raises(AdapterProblem) as caught:
            await adapter("http://localhost:1", auth=auth).check()
        assert str(caught.value).startswith(said)


class Tokens:
    """A service with its own token endpoint: what it gave out last is what it takes."""

    def __init__(self) -> None:
        self.given = 0
        self.withdrawn = False
        self.lifetime: object = 600
        self.forms: list[dict[str, list[str]]] = []
        self.clients: list[str | None] = []

    def __call__(self, asked: Asked) -> Says:
        if asked.path == "/token":
            self.given += 1
            self.withdrawn = False
            self.forms.append(parse_qs(asked.body.decode()))
            self.clients.append(asked.headers.get("Authorization"))
            return Says({"access_token": f"t{self.given}", "token_type": "bearer", "expires_in": self.lifetime})
        good = asked.headers.get("Authorization") == f"Bearer t{self.given}" and not self.withdrawn
        return GOOD if good else Says(status=401)


@pytest.mark.parametrize("way", ["basic", "body"])
async def test_a_token_is_asked_for_once_and_renewed_before_its_end(adapter: Maker, way: str) -> None:
    tokens = Tokens()
    async with rest_service(tokens) as service:
        auth = {
            "token_url": f"{service.url}/token",
            "client_id": "ewp gw",
            "client_secret": adapter.secret("secret", "s:ü"),
            "scope": "read",
            "client_auth": way,
        }
        made = adapter(service.url, auth={"oauth2": auth})
        for _ in range(9):
            assert end(await imported(made)) == Complete("iias")  # a minute passes at each
        assert tokens.given == 1
        await imported(made)
        assert tokens.given == 2
        tokens.withdrawn = True
        assert end(await imported(made)) == Complete("iias")
        assert tokens.given == 3
    common = {"grant_type": ["client_credentials"], "scope": ["read"]}
    if way == "body":
        assert (tokens.forms[0], tokens.clients[0]) == (
            {**common, "client_id": ["ewp gw"], "client_secret": ["s:ü"]},
            None,
        )
    else:
        encoded = b64encode(b"ewp+gw:s%3A%C3%BC").decode()
        assert (tokens.forms[0], tokens.clients[0]) == (common, f"Basic {encoded}")


async def test_a_token_without_a_lifetime_is_used_until_it_is_refused(adapter: Maker) -> None:
    tokens = Tokens()
    tokens.lifetime = None
    async with rest_service(tokens) as service:
        secret = adapter.secret("secret", "s")
        oauth2 = {"token_url": f"{service.url}/token", "client_id": "c", "client_secret": secret}
        made = adapter(service.url, auth={"oauth2": oauth2})
        for _ in range(20):
            await imported(made)
        assert tokens.given == 1


async def test_a_service_that_takes_no_token_is_not_asked_again_and_again(adapter: Maker) -> None:
    tokens = Tokens()

    def answer(asked: Asked) -> Says:
        return tokens(asked) if asked.path == "/token" else Says(status=401)

    async with rest_service(answer) as service:
        secret = adapter.secret("secret", "s")
        oauth2 = {"token_url": f"{service.url}/token", "client_id": "c", "client_secret": secret}
        made = adapter(service.url, auth={"oauth2": oauth2})
        assert "answered HTTP 401" in problem(await read(made))
        assert service.paths() == ["/token", "/iias", "/token", "/iias"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Says({"error": "invalid_client", "error_description": "s3cret"}, 401),
            "HTTP 401 (invalid_client); check name",
        ),
        (Says({"error": "s3cret: no"}, 400), "HTTP 400; check name"),
        (Says({"token_type": "bearer"}), "without a usable access_token"),
        (Says({"access_token": "a\r\nb", "token_type": "bearer"}), "without a usable access_token"),
        (Says({"access_token": "s3cret", "token_type": "mac"}), "tokens of another type"),
        (Says(b"s3cret"), "without a usable access_token"),
        (Says(status=307, headers={"Location": "/iias"}), "HTTP 307"),
    ],
)
async def test_a_token_endpoint_that_gives_none_is_told_without_secrets(
    adapter: Maker, answer: Says, said: str
) -> None:
    async with rest_service(lambda _: answer) as service:
        oauth2 = {
            "token_url": f"{service.url}/token",
            "client_id": "c",
            "client_secret": adapter.secret("secret", "s3cret"),
        }
        made = adapter(service.url, auth={"oauth2": oauth2})
        with structlog.testing.capture_logs() as logs:
            told = problem(await read(made))
    assert said in told
    assert "s3cret" not in told + str(logs) + repr(made._settings)


async def test_the_query_of_a_url_is_never_told(adapter: Maker) -> None:
    async with rest_service(lambda _: Says(status=404)) as service:
        told = problem(await read(adapter(service.url, {"url": "iias?key=s3cret"})))
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "http://sis.example/"}, "has in base_url a URL that is not https"),
        ({"webhook": {"url": "http://10.0.0.1/", "secrets": [{"env": "S"}]}}, "has in webhook.url a URL"),
        ({"base_url": "ftp://sis.example/"}, "is not a URL that can be called"),
        ({"base_url": "https://me:pw@sis.example/"}, "holds a user name or password"),
        ({"base_url": "https://sis.example/?a=b"}, "has a query"),
        ({"auth": {}}, "names no way to authenticate"),
        ({"auth": {"bearer": {"env": "A", "file": "b"}}}, "names no place of a secret, or two"),
        ({"auth": {"basic": {"user": "a:b", "password": {"env": "A"}}}}, "has a user name with a colon"),
        ({"webhook": {"url": "https://sis.example/", "secrets": []}}, "at least 1 item"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, object], said: str) -> None:
    given = {"mappings": "m", "base_url": "https://sis.example/", **options}
    with pytest.raises(ValueError) as caught:
        RestSettings.model_validate(given)
    assert said in str(caught.value)
    assert "pw" not in str(caught.value)


def test_plain_http_is_for_this_machine_alone_unless_it_is_allowed() -> None:
    for url in ("http://127.0.0.1:8000/", "http://localhost/", "http://[::1]/"):
        RestSettings.model_validate({"mappings": "m", "base_url": url})
    RestSettings.model_validate({"mappings": "m", "base_url": "http://sis.example/", "allow_plain_http": True})


async def test_the_pauses_between_attempts_are_those_that_the_server_asks_for(
    adapter: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        adapter.clock.seconds += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with rest_service(_in_turn(Says(status=429, headers={"Retry-After": "7"}), GOOD)) as service:
        client = Client(ca_file=None, timeout_seconds=5, clock=adapter.clock)
        await client.get(service.url, max_bytes=1000)
        await client.close()
    assert [each for each in slept if each] == [7]


async def test_a_check_says_what_cannot_be_used(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1)])) as service:
        await adapter(service.url).check()
        assert len(service.asked) == 1
        service.answer = lambda asked: Says(status=404) if asked.path == "/iias" else Says({"data": []})
        with pytest.raises(AdapterProblem, match=r"iias: .*HTTP 404"):
            await adapter(service.url).check()
        await adapter(service.url, entity="organizational-units").check()
        (adapter.folder / "mappings" / "organizational-units.yaml").unlink()
        with pytest.raises(AdapterProblem, match=r"iias\.yaml, line .*is not JMESPath"):
            await adapter(service.url, {"items": "data["}).check()


async def test_a_check_asks_once_and_a_server_that_is_not_there_for_one_entity_only(
    adapter: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAUSES", (3600.0, 3600.0))
    async with rest_service(lambda _: Says(status=503)) as service:
        made = adapter(service.url)
        with pytest.raises(AdapterProblem, match="answered HTTP 503"):
            await made.check()
        assert len(service.asked) == 1
    with pytest.raises(AdapterProblem) as told:
        await made.check()
    assert len(str(told.value).splitlines()) == 1


async def test_after_a_check_troubles_are_met_with_patience_again(adapter: Maker) -> None:
    async with rest_service(_in_turn(Says(status=503), Says(status=503), GOOD)) as service:
        made = adapter(service.url)
        with pytest.raises(AdapterProblem):
            await made.check()
        assert keys(await read(made)) == ["iias/1"]

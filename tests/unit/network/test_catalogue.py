"""The catalogue: who is who, what is where, and what is not taken from a document."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ewpgw.network.catalogue import BadCatalogue, Catalogue, Name
from ewpgw.security.keys import PublicKey, generate

if TYPE_CHECKING:
    from pathlib import Path

EWP = "https://github.com/erasmus-without-paper/"
HTTPSIG = f'<httpsig xmlns="{EWP}ewp-specs-sec-cliauth-httpsig/tree/stable-v1"/>'
SIGNED = f"<sec:client-auth-methods>{HTTPSIG}</sec:client-auth-methods>"


@pytest.fixture(scope="module")
def keys() -> list[PublicKey]:
    return [generate().public for _ in range(3)]


def entry(
    api: str = "iias",
    version: str = "7.0.0",
    *,
    content: str = "<get-url>https://uni.example/get</get-url>",
    security: str | None = SIGNED,
    namespace: str | None = None,
) -> str:
    namespace = namespace or f"{EWP}ewp-specs-api-{api}/blob/stable-v{version.partition('.')[0]}/manifest-entry.xsd"
    said = "" if security is None else f"<http-security>{security}</http-security>"
    return f'<{api} xmlns="{namespace}" version="{version}">{said}{content}</{api}>'


def credentials(side: str, fingerprints: tuple[str, ...]) -> str:
    keys = "".join(f'<rsa-public-key sha-256="{name}"/>' for name in fingerprints)
    return f"<{side}-credentials-in-use>{keys}</{side}-credentials-in-use>"


def host(
    *hei_ids: str, apis: str = "", client: tuple[str, ...] = (), server: tuple[str, ...] = (), email: str = ""
) -> str:
    covered = "".join(f"<hei-id>{hei_id}</hei-id>" for hei_id in hei_ids)
    return (
        f"<host>{email}<apis-implemented>{apis}</apis-implemented><institutions-covered>{covered}</institutions-covered>"
        f"{credentials('client', client)}{credentials('server', server)}</host>"
    )


def binary(key: PublicKey, fingerprint: str | None = None) -> str:
    return f'<rsa-public-key sha-256="{fingerprint or key.fingerprint}">\n  {key.base64}\n</rsa-public-key>'


def document(hosts: str = "<host/>", institutions: str = "", binaries: str = "", prolog: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{prolog}
<catalogue xmlns="{EWP}ewp-specs-api-registry/tree/stable-v1"
    xmlns:sec="{EWP}ewp-specs-sec-intro/tree/stable-v2"
    xmlns:ewp="{EWP}ewp-specs-architecture/blob/stable-v1/common-types.xsd">
{hosts}
<institutions>{institutions}</institutions>
<binaries>{binaries}</binaries>
</catalogue>
""".encode()


def with_entries(*entries: str) -> Catalogue:
    return Catalogue.read(document(host("uni.example", apis="".join(entries))))


def test_the_published_example_is_read(shared: Path) -> None:
    example = shared / "ewp-reference" / "examples" / "ewp-specs-api-registry-catalogue-example.xml"
    catalogue = Catalogue.read(example)
    fingerprint = "5531f9a02c44a894d0b706961259fec740ad4ae8a3555871f1a5cd9801285bd4"
    assert list(catalogue.hei_ids) == ["uw.edu.pl"]
    assert catalogue.heis_of_key(fingerprint) == {"uw.edu.pl"}
    assert catalogue.client_key(fingerprint) is not None
    echo = catalogue.entry("uw.edu.pl", "echo", 2)
    assert echo is not None
    assert echo.urls == {"": "https://example.com/ewp/echo"}
    assert echo.client_auth == {"httpsig", "tlscert"}
    assert echo.server_auth == {"httpsig", "tlscert"}
    assert echo.admin_emails == ("usually-a-developer@example.com", "some-other-developer@example.com")
    assert echo.host.provider == "MUCI (USOS)"
    assert catalogue.server_key(echo.host, fingerprint) is not None
    assert catalogue.hei_ids_by_other_id("erasmus", "PL WARSZAW01") == ("uw.edu.pl",)
    assert catalogue.names("uw.edu.pl") == (Name("University of Warsaw", "en"),)
    assert catalogue.ignored_entries == 0


def test_a_file_and_its_bytes_give_the_same_catalogue(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.xml"
    file.write_bytes(document(host("a.example") + host("b.example")))
    assert (
        list(Catalogue.read(file).hei_ids)
        == list(Catalogue.read(file.read_bytes()).hei_ids)
        == ["a.example", "b.example"]
    )


class TestKeys:
    def test_the_caller_is_every_hei_whose_host_lists_the_key_as_a_client_key(self, keys: list[PublicKey]) -> None:
        key, other, _ = keys
        hosts = (
            host("a.example", "b.example", client=(key.fingerprint,))
            + host("c.example", client=(other.fingerprint, key.fingerprint))
            + host("d.example", server=(key.fingerprint,))
        )
        catalogue = Catalogue.read(document(hosts, binaries=binary(key) + binary(other)))
        assert catalogue.heis_of_key(key.fingerprint) == {"a.example", "b.example", "c.example"}
        assert catalogue.heis_of_key(other.fingerprint) == {"c.example"}
        assert catalogue.client_key(key.fingerprint) == key

    def test_a_key_is_parsed_once(self, keys: list[PublicKey]) -> None:
        hosts = host("a.example", client=(keys[0].fingerprint,))
        catalogue = Catalogue.read(document(hosts, binaries=binary(keys[0])))
        assert catalogue.client_key(keys[0].fingerprint) is catalogue.client_key(keys[0].fingerprint)

    def test_a_server_key_is_no_client_key_and_the_other_way_round(self, keys: list[PublicKey]) -> None:
        server, client, _ = keys
        hosts = host("a.example", client=(client.fingerprint,), server=(server.fingerprint,), apis=entry())
        catalogue = Catalogue.read(document(hosts, binaries=binary(server) + binary(client)))
        (own,) = catalogue.hosts("a.example")
        assert catalogue.client_key(server.fingerprint) is None
        assert catalogue.heis_of_key(server.fingerprint) == frozenset()
        assert catalogue.server_key(own, client.fingerprint) is None
        assert catalogue.server_key(own, server.fingerprint) == server

    def test_only_the_very_hosts_own_server_keys_count(self, keys: list[PublicKey]) -> None:
        first, second, _ = keys
        hosts = host("a.example", server=(first.fingerprint,)) + host("a.example", server=(second.fingerprint,))
        catalogue = Catalogue.read(document(hosts, binaries=binary(first) + binary(second)))
        one, two = catalogue.hosts("a.example")
        assert catalogue.server_key(one, first.fingerprint) == first
        assert catalogue.server_key(one, second.fingerprint) is None
        assert catalogue.server_key(two, first.fingerprint) is None

    def test_a_key_that_nobody_lists_is_unknown(self, keys: list[PublicKey]) -> None:
        catalogue = Catalogue.read(document(host("a.example"), binaries=binary(keys[0])))
        assert catalogue.client_key(keys[0].fingerprint) is None

    def test_a_listed_key_without_its_content_is_unknown(self, keys: list[PublicKey]) -> None:
        catalogue = Catalogue.read(document(host("a.example", client=(keys[0].fingerprint,))))
        assert catalogue.client_key(keys[0].fingerprint) is None

    def test_a_key_under_anothers_fingerprint_is_unknown(self, keys: list[PublicKey]) -> None:
        victim, attacker, _ = keys
        hosts = host("a.example", client=(victim.fingerprint,))
        catalogue = Catalogue.read(document(hosts, binaries=binary(attacker, victim.fingerprint)))
        assert catalogue.client_key(victim.fingerprint) is None

    def test_a_key_of_less_than_2048_bits_is_unknown(self) -> None:
        small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
        der = small.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        name = sha256(der).hexdigest()
        content = f'<rsa-public-key sha-256="{name}">{b64encode(der).decode()}</rsa-public-key>'
        assert Catalogue.read(document(host("a.example", client=(name,)), binaries=content)).client_key(name) is None

    def test_a_broken_key_harms_nobody_else(self, keys: list[PublicKey]) -> None:
        name = sha256(b"abc").hexdigest()
        content = f'<rsa-public-key sha-256="{name}">YWJj</rsa-public-key>'
        hosts = host("a.example", client=(name, keys[0].fingerprint))
        catalogue = Catalogue.read(document(hosts, binaries=content + binary(keys[0])))
        assert catalogue.client_key(name) is None
        assert catalogue.client_key(keys[0].fingerprint) == keys[0]

    def test_a_tls_client_certificate_is_no_signing_key(self, keys: list[PublicKey]) -> None:
        hosts = host("a.example", client=("0" * 64,)).replace(
            f'<rsa-public-key sha-256="{"0" * 64}"/>', f'<certificate sha-256="{keys[0].fingerprint}"/>'
        )
        catalogue = Catalogue.read(document(hosts, binaries=binary(keys[0])))
        assert catalogue.client_key(keys[0].fingerprint) is None


class TestEntries:
    def test_versions_are_compared_as_numbers_and_the_highest_comes_first(self) -> None:
        catalogue = with_entries(*(entry(version=version) for version in ("7.9.0", "7.10.0", "7.2.30", "6.99.0")))
        assert [found.version for found in catalogue.entries("uni.example", "iias")] == [
            "7.10.0",
            "7.9.0",
            "7.2.30",
            "6.99.0",
        ]
        assert [found.version for found in catalogue.entries("uni.example", "iias", 6)] == ["6.99.0"]
        assert catalogue.entries("uni.example", "iias", 5) == []
        assert catalogue.entry("uni.example", "iias", 5) is None
        assert catalogue.entries("unknown.example", "iias") == []

    def test_the_entries_of_all_hosts_that_cover_the_hei_count(self) -> None:
        hosts = (
            host("a.example", apis=entry(version="7.0.0"))
            + host("b.example", apis=entry(version="7.2.0"))
            + host("a.example", "b.example", apis=entry(version="7.1.0"))
        )
        catalogue = Catalogue.read(document(hosts))
        assert [found.version for found in catalogue.entries("a.example", "iias", 7)] == ["7.1.0", "7.0.0"]
        assert [found.version for found in catalogue.entries("b.example", "iias", 7)] == ["7.2.0", "7.1.0"]

    def test_an_entry_that_takes_signatures_is_called_rather_than_a_newer_one_that_does_not(self) -> None:
        catalogue = with_entries(entry(version="7.0.0"), entry(version="7.1.0", security=None))
        found = catalogue.entry("uni.example", "iias", 7)
        assert found is not None
        assert found.version == "7.0.0"

    def test_urls_are_named_by_endpoint_and_limits_by_element(self) -> None:
        catalogue = with_entries(
            entry(
                content="<get-url>\n https://uni.example/get?x=1 \n</get-url><max-iia-ids> 3 </max-iia-ids>"
                "<index-url>https://uni.example/index</index-url><url>https://uni.example/</url><max-other>0</max-other>"
                "<max-words>many</max-words>"
            )
        )
        found = catalogue.entry("uni.example", "iias", 7)
        assert found is not None
        assert found.urls == {
            "get": "https://uni.example/get?x=1",
            "index": "https://uni.example/index",
            "": "https://uni.example/",
        }
        assert found.limits == {"max-iia-ids": 3}
        assert (found.api, found.major) == ("iias", 7)

    def test_drafts_live_in_the_namespace_of_the_version_they_will_become(self) -> None:
        namespace = f"{EWP}ewp-specs-api-monitoring/blob/stable-v1/manifest-entry.xsd"
        content = "<url>https://uni.example/report</url>"
        catalogue = with_entries(entry("monitoring", "0.2.0", namespace=namespace, content=content))
        assert catalogue.entry("uni.example", "monitoring", 0) is not None

    def test_apis_whose_repository_has_another_name_are_found_by_their_element(self) -> None:
        namespace = f"{EWP}ewp-specs-api-ounits/blob/stable-v2/manifest-entry.xsd"
        catalogue = with_entries(entry("organizational-units", "2.1.1", namespace=namespace))
        assert catalogue.entry("uni.example", "organizational-units", 2) is not None

    def test_apis_unknown_to_this_gateway_are_found(self) -> None:
        assert with_entries(entry("mt-projects", "1.0.0")).entry("uni.example", "mt-projects", 1) is not None

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(entry(namespace="https://attacker.example/"), id="a namespace of its own"),
            pytest.param(
                entry(namespace=f"{EWP}ewp-specs-api-echo/blob/stable-v7/manifest-entry.xsd"),
                id="another API's namespace",
            ),
            pytest.param(
                entry(namespace=f"{EWP}ewp-specs-api-iias/blob/stable-v6/manifest-entry.xsd"),
                id="another major version",
            ),
            pytest.param(entry(version="7"), id="no version number"),
            pytest.param(entry(version="7.0.0-beta"), id="more than a version number"),
            pytest.param(entry(content=""), id="no URL"),
            pytest.param(entry(content="<get-url>http://uni.example/</get-url>"), id="an insecure URL"),
            pytest.param(entry(content="<get-url>https://user@uni.example/</get-url>"), id="a URL with a user"),
            pytest.param(entry(content="<get-url>https://uni.example/#part</get-url>"), id="a URL with a fragment"),
            pytest.param(entry(content="<get-url>https://uni.example/ x</get-url>"), id="a URL with a blank"),
            pytest.param(entry(content="<get-url>https:///path</get-url>"), id="a URL without a host"),
            pytest.param(
                entry(content='<get-url xmlns="https://attacker.example/">https://uni.example/</get-url>'),
                id="a URL element of another namespace",
            ),
            pytest.param(
                '<weird xmlns="urn:x"><deep><deeper a="1"/></deep>text</weird>', id="something else altogether"
            ),
        ],
    )
    def test_what_is_no_manifest_entry_is_left_out_and_harms_nobody(self, other: str) -> None:
        catalogue = with_entries(other, entry(version="7.5.0"))
        assert [found.version for found in catalogue.entries("uni.example", "iias")] == ["7.5.0"]
        assert catalogue.ignored_entries == 1


class TestSecurity:
    @pytest.mark.parametrize("security", [None, "", f"<sec:server-auth-methods>{HTTPSIG}</sec:server-auth-methods>"])
    def test_an_entry_that_says_nothing_takes_tls_certificates_only(self, security: str | None) -> None:
        found = with_entries(entry(security=security)).entry("uni.example", "iias", 7)
        assert found is not None
        assert found.client_auth == {"tlscert"}

    def test_the_defaults_of_the_other_aspects_are_tls(self) -> None:
        found = with_entries(entry()).entry("uni.example", "iias", 7)
        assert found is not None
        assert found.client_auth == {"httpsig"}
        assert found.server_auth == {"tlscert"}
        assert found.security.request_encryption == {"tls"}
        assert found.security.response_encryption == {"tls"}

    @pytest.mark.parametrize(
        "methods",
        [
            pytest.param('<httpsig xmlns="https://attacker.example/"/>', id="a namesake"),
            pytest.param(f'<httpsig xmlns="{EWP}ewp-specs-sec-srvauth-httpsig/tree/stable-v1"/>', id="a server method"),
            pytest.param(f'<own xmlns="urn:x">{HTTPSIG}</own>', id="a method inside another"),
        ],
    )
    def test_methods_of_others_are_left_out_and_bring_no_default_back(self, methods: str) -> None:
        said = f"<sec:client-auth-methods>{methods}</sec:client-auth-methods>"
        found = with_entries(entry(security=said)).entry("uni.example", "iias", 7)
        assert found is not None
        assert found.client_auth == frozenset()


class TestInstitutions:
    HEI = (
        '<hei id="a.example"><other-id type="pic">999</other-id><other-id type="pic">998</other-id>'
        '<other-id type="erasmus">X TOWN01</other-id><other-id type="previous-schac">old.example</other-id>'
        '<other-id type="euc">1-EUC</other-id><other-id type="erasmus-charter">2-ECHE</other-id>'
        '<name xml:lang="en">A</name><name>B</name></hei>'
    )

    def test_heis_are_found_by_their_other_ids_compared_exactly(self) -> None:
        catalogue = Catalogue.read(document(institutions=self.HEI))
        for kind, value in (("pic", "999"), ("pic", "998"), ("erasmus", "X TOWN01"), ("previous-schac", "old.example")):
            assert catalogue.hei_ids_by_other_id(kind, value) == ("a.example",)
        for kind, value in (("pic", "0999"), ("pic", " 999"), ("erasmus", "x town01"), ("PIC", "999"), ("own", "999")):
            assert catalogue.hei_ids_by_other_id(kind, value) == ()

    def test_euc_is_another_word_for_erasmus_charter(self) -> None:
        catalogue = Catalogue.read(document(institutions=self.HEI))
        for kind in ("euc", "erasmus-charter"):
            assert catalogue.hei_ids_by_other_id(kind, "1-EUC") == ("a.example",)
            assert catalogue.hei_ids_by_other_id(kind, "2-ECHE") == ("a.example",)

    def test_several_heis_may_share_an_other_id(self) -> None:
        second = '<hei id="b.example"><other-id type="pic">999</other-id><name>B</name></hei>'
        catalogue = Catalogue.read(document(institutions=self.HEI + second))
        assert catalogue.hei_ids_by_other_id("pic", "999") == ("a.example", "b.example")

    def test_an_institution_that_no_host_covers_has_a_name_but_is_not_in_the_network(self) -> None:
        catalogue = Catalogue.read(document(host("c.example"), institutions=self.HEI))
        assert catalogue.names("a.example") == (Name("A", "en"), Name("B", None))
        assert list(catalogue.hei_ids) == ["c.example"]
        assert catalogue.names("c.example") == ()


class TestHostileDocuments:
    def test_a_host_hidden_in_a_manifest_entry_is_no_host(self, keys: list[PublicKey]) -> None:
        key = keys[0]
        own = f'xmlns="{EWP}ewp-specs-api-registry/tree/stable-v1"'
        hidden = (
            f'<x:x xmlns:x="urn:x">{host("victim.example", client=(key.fingerprint,))}<institutions {own}>'
            f'<hei id="attacker.example"><other-id type="pic">1</other-id><name>N</name></hei></institutions>'
            f"<binaries {own}>{binary(key)}</binaries></x:x>"
        )
        catalogue = Catalogue.read(document(host("attacker.example", apis=hidden + entry())))
        assert list(catalogue.hei_ids) == ["attacker.example"]
        assert catalogue.heis_of_key(key.fingerprint) == frozenset()
        assert catalogue.hei_ids_by_other_id("pic", "1") == ()
        assert len(catalogue.entries("attacker.example", "iias")) == 1

    @pytest.mark.parametrize("inside", ["<!-- x -->", "<?x y?>", "<![CDATA[]]>"])
    def test_a_comment_in_an_id_does_not_make_it_anothers(self, inside: str) -> None:
        catalogue = Catalogue.read(document(host(f"victim.example{inside}.attacker.example")))
        assert list(catalogue.hei_ids) == ["victim.example.attacker.example"]

    def test_a_document_that_is_cut_off_anywhere_is_refused(self, keys: list[PublicKey]) -> None:
        whole = document(host("a.example", apis=entry()) * 3, TestInstitutions.HEI, binary(keys[0])).rstrip()
        Catalogue.read(whole)
        for length in range(len(whole)):
            with pytest.raises(BadCatalogue):
                Catalogue.read(whole[:length])

    @pytest.mark.parametrize(
        "prolog",
        [
            "<!DOCTYPE catalogue>",
            '<!DOCTYPE catalogue SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE catalogue [<!ENTITY a "a"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        ],
    )
    def test_a_document_type_declaration_is_refused(self, prolog: str) -> None:
        with pytest.raises(BadCatalogue, match="document type declaration"):
            Catalogue.read(document(prolog=prolog))

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"not XML",
            b"<html><body>Service unavailable</body></html>",
            b"<x>" + document().split(b"?>", 1)[1] + b"</x>",
            document() + b"<x/>",
            document().replace(b"catalogue", b"manifest"),
            document("<host>" + "<a>" * 300 + "</a>" * 300 + "</host>"),
        ],
    )
    def test_what_is_no_catalogue_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadCatalogue):
            Catalogue.read(data)

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (document("<host/>\n<host/>\n<host><wrong/></host>"), "wrong"),
            (document(host("a.example", client=("NOT-HEX",))), "sha-256"),
            (document(institutions='<hei id="a.example"/>'), "hei"),
            (document(institutions="<hei><name>A</name></hei>"), "id"),
            (document(hosts=""), "host"),
        ],
    )
    def test_a_document_against_the_schema_is_refused_with_the_reason(self, data: bytes, reason: str) -> None:
        with pytest.raises(BadCatalogue) as caught:
            Catalogue.read(data)
        assert reason in caught.value.reason

    def test_a_document_that_is_not_well_formed_is_refused_with_the_line(self) -> None:
        with pytest.raises(BadCatalogue, match="mismatch") as caught:
            Catalogue.read(document("<host/>\n<host/>\n<host></hoast>"))
        assert caught.value.line == 7

    def test_a_document_that_is_too_large_is_not_parsed(self, tmp_path: Path) -> None:
        data = document()
        file = tmp_path / "catalogue.xml"
        file.write_bytes(data)
        assert list(Catalogue.read(data, max_bytes=len(data)).hei_ids) == []
        for source in (data, file):
            with pytest.raises(BadCatalogue, match=f"at most {len(data) - 1}"):
                Catalogue.read(source, max_bytes=len(data) - 1)

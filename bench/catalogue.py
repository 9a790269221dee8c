"""How fast a catalogue is read and asked, and how much memory it takes: 5 000 HEIs with 15 API entries each."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from dataclasses import asdict
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EWP = "https://github.com/erasmus-without-paper/"
APIS = (
    ("institutions", "institutions", "2.2.0", ("url",), ("max-hei-ids",)),
    ("organizational-units", "ounits", "2.1.1", ("url",), ("max-ounit-ids", "max-ounit-codes")),
    ("echo", "echo", "2.0.1", ("url",), ()),
    ("factsheet", "factsheet", "1.2.0", ("url",), ("max-hei-ids",)),
    ("file", "file", "1.0.0", ("url",), ()),
    ("iias", "iias", "7.0.0", ("get-url", "index-url", "stats-url"), ("max-iia-ids",)),
    ("iia-cnr", "iia-cnr", "3.0.0", ("url",), ()),
    ("iias-approval", "iias-approval", "2.0.0", ("url",), ("max-iia-ids",)),
    ("iia-approval-cnr", "iia-approval-cnr", "2.0.0", ("url",), ()),
    ("omobilities", "omobilities", "3.0.0", ("get-url", "index-url", "update-url"), ("max-omobility-ids",)),
    ("omobility-cnr", "omobility-cnr", "2.0.0", ("url",), ("max-omobility-ids",)),
    ("omobility-las", "omobility-las", "1.2.0", ("get-url", "index-url", "update-url"), ("max-omobility-ids",)),
    ("omobility-la-cnr", "omobility-la-cnr", "1.1.0", ("url", "stats-url"), ("max-omobility-ids",)),
    ("imobility-tors", "imobility-tors", "2.0.0", ("get-url", "index-url"), ("max-omobility-ids",)),
    ("imobility-tor-cnr", "imobility-tor-cnr", "1.0.0", ("url",), ("max-omobility-ids",)),
)
Result = TypeVar("Result")
HEIS = 5_000
_READINGS = 3
"""The shortest of them counts: what others do on the machine can only make one longer."""
MOST_SECONDS = 5.0
MOST_MIB = 300.0
MOST_MICROSECONDS = 20.0
SECURITY_METHODS = ("cliauth-httpsig", "srvauth-httpsig", "srvauth-tlscert")
# What comes before and after the modulus in the SubjectPublicKeyInfo of a 2048-bit RSA key. A random odd modulus makes
# a key that nobody has the private half of, which is all that reading needs.
DER_HEAD = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
DER_TAIL = bytes.fromhex("0203010001")


def hei_id(number: int) -> str:
    """The id of the n-th HEI."""
    return f"university-{number:05}.example"


def key(number: int) -> bytes:
    """A distinct public key for the n-th HEI."""
    modulus = bytearray(random.Random(number).randbytes(256))
    modulus[0] |= 0x80
    modulus[-1] |= 1
    return DER_HEAD + bytes(modulus) + DER_TAIL


def fingerprint(number: int) -> str:
    """The name of the n-th HEI's key."""
    return sha256(key(number)).hexdigest()


def security(prefix: str) -> str:
    """What an entry says about authentication: HTTP signatures, as in the real network."""
    return f"""        <{prefix}:http-security>
          <sec:client-auth-methods><cliauth-httpsig:httpsig/></sec:client-auth-methods>
          <sec:server-auth-methods><srvauth-httpsig:httpsig/><srvauth-tlscert:tlscert/></sec:server-auth-methods>
        </{prefix}:http-security>
"""


def document(heis: int) -> Iterator[str]:
    """The text of a catalogue, in pieces; prefixes are declared at the root, as the real registry does."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<catalogue xmlns="{EWP}ewp-specs-api-registry/tree/stable-v1"\n'
    yield f'    xmlns:ewp="{EWP}ewp-specs-architecture/blob/stable-v1/common-types.xsd"\n'
    yield f'    xmlns:sec="{EWP}ewp-specs-sec-intro/tree/stable-v2"\n'
    for method in SECURITY_METHODS:
        yield f'    xmlns:{method}="{EWP}ewp-specs-sec-{method}/tree/stable-v1"\n'
    for element, repository, version, _, _ in APIS:
        namespace = f"{EWP}ewp-specs-api-{repository}/blob/stable-v{version[0]}/manifest-entry.xsd"
        yield f'    xmlns:{element}{version[0]}="{namespace}"\n'
    yield ">\n"
    for number in range(heis):
        base = f"https://ewp.{hei_id(number)}/ewp"
        yield f"""  <host>
    <ewp:admin-email>ewp-support@{hei_id(number)}</ewp:admin-email>
    <ewp:admin-provider>Provider {number % 40}</ewp:admin-provider>
    <apis-implemented>
"""
        for element, _, version, urls, limits in APIS:
            prefix, path = element + version[0], f"{base}/{element}/v{version[0]}"
            yield f'      <{prefix}:{element} version="{version}">\n'
            yield security(prefix)
            for url in urls:
                yield f"        <{prefix}:{url}>{path}/{url.removesuffix('url').rstrip('-')}</{prefix}:{url}>\n"
            for limit in limits:
                yield f"        <{prefix}:{limit}>{1 + number % 7}</{prefix}:{limit}>\n"
            yield f"      </{prefix}:{element}>\n"
        name = fingerprint(number)
        yield f"""    </apis-implemented>
    <institutions-covered><hei-id>{hei_id(number)}</hei-id></institutions-covered>
    <client-credentials-in-use><rsa-public-key sha-256="{name}"/></client-credentials-in-use>
    <server-credentials-in-use><rsa-public-key sha-256="{name}"/></server-credentials-in-use>
  </host>
"""
    yield "  <institutions>\n"
    for number in range(heis):
        yield f"""    <hei id="{hei_id(number)}">
      <other-id type="pic">{900000000 + number}</other-id>
      <other-id type="erasmus">X TOWN{number:05}</other-id>
      <name xml:lang="en">University of Town {number}</name>
    </hei>
"""
    yield "  </institutions>\n  <binaries>\n"
    for number in range(heis):
        content = b64encode(key(number)).decode()
        yield f'    <rsa-public-key sha-256="{fingerprint(number)}">{content}</rsa-public-key>\n'
    yield "  </binaries>\n</catalogue>\n"


def peak_mib() -> float:
    """The most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def microseconds(work: Callable[[int], object], numbers: list[int]) -> float:
    """The mean time of one call, in µs."""
    started = time.perf_counter()
    for number in numbers:
        work(number)
    return (time.perf_counter() - started) / len(numbers) * 1e6


def timed(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """What the work returns, and the seconds it took by the clock and of a core."""
    started, started_cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - started, time.process_time() - started_cpu


def examine(file: Path, heis: int) -> list[Figure]:
    """Reads the catalogue and asks it; meant for a process of its own."""
    from lxml import etree

    import ewpgw.network.registry_client  # noqa: F401 - what the daemon has loaded as well
    from ewpgw.documents import schemas
    from ewpgw.network.catalogue import NAMESPACE, Catalogue

    schema = schemas.default().xsd(NAMESPACE)
    before = peak_mib()
    data = file.read_bytes()
    catalogue, seconds, cpu = timed(lambda: Catalogue.read(data))
    after = peak_mib()
    for _ in range(_READINGS - 1):
        _, again, again_cpu = timed(lambda: Catalogue.read(data))
        seconds, cpu = min(seconds, again), min(cpu, again_cpu)

    def validate() -> None:
        for _, element in etree.iterparse(BytesIO(data), tag="{*}apis-implemented", schema=schema):
            element.clear()

    _, _, validated = timed(validate)
    assert len(catalogue.hei_ids) == heis
    assert catalogue.ignored_entries == 0
    numbers = [random.Random(1).randrange(heis) for _ in range(2000)]
    heis_by_number = [hei_id(number) for number in range(heis)]
    known = [fingerprint(number) for number in range(heis)]
    for number in set(numbers):
        assert catalogue.client_key(known[number]) is not None

    def lookup(name: str, work: Callable[[int], object]) -> Figure:
        return Figure(f"look-up of {name}", microseconds(work, numbers), "µs", at_most=MOST_MICROSECONDS)

    return [
        Figure("size of the document", len(data) / 2**20, "MiB"),
        Figure("read, validated and indexed: time of a core", cpu, "s", at_most=MOST_SECONDS),
        Figure("the same by the clock", seconds, "s"),
        Figure("time of a core, of libxml2's parsing and validation alone", cpu / validated, ""),
        Figure("memory before", before, "MiB"),
        Figure("memory at most", after, "MiB", at_most=MOST_MIB),
        lookup("a key", lambda n: catalogue.client_key(known[n])),
        lookup("the HEIs of a key", lambda n: catalogue.heis_of_key(known[n])),
        lookup("an unknown key", lambda n: catalogue.client_key(heis_by_number[n])),
        lookup("an API of a HEI", lambda n: catalogue.entry(heis_by_number[n], "iias", 7)),
        lookup("a HEI by its PIC", lambda n: catalogue.hei_ids_by_other_id("pic", str(900000000 + n))),
    ]


async def measure(quick: bool) -> list[Figure]:
    """Generates a catalogue (``quick``: of a tenth) and examines it in a process of its own."""
    heis = HEIS // 10 if quick else HEIS
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalogue.xml"
        with file.open("w", encoding="utf-8") as out:
            out.writelines(document(heis))
        command = [sys.executable, "-m", "bench.catalogue", str(file), str(heis)]
        run = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True, timeout=300)
    return [Figure(**found) for found in json.loads(run.stdout)]


if __name__ == "__main__":
    print(json.dumps([asdict(figure) for figure in examine(Path(sys.argv[1]), int(sys.argv[2]))]))

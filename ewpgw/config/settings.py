"""The settings: one immutable model per section of the file. Documentation is made of their descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from ewpgw.config.section import Section
from ewpgw.config.transcripts import HeiTranscriptSettings, TranscriptSettings
from ewpgw.config.values import (
    AbsolutePath,
    Base,
    Email,
    Flag,
    HeiId,
    HttpsUrl,
    Language,
    Moment,
    StoreUrl,
    Text,
    Whole,
    folder_of,
    masked,
    refusal,
)
from ewpgw.security.keys import PrivateKey, load_private_key


class TlsSettings(Section):
    """A server certificate."""

    certificate: AbsolutePath = Field(description="PEM file with the server's certificate followed by its whole chain.")
    key: AbsolutePath = Field(description="PEM file with the certificate's private key, without a passphrase.")


class LimitSettings(Section):
    """How many ids a partner may name in one request; announced in the manifest under the same names."""

    max_iia_ids: Whole = Field(
        1,
        alias="max-iia-ids",
        ge=1,
        le=1000,
        description="Agreements in one request. Keep 1: a terminated one changes the hash of all in its response.",
    )
    max_hei_ids: Whole = Field(
        10, alias="max-hei-ids", ge=1, le=1000, description="Institutions or factsheets in one request."
    )
    max_ounit_ids: Whole = Field(
        50, alias="max-ounit-ids", ge=1, le=1000, description="Organizational units in one request, by id."
    )
    max_ounit_codes: Whole = Field(
        50, alias="max-ounit-codes", ge=1, le=1000, description="Organizational units in one request, by code."
    )

    max_los_ids: Whole = Field(50, alias="max-los-ids", ge=1, le=1000, description="Courses in one request, by id.")
    max_los_codes: Whole = Field(
        50, alias="max-los-codes", ge=1, le=1000, description="Courses in one request, by code."
    )
    max_omobility_ids: Whole = Field(
        50, alias="max-omobility-ids", ge=1, le=1000, description="Nominations, arrivals or agreements in one request."
    )

    def by_element(self) -> Mapping[str, int]:
        """The limits by the name of their manifest element."""
        return MappingProxyType(self.model_dump(by_alias=True))


class NetworkSettings(Section):
    """The server that partners call, and calls to partners."""

    host: Text = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104  # partners call from anywhere
    port: Whole = Field(8443, ge=0, le=65535, description="TCP port to listen on; 0 takes any free one.")
    tls: TlsSettings | None = Field(
        None, description="Certificate to serve with; null only where a reverse proxy ends TLS (`behind_proxy`)."
    )
    behind_proxy: Flag = Field(
        False,
        description="A reverse proxy ends TLS, and `public_url` counts, not the Host header. Let only the proxy in.",
    )
    max_body_bytes: Whole = Field(
        5242880, ge=65536, le=268435456, description="Largest request body that is read, in bytes."
    )
    ca_file: AbsolutePath | None = Field(
        None,
        description="PEM file of the only authorities to trust in calls to others; null trusts the system's.",
    )
    request_timeout_seconds: Whole = Field(30, ge=1, le=600, description="Longest time one call to a partner may take.")
    encryption: Flag = Field(
        False,
        description="Also take and give bodies encrypted by ewp-rsa-aes128gcm, besides TLS; announced in the manifest.",
    )
    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="How many ids a partner may name in one request."
    )


class RegistrySettings(Section):
    """Where the catalogue, the list of who is in the network, comes from."""

    catalogue_url: HttpsUrl = Field(
        "https://registry.erasmuswithoutpaper.eu/catalogue-v1.xml", description="URL of the registry's catalogue."
    )
    refresh_floor_seconds: Whole = Field(
        60,
        ge=1,
        le=3600,
        description="Least allowed `refresh_seconds`. Lower it in a closed test network only.",
    )
    refresh_seconds: Whole = Field(
        900, ge=1, le=10800, description="How often the catalogue is asked for; at least `refresh_floor_seconds`."
    )
    accept_shrunken: Flag = Field(
        False,
        description="Take even a catalogue that suddenly lost many institutions; normally it is put aside as faulty.",
    )

    @field_validator("refresh_seconds")
    @classmethod
    def _not_below_the_floor(cls, value: int, info: ValidationInfo) -> int:
        floor = info.data.get("refresh_floor_seconds", 1)
        if value < floor:
            raise refusal(f"{value} is below registry.refresh_floor_seconds", f"write a number from {floor} to 10800")
        return value


class SisSettings(Section):
    """The HTTP API for the student information system."""

    host: Text = Field(
        "127.0.0.1", description="Address to listen on; give it TLS where it is not this machine's loopback."
    )
    port: Whole = Field(8080, ge=0, le=65535, description="TCP port to listen on; 0 takes any free one.")
    tls: TlsSettings | None = Field(None, description="Certificate to serve with; null serves plain HTTP.")
    max_file_bytes: Whole = Field(
        10485760,
        ge=65536,
        le=268435456,
        description="Largest file that may be uploaded, or fetched from a partner, in bytes.",
    )
    requests_per_second: Whole = Field(
        500, ge=1, le=100000, description="Requests that one token may make in a second, over time; more get 429."
    )
    requests_at_once: Whole = Field(
        2000, ge=1, le=1000000, description="Requests that one token may make at once after a pause."
    )
    idempotency_hours: Whole = Field(
        24, ge=1, le=720, description="How long answers to requests with an Idempotency-Key are kept."
    )


class StoreSettings(Section):
    """The database."""

    url: StoreUrl = Field(
        SecretStr("sqlite:///ewpgw.db"),
        validate_default=True,
        description="`sqlite:///FILE`, or `postgresql://user:password@host/database` where several replicas run.",
    )
    exchange_days: Whole = Field(
        400,
        ge=1,
        le=3660,
        description="How many days the log of requests and responses (it holds personal data) is kept.",
    )

    @property
    def shown_url(self) -> str:
        """The URL without its password, for people and logs."""
        return masked(self.url.get_secret_value())


class WorkSettings(Section):
    """The background work: telling partners, fetching from them, retrying."""

    concurrency: Whole = Field(8, ge=1, le=256, description="Calls to partners at the same time.")
    first_retry_seconds: Whole = Field(
        30, ge=1, le=3600, description="Wait before the first retry of a failed call; it doubles."
    )
    longest_retry_seconds: Whole = Field(3600, ge=1, le=86400, description="Longest wait between two retries.")
    give_up_hours: Whole = Field(
        72,
        ge=24,
        le=720,
        description="How long a failing call is retried before a person is asked; the network demands a day.",
    )
    lease_seconds: Whole = Field(
        120,
        ge=10,
        le=3600,
        description="How long a replica keeps work it claimed; after that, another takes over from a dead one.",
    )
    pull_hours: Whole = Field(
        24, ge=1, le=168, description="How often each partner's index is read, in case a notification was lost."
    )
    slow_round_days: Whole = Field(
        7,
        ge=1,
        le=90,
        description="How often every other member of the network is asked whether it has something for us, in case its "
        "first notification was lost.",
    )

    @field_validator("longest_retry_seconds")
    @classmethod
    def _not_below_the_first(cls, value: int, info: ValidationInfo) -> int:
        first = info.data.get("first_retry_seconds", 1)
        if value < first:
            raise refusal(f"{value} is below work.first_retry_seconds", f"write a number from {first} to 86400")
        return value


class LogSettings(Section):
    """What is logged, to standard error."""

    format: Literal["json", "console"] = Field("json", description="`json` for programs, `console` for people.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important level that is logged."
    )


class MonitoringSettings(Section):
    """Reports of failed calls, which the network asks of every node."""

    enabled: Flag = Field(True, description="Report failed calls. The reports hold no personal data.")
    hei_id: HeiId = Field(
        "stats.erasmuswithoutpaper.eu", description="The HEI that collects reports and may read statistics."
    )


class NameSettings(Section):
    """A name of the institution in one language."""

    text: Text = Field(description="The name.")
    lang: Language | None = Field(None, description="Its language, as a BCP 47 tag such as `en`.")


class OtherIdSettings(Section):
    """An identifier of the institution besides its HEI id."""

    type: Text = Field(description="Kind: `erasmus`, `pic`, `erasmus-charter`, `previous-schac` or one of your own.")
    value: Text = Field(coerce_numbers_to_str=True, description="The identifier.")


class KeySettings(Section):
    """One RSA key of an institution."""

    file: AbsolutePath = Field(description="PEM file with the private key, made by `ewpgw keys generate`.")
    sign_from: Moment | None = Field(
        None,
        description="When it starts to sign, as in `2026-09-01T00:00:00Z`; null: always. All keys are published.",
    )


class AdapterSettings(Section):
    """How records come from and go to the student information system. The kind decides which other keys there are."""

    model_config = ConfigDict(extra="allow")

    kind: Text = Field(description="Name of an installed adapter, such as `folder`.")
    most_deletions_percent: Whole = Field(
        20,
        ge=0,
        le=100,
        description="Where more than this share of a kind of records is gone from the source within a day, none of "
        "them is deleted before a person confirms it.",
    )
    few_deletions: Whole = Field(
        5, ge=0, le=1_000_000, description="So many deletions within a day need no confirmation, whatever their share."
    )

    @property
    def options(self) -> Mapping[str, object]:
        """The keys of the kind, as the file has them; the adapter's own model reads them."""
        return MappingProxyType(self.model_extra or {})

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        # options may hold a password
        return [("kind", self.kind)]


class CalendarSettings(Section):
    """How an institution counts its academic years."""

    southern: Flag = Field(
        False, description="Its academic year is a calendar year, 2026/2026; else it lies in two, 2026/2027."
    )
    first_month: Whole | None = Field(
        None,
        ge=1,
        le=12,
        description="Month in which its academic year begins; null: September, or January where it is southern.",
    )
    year_of_stay: Literal["most", "start"] = Field(
        "most",
        description="Where a stay reaches over two of its years, it counts as one of that in which it lies for the "
        "`most` part, or of that of its `start`.",
    )


class PartnerCalendarSettings(CalendarSettings):
    """How a partner counts its academic years."""

    hei_id: HeiId = Field(description="The partner, by its HEI id.")


class HeiSettings(Section):
    """An institution that the gateway covers."""

    id: HeiId = Field(description="Its HEI id: the SCHAC id, a domain such as `north.example`.")
    public_url: Base = Field(
        description="Base URL of its endpoints as partners see it, without a slash at the end; one of its own."
    )
    names: tuple[NameSettings, ...] = Field(min_length=1, description="Its names.")
    other_ids: tuple[OtherIdSettings, ...] = Field((), description="Its other identifiers.")
    admin_emails: tuple[Email, ...] = Field(
        min_length=1, description="Addresses of the people who run this node; published."
    )
    admin_provider: Text = Field(description="Who provides this node, and with which software; published.")
    admin_notes: Text | None = Field(
        None, description="Anything else that other administrators should know; published."
    )
    keys: tuple[KeySettings, ...] = Field(
        min_length=1,
        description="Its keys. All are published; the one with the latest `sign_from` that has passed signs.",
    )
    apis: tuple[Text, ...] | None = Field(None, description="Names of the APIs to offer; null offers all.")
    adapter: AdapterSettings | None = Field(None, description="Its adapter; null leaves its records to the SIS API.")
    calendar: CalendarSettings = Field(default_factory=CalendarSettings, description=CalendarSettings.__doc__)
    partner_calendars: tuple[PartnerCalendarSettings, ...] = Field(
        (),
        description="How partners count their academic years; nominations to these may leave the partner's year out.",
    )
    transcripts: HeiTranscriptSettings = Field(
        default_factory=HeiTranscriptSettings, description=HeiTranscriptSettings.__doc__
    )

    @field_validator("keys")
    @classmethod
    def _one_key_signs(cls, keys: tuple[KeySettings, ...]) -> tuple[KeySettings, ...]:
        if len({key.sign_from for key in keys}) < len(keys):
            raise refusal("two keys start to sign at the same moment", "give each another sign_from")
        if all(key.sign_from and key.sign_from > datetime.now(UTC) for key in keys):
            raise refusal(
                "no key signs yet", "keep the present key, or set sign_from of one to null or a time that has passed"
            )
        return keys

    def signing_key(self, now: datetime) -> KeySettings:
        """The key that signs at a time: the one with the latest ``sign_from`` that has passed."""
        started = [key for key in self.keys if key.sign_from is None or key.sign_from <= now]
        return max(started, key=lambda key: (key.sign_from is not None, key.sign_from or now))

    def load_keys(self) -> list[tuple[PrivateKey, datetime | None]]:
        """Every key with the time it starts to sign (``None``: always), in the order of the file.

        Raises KeyProblem where a file can no longer be used; ``load`` has checked them all.
        """
        return [(load_private_key(key.file), key.sign_from) for key in self.keys]


class Settings(Section):
    """Settings of the ewpgw gateway."""

    network: NetworkSettings = Field(default_factory=NetworkSettings, description=NetworkSettings.__doc__)
    registry: RegistrySettings = Field(default_factory=RegistrySettings, description=RegistrySettings.__doc__)
    sis: SisSettings = Field(default_factory=SisSettings, description=SisSettings.__doc__)
    store: StoreSettings = Field(default_factory=StoreSettings, description=StoreSettings.__doc__)
    work: WorkSettings = Field(default_factory=WorkSettings, description=WorkSettings.__doc__)
    log: LogSettings = Field(default_factory=LogSettings, description=LogSettings.__doc__)
    monitoring: MonitoringSettings = Field(default_factory=MonitoringSettings, description=MonitoringSettings.__doc__)
    transcripts: TranscriptSettings = Field(default_factory=TranscriptSettings, description=TranscriptSettings.__doc__)
    heis: tuple[HeiSettings, ...] = Field(min_length=1, description="The institutions that the gateway covers.")

    _folder: Path

    @model_validator(mode="before")
    @classmethod
    def _fill_sections(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        # a section whose keys are all commented out is null; the store's default URL depends on the folder of the file
        return {"store": {}, **{key: value for key, value in data.items() if value is not None}}

    def model_post_init(self, context: object) -> None:
        """Note the folder that relative paths started from."""
        self._folder = folder_of(context)

    @property
    def folder(self) -> Path:
        """The folder of the configuration file; relative paths in adapter options start from it."""
        return self._folder

    def hei(self, hei_id: str) -> HeiSettings | None:
        """The settings of a covered HEI."""
        return next((hei for hei in self.heis if hei.id == hei_id), None)

"""The settings of the small registry."""

from __future__ import annotations

from pydantic import Field, model_validator

from ewpgw.config.section import Section
from ewpgw.config.settings import TlsSettings
from ewpgw.config.values import AbsolutePath, HttpsUrl


class RegistrySettings(Section):
    """What a registry needs to know.

    The order of ``manifest_urls`` decides who is the earlier where two manifests claim one thing. As everywhere in the
    configuration, relative paths start from the validation context's ``folder``.
    """

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8500, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    public_url: HttpsUrl | None = Field(None, description="How clients reach the registry; null = https://HOST:PORT.")
    tls: TlsSettings
    manifest_urls: tuple[HttpsUrl, ...] = Field(description="Every manifest of the network, in order of precedence.")
    ca_file: AbsolutePath | None = Field(
        None, description="Authorities trusted when manifests are read; null = those of the system."
    )
    refresh_seconds: float = Field(300, ge=1, le=10800, description="How often the manifests are read.")
    state_folder: AbsolutePath | None = Field(
        None, description="Where good manifests are kept across restarts; null = nowhere."
    )

    @model_validator(mode="after")
    def _each_manifest_once(self) -> RegistrySettings:
        twice = sorted({url for url in self.manifest_urls if self.manifest_urls.count(url) > 1})
        if twice:
            raise ValueError(f"manifest_urls lists {', '.join(twice)} more than once; list each manifest once")
        return self

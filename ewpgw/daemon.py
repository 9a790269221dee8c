"""The gateway as one process: everything is built, started, drained and stopped here, and nowhere else."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from aiohttp import web

from ewpgw.adapters.guard import DeletionLimits
from ewpgw.adapters.loading import create as create_adapter
from ewpgw.adapters.runner import AdapterRunner
from ewpgw.agreements.service import Agreements
from ewpgw.apis.call import Node
from ewpgw.apis.dispatch import Dispatcher
from ewpgw.apis.file import FILE
from ewpgw.apis.iias_approval import IIAS_APPROVAL
from ewpgw.apis.running import APIS, chosen, notifications
from ewpgw.apis.server import PublicServer
from ewpgw.documents.schemas import default as default_schemas
from ewpgw.evidence import Evidence
from ewpgw.identity import Identity
from ewpgw.intake import intake
from ewpgw.learning_agreements.service import LearningAgreements
from ewpgw.network import membership, monitoring
from ewpgw.network.approvals import ApprovalPulls, ApprovalRefreshes
from ewpgw.network.by_api import ByApi
from ewpgw.network.client import PartnerClient
from ewpgw.network.deliveries import Deliveries
from ewpgw.network.failures import CallFailed
from ewpgw.network.imobility_pulls import ImobilityPulls
from ewpgw.network.partner_files import PartnerFiles
from ewpgw.network.pulls import Pulls, PullSchedule
from ewpgw.network.received import reading_of_transcripts
from ewpgw.network.refreshes import Refreshes
from ewpgw.network.registry_client import CatalogueKeeper
from ewpgw.network.slow_round import SlowRound
from ewpgw.network.updates import Updates
from ewpgw.network.versions import Versions
from ewpgw.network.worker import Handler, Patience, Worker
from ewpgw.nominations.calendars import Calendars
from ewpgw.nominations.service import Nominations
from ewpgw.sis.app import runner as sis_runner
from ewpgw.sis.limits import Limits
from ewpgw.sis.services import Check, CoveredHei, NoPartnerFile, PartnerFile, Readiness, SisServices
from ewpgw.store import work
from ewpgw.store.engine import Store
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.work import WorkKind
from ewpgw.transcripts.configured import Configuration
from ewpgw.transcripts.service import Transcripts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from ewpgw.config import Settings, TlsSettings
    from ewpgw.network.deliveries import HearsOfDeliveries
    from ewpgw.network.refreshes import TakesCopies
    from ewpgw.network.updates import Judge

_log = structlog.get_logger(__name__)
_DRAIN_SECONDS = 60.0


def utc_now() -> datetime:
    """The present moment; the clock of everything that runs."""
    return datetime.now(UTC)


class CannotListen(Exception):
    """A port of the settings cannot be had; the text says which, why, and what to do."""

    def __init__(self, section: str, host: str, port: int, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno else str(error)
        super().__init__(
            f"{section}.host and {section}.port: cannot listen on {host}:{port}: {reason}; "
            "end what uses it, or choose another"
        )


class Gateway:
    """One running gateway. ``start`` returns when it serves; ``drain`` ends it in order.

    ``port`` and ``sis_port`` are the ports it listens on, of interest where the settings say 0.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.port = 0
        self.sis_port = 0
        self._now = now
        self._identities = {hei.id: Identity.from_settings(hei) for hei in settings.heis}
        limits = settings.network.limits.by_element()
        self._nodes = [
            Node(identity, chosen(identity.settings.apis), limits, settings.network.encryption)
            for identity in self._identities.values()
        ]
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._open = AsyncExitStack()
        self._draining = False
        self.broken = asyncio.Event()
        """Set when a part that must run has ended by itself; the process should drain and end, to be started anew."""

    async def start(self) -> None:
        """Opens the store, reads the catalogue's last copy, and begins to serve and to work.

        Raises StoreProblem or CannotListen; what had been opened is closed again.
        """
        try:
            await self._start()
        except BaseException:
            await self._open.aclose()
            raise

    async def _start(self) -> None:
        settings, now = self.settings, self._now
        self.store = await Store.open(settings.store.url.get_secret_value())
        self._open.push_async_callback(self.store.close)
        self._background = self.store.in_background()
        self.evidence = Evidence(self._background, keep_days=settings.store.exchange_days, now=now)
        tls = client_tls(settings)
        self.keeper = catalogue_keeper(settings, self.store, tls, now)
        await self.keeper.load_stored()
        portal = settings.monitoring.hei_id if settings.monitoring.enabled else None
        self._monitoring = monitoring.Monitoring(portal)
        self.client = PartnerClient(
            self._identities,
            catalogue=lambda: self.keeper.current,
            evidence=self.evidence,
            monitoring=self._monitoring,
            tls=tls,
            now=now,
            timeout_seconds=settings.network.request_timeout_seconds,
        )
        self._partner_files = PartnerFiles(self.client, FILE, max_bytes=settings.sis.max_file_bytes)
        await self.client.start()
        self._open.push_async_callback(self.client.close)
        if portal is not None:
            self._monitoring.connect(
                lambda hei_id, report: self.client.call(hei_id, portal, "monitoring", monitoring.MAJOR, "", report)
            )
        calendars = Calendars.of(settings.heis)
        transcripts = Configuration.of(settings)
        way_in = intake(self.store, notifications(), now, self._wake, calendars, transcripts)
        self.records = way_in.records
        self.agreements = Agreements(
            self.store, self.records, way_in.settling, now, on_work=self._wake, on_news=self._copied
        )
        versions = Versions(self.client, APIS)
        self.nominations = Nominations(
            self.store, self.records, now, versions.spoken, calendars, on_work=self._wake, on_news=self._copied
        )
        self.learning_agreements = LearningAgreements(self.store, now, on_work=self._wake, on_news=self._copied)
        self.transcripts = Transcripts(self.store, now, versions.spoken, transcripts, on_work=self._wake)
        self.worker = self._build_worker()
        self._adapters = self._build_adapters()
        await self._serve()
        self._run("catalogue", self.keeper.run())
        self._run("worker", self.worker.run())
        self._run("evidence", self.evidence.run())
        self._run("pulls", self._schedule.run())
        self._run("slow round", self._slow_round.run())
        for runner in self._adapters:
            self._run(f"adapter {runner.hei_id}", runner.run())
        _log.info("gateway.started", port=self.port, sis_port=self.sis_port, heis=sorted(self._identities))

    def _build_worker(self) -> Worker:
        settings, now, store = self.settings.work, self._now, self._background
        schemas, versions = default_schemas(), Versions(self.client, APIS)
        stays, agreements = self.nominations, self.learning_agreements
        judges: dict[str, Judge] = {"omobilities": stays.judge, "omobility-las": agreements.judge}
        hearers: dict[str, HearsOfDeliveries] = {
            "omobility-cnr": stays,
            "omobility-la-cnr": agreements,
            "imobility-tor-cnr": self.transcripts,
        }
        takers: dict[str, TakesCopies] = {
            "iias": self.agreements,
            **dict.fromkeys(("omobilities", "imobilities"), stays),
            "omobility-las": agreements,
            "imobility-tors": self.transcripts,
        }
        updates = Updates(store, self.client, versions, judges, schemas=schemas, now=now, on_news=self._copied)
        handlers: dict[WorkKind, Handler] = {
            WorkKind.DELIVERY: Deliveries(store, self.client, versions, now, hearers, self._copied),
            WorkKind.REFRESH: ByApi(
                Refreshes(
                    store,
                    self.client,
                    versions,
                    schemas=schemas,
                    now=now,
                    takers=takers,
                    readings={"imobility-tors": reading_of_transcripts(self.transcripts.configuration, now)},
                    on_copy=self._copied,
                ),
                {
                    IIAS_APPROVAL.name: ApprovalRefreshes(
                        store,
                        self.client,
                        IIAS_APPROVAL,
                        self.agreements,
                        schemas=schemas,
                        now=now,
                        on_change=self._copied,
                    )
                },
            ),
            WorkKind.PULL: ByApi(
                Pulls(store, self.client, versions, schemas=schemas, now=now, on_work=self._wake),
                {
                    IIAS_APPROVAL.name: ApprovalPulls(
                        store, self.client, IIAS_APPROVAL, schemas=schemas, now=now, on_work=self._wake
                    ),
                    "imobilities": ImobilityPulls(
                        store, self.client, versions, schemas=schemas, now=now, on_work=self._wake
                    ),
                },
            ),
            WorkKind.UPDATE: updates,
        }
        covered = {node.identity.hei_id: node.apis for node in self._nodes}
        self._schedule = PullSchedule(
            store,
            covered,
            every=timedelta(hours=settings.pull_hours),
            now=now,
            on_work=self._wake,
        )
        self._slow_round = SlowRound(
            store,
            covered,
            lambda: self.keeper.current,
            every=timedelta(days=settings.slow_round_days),
            now=now,
            on_work=self._wake,
        )
        return Worker(
            store,
            handlers,
            entities={api.name: api.subject for api in APIS},
            owner=f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}",
            patience=Patience(
                first_retry=timedelta(seconds=settings.first_retry_seconds),
                longest_retry=timedelta(seconds=settings.longest_retry_seconds),
                give_up_after=timedelta(hours=settings.give_up_hours),
            ),
            concurrency=settings.concurrency,
            lease=timedelta(seconds=settings.lease_seconds),
            now=now,
            giving_up={WorkKind.UPDATE: updates},
        )

    def _build_adapters(self) -> list[AdapterRunner]:
        runners = []
        for hei in self.settings.heis:
            if hei.adapter is not None:
                limits = DeletionLimits.of(hei.adapter)
                adapter = create_adapter(hei.id, hei.adapter.kind, hei.adapter.options, self.settings.folder)
                runners.append(AdapterRunner(hei.id, adapter, self._background, self.records, self._now, limits))
        return runners

    async def _serve(self) -> None:
        network, sis = self.settings.network, self.settings.sis
        dispatcher = Dispatcher(
            self._nodes,
            store=self.store,
            catalogue=lambda: self.keeper.current,
            evidence=self.evidence,
            now=self._now,
            behind_proxy=network.behind_proxy,
            on_work=self.worker.wake,
            on_unknown_key=self.keeper.request_refresh,
        )
        self._public = PublicServer(dispatcher, max_body_bytes=network.max_body_bytes)
        self._open.push_async_callback(self._public.stop)
        try:
            self.port = await self._public.start(network.host, network.port, server_tls(network.tls))
        except OSError as error:
            raise CannotListen("network", network.host, network.port, error) from error
        self._services = SisServices(
            store=self.store,
            records=self.records,
            agreements=self.agreements,
            nominations=self.nominations,
            learning_agreements=self.learning_agreements,
            transcripts=self.transcripts,
            body_bytes={"imobility-tors": self.transcripts.configuration.limits.largest_document},
            heis={
                identity.hei_id: CoveredHei(
                    identity.public_url, {name.lang or "": name.text for name in identity.settings.names}
                )
                for identity in self._identities.values()
            },
            readiness=self.readiness,
            request_refresh=self.request_refresh,
            pulled=frozenset(api.subject for api in APIS if api.pulled),
            fetch_file=self.fetch_file,
            now=self._now,
            max_body_bytes=network.max_body_bytes,
            limits=Limits(sis.requests_per_second, sis.requests_at_once),
            idempotency_hours=sis.idempotency_hours,
            max_file_bytes=sis.max_file_bytes,
        )
        self._sis = sis_runner(self._services, shutdown_seconds=_DRAIN_SECONDS)
        self._open.push_async_callback(self._sis.cleanup)
        await self._sis.setup()
        site = web.TCPSite(self._sis, sis.host, sis.port, ssl_context=server_tls(sis.tls))
        try:
            await site.start()
        except OSError as error:
            raise CannotListen("sis", sis.host, sis.port, error) from error
        self.sis_port = int(self._sis.addresses[0][1])

    def _run(self, name: str, job: Coroutine[object, object, None]) -> None:
        task = self._tasks[name] = asyncio.create_task(job, name=name)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._draining or task.cancelled():
            return
        _log.critical("gateway.part_ended", part=task.get_name(), exc_info=task.exception())
        self.broken.set()

    def _wake(self) -> None:
        self.worker.wake()

    def _copied(self) -> None:
        self.worker.wake()
        self._services.bell.ring()
        for runner in self._adapters:
            runner.wake()

    async def request_refresh(self, hei_id: str, entity: str, partner: str, item: str | None) -> None:
        """Wants a partner's copy fetched now; where ``item`` is None, all that has to do with the entity."""
        if item is not None:
            keys = [work.WorkKey(WorkKind.REFRESH, hei_id, partner, entity, item)]
        else:
            pulled = [api.name for api in APIS if api.pulled and api.subject == entity]
            keys = [work.WorkKey(WorkKind.PULL, hei_id, partner, api, "") for api in pulled]
        async with self.store.transaction() as tx:
            await work.want_many(tx, keys, self._now())
        self.worker.wake()

    async def fetch_file(self, hei_id: str, partner: str, file_id: str) -> PartnerFile:
        """A partner's file, fetched now. Raises NoPartnerFile."""
        try:
            answer = await self._partner_files.fetch(hei_id, partner, file_id)
        except CallFailed as failure:
            unknown = failure.status in (400, 403, 404, 410)
            raise NoPartnerFile(failure.reason, unknown=unknown) from failure
        return PartnerFile(answer.content_type, answer.body)

    async def readiness(self) -> Readiness:
        """Whether requests can be answered: the store is there, a catalogue is loaded, nothing is being drained.

        Whether the catalogue lists the HEIs, and whether their adapters work, is told with it.
        """
        try:
            await work.next_due(self.store, tuple(WorkKind))
            store = Check("store", True, "the database answers")
        except StoreUnavailable as error:
            store = Check("store", False, str(error))
        catalogue = Check("catalogue", self.keeper.current is not None, self.keeper.status.in_words(self._now()))
        serving = Check("serving", not self._draining, "draining" if self._draining else "taking requests")
        adapters = [
            Check(f"adapter of {runner.hei_id}", runner.problem is None, runner.problem or "in step", required=False)
            for runner in self._adapters
        ]
        return Readiness((store, catalogue, serving, *self._memberships(), *adapters))

    def _memberships(self) -> Iterator[Check]:
        catalogue, now = self.keeper.current, self._now()
        if catalogue is not None:
            for hei_id, identity in self._identities.items():
                problem = membership.missing(catalogue, identity, now)
                said = problem or "the catalogue lists it, with the key that signs"
                yield Check(f"membership of {hei_id}", problem is None, said, required=False)

    async def drain(self) -> None:
        """Takes no new work, finishes what is in flight, frees the claims, writes the evidence, closes the store."""
        self._draining = True
        self.worker.stop()
        for name, task in self._tasks.items():
            if name not in ("worker", "evidence"):
                task.cancel()
        worker = asyncio.wait({self._tasks["worker"]}, timeout=_DRAIN_SECONDS)
        await asyncio.gather(self._public.stop(), self._sis.cleanup(), worker)
        for runner in self._adapters:
            await runner.close()
        await self._monitoring.close()
        self._tasks["evidence"].cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._open.aclose()
        _log.info("gateway.stopped")


def catalogue_keeper(
    settings: Settings, store: Store, tls: ssl.SSLContext, now: Callable[[], datetime]
) -> CatalogueKeeper:
    """The keeper of the registry's catalogue, as the settings want it."""
    registry = settings.registry
    return CatalogueKeeper(
        registry.catalogue_url,
        store,
        tls=tls,
        refresh_seconds=registry.refresh_seconds,
        floor_seconds=registry.refresh_floor_seconds,
        accept_shrunken=registry.accept_shrunken,
        now=now,
    )


def client_tls(settings: Settings) -> ssl.SSLContext:
    """How partners' and the registry's certificates are checked: by the system's authorities, or by ``ca_file``'s."""
    ca_file = settings.network.ca_file
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_tls(settings: TlsSettings | None) -> ssl.SSLContext | None:
    """The server side of TLS, or None where it ends before the gateway."""
    if settings is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.certificate, settings.key)
    return context

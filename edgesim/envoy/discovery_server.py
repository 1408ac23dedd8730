"""The management server: aggregated discovery over gRPC (grpclib)."""

from __future__ import annotations

import hmac
import logging
from typing import Any, Final

from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, StreamTerminatedError
from grpclib.server import Server, Stream

from edgesim.envoy.discovery import Connection, Discovery
from edgesim.envoy.discovery_messages import Request, read_request
from edgesim.telemetry import spawn

_METHOD: Final = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_HEADER: Final = "authorization"
_SCHEME: Final = "Bearer "


Messages = Stream[bytes, bytes]


class Bytes(CodecBase):
    """Messages as they are: who reads and writes them knows how."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:  # noqa: ARG002 - as grpclib calls it
        """Return a message that is bytes."""
        content: bytes = message
        return content

    def decode(self, data: bytes, message_type: Any) -> bytes:  # noqa: ARG002 - as grpclib calls it
        """Return the bytes."""
        return data


def server(discovery: Discovery, token: str | None) -> Server:
    """Return the server, to be started with `start`; with a token each stream must show it in its metadata."""
    # What a client does wrong is its own business, and told to it: grpclib would log it with a traceback.
    logging.getLogger("grpclib").setLevel(logging.CRITICAL)
    return Server([_Service(discovery, token)], codec=Bytes())


class _Service:
    """Serves streams."""

    def __init__(self, discovery: Discovery, token: str | None) -> None:
        self._discovery = discovery
        self._token = token

    def __mapping__(self) -> dict[str, Handler]:
        """Return the methods there are, as grpclib asks for them."""
        return {_METHOD: Handler(self._serve, Cardinality.STREAM_STREAM, bytes, bytes)}

    async def _serve(self, stream: Messages) -> None:
        """Serve one stream: its first request names the node."""
        if self._token is not None and not _shows(stream.metadata, self._token):
            raise GRPCError(Status.UNAUTHENTICATED, f"this server wants the metadata '{_HEADER}: {_SCHEME}TOKEN'")
        first = await _received(stream)
        if first is None:
            return
        if not first.node:
            raise GRPCError(Status.INVALID_ARGUMENT, "the first request names no node")
        connection = self._discovery.connect(first.node)
        reading = spawn(self._read(stream, connection, first), "read a stream of discovery")
        try:
            await self._write(stream, connection)
            wrong = await reading
        finally:
            reading.cancel()
            self._discovery.disconnect(connection)
        if wrong is not None:
            raise wrong

    async def _read(self, stream: Messages, connection: Connection, first: Request) -> GRPCError | None:
        """Take what a node says until it ends; returns what is wrong with it."""
        request: Request | None = first
        try:
            while request is not None:
                self._discovery.hear(connection, request)
                request = await _received(stream)
        except GRPCError as wrong:
            return wrong
        except (StreamTerminatedError, AssertionError):  # it broke off, within a message perhaps
            return None
        finally:
            connection.over = True
            connection.news.set()
        return None

    async def _write(self, stream: Messages, connection: Connection) -> None:
        """Send what is due, whenever there is news."""
        while not connection.over:
            connection.news.clear()
            for message in self._discovery.due(connection):
                await stream.send_message(message)
            await connection.news.wait()


def _shows(metadata: Any, token: str) -> bool:
    shown = metadata.get(_HEADER, "") if metadata is not None else ""
    return isinstance(shown, str) and hmac.compare_digest(shown.encode(), f"{_SCHEME}{token}".encode())


async def _received(stream: Messages) -> Request | None:
    """Return the next request, None at the end. Raises GRPCError for what is none."""
    message = await stream.recv_message()
    try:
        return None if message is None else read_request(message)
    except ValueError:
        raise GRPCError(Status.INVALID_ARGUMENT, "no DiscoveryRequest") from None

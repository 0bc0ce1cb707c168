"""What every model of this package needs to reach MiniMax: a key, a host, limits.

Fields in, transports out. httpx is imported with the first call: it takes longer to
import than the rest of the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from langchain_core.utils import from_env, secret_from_env
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from langchain_minimax._exchange import is_official
from langchain_minimax._version import __version__
from langchain_minimax.errors import MiniMaxAuthenticationError

if TYPE_CHECKING:
    from langchain_minimax._http import AsyncTransport, Timeouts, Transport

_REGIONS = {"": "global", "cn": "china", "io": "global", "international": "global"}
_PROXIES = ("http", "https", "socks5", "socks5h")


def _covered(name: str, value: Any) -> Any:
    """A key that nobody can print."""
    return SecretStr(value) if name == "api_key" and isinstance(value, str) else value


class Connection(BaseModel):
    """The fields that say where MiniMax is, and how long to wait for it."""

    model_config = ConfigDict(
        populate_by_name=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        hide_input_in_errors=True,  # a wrong temperature is no reason to show the key
    )

    api_key: SecretStr | None = Field(
        validation_alias=AliasChoices("api_key", "minimax_api_key"),
        default_factory=secret_from_env("MINIMAX_API_KEY", default=None),
    )
    """Read from `MINIMAX_API_KEY`. MiniMax's own hosts need one, at the first call.

    `""` sends none, whatever the environment says: for a server of your own.
    """

    region: Literal["global", "china"] = Field(
        default_factory=from_env("MINIMAX_REGION", default="global"),
        validate_default=True,
    )
    """Where the key is from: `api.minimax.io` or `api.minimax.cn`."""

    base_url: str | None = Field(
        validation_alias=AliasChoices("base_url", "minimax_api_base"),
        default_factory=from_env("MINIMAX_BASE_URL", default=None),
        validate_default=True,
    )
    """Another host, in any spelling; the region's by default."""

    timeout: Any = Field(
        default=None, validation_alias=AliasChoices("timeout", "request_timeout")
    )
    """Seconds for a whole call, retries included, or an `httpx.Timeout`.

    By default 10 s to connect and two hours for the call, which is what the longest
    reply takes. An `httpx.Timeout` sets the limits of connecting, reading and writing.
    """

    stream_idle_timeout: float | None = 300.0
    """Seconds that a stream may be silent, without even a ping."""

    max_retries: int = Field(default=2, ge=0)
    """Attempts after the first, if they can help and nothing has been shown yet."""

    default_headers: Mapping[str, str] | None = Field(
        default=None, exclude=True, repr=False
    )
    """Headers of every request."""

    proxy: str | None = Field(default=None, exclude=True, repr=False)
    """A proxy's address; by default the environment's."""

    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.Client` to use as it is. It is yours to close, and not pickled."""

    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.AsyncClient` to use as it is, in its own event loop; likewise."""

    @model_validator(mode="before")
    @classmethod
    def _leave_unset(cls, values: Any) -> Any:
        """`None` for the key or the host means what it means to leave them out."""
        if not isinstance(values, dict):
            return values
        unset = {"api_key", "minimax_api_key", "base_url", "minimax_api_base", "region"}
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in unset
        }

    @field_validator("region", mode="before")
    @classmethod
    def _spell_region(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return _REGIONS.get(value.lower(), value.lower())

    @field_validator("base_url")
    @classmethod
    def _empty_is_unset(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("timeout")
    @classmethod
    def _check_timeout(cls, value: Any) -> Any:
        if value is None or isinstance(value, int | float) or hasattr(value, "connect"):
            return value
        raise ValueError("`timeout` is a number of seconds or an `httpx.Timeout`")

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        try:
            parts = urlsplit(value or "http://unset")
            known = parts.scheme in _PROXIES and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise ValueError("`proxy` is an address such as http://host:port")
        return value

    @field_validator("default_headers")
    @classmethod
    def _check_headers(
        cls, value: Mapping[str, str] | None
    ) -> Mapping[str, str] | None:
        for name, text in (value or {}).items():
            if not (text.isascii() and text.isprintable()):
                msg = (
                    f"the header {name!r} holds characters that no header may have; "
                    "look for a line break"
                )
                raise ValueError(msg)
        return value

    @field_validator("http_client", "http_async_client")
    @classmethod
    def _check_client(cls, value: Any) -> Any:
        if value is None or hasattr(value, "build_request"):
            return value
        raise ValueError("this has to be an `httpx.Client` or `httpx.AsyncClient`")

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _covered(name, value))

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Self:
        """Copies the model; a bare key in `update` is covered up."""
        covered = {key: _covered(key, value) for key, value in (update or {}).items()}
        return super().model_copy(update=covered, deep=deep)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copies all but what is there to be shared: clients, and a rate limiter."""
        memo = {} if memo is None else memo
        limiter = getattr(self, "rate_limiter", None)
        for shared in (self.http_client, self.http_async_client, limiter):
            memo[id(shared)] = shared
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Pickles all but the caller's clients, which hold sockets."""
        state = super().__getstate__()
        clients = {"http_client": None, "http_async_client": None}
        return {**state, "__dict__": {**state["__dict__"], **clients}}

    def _key(self, url: str) -> str | None:
        """The key, as it goes into a header."""
        text = self.api_key.get_secret_value().strip() if self.api_key else ""
        if not text and is_official(url):
            msg = (
                "There is no MiniMax API key. Set MINIMAX_API_KEY or pass `api_key`; "
                "keys are made at platform.minimax.io, and for "
                'region="china" at platform.minimaxi.com.'
            )
            raise MiniMaxAuthenticationError(msg)
        if not (text.isascii() and text.isprintable()):
            msg = (
                "The MiniMax API key holds characters that no key has; look for a "
                "line break or an ellipsis that was copied along."
            )
            raise MiniMaxAuthenticationError(msg)
        return text or None

    def _headers(self) -> dict[str, str]:
        """The headers of every request, the caller's last."""
        ours = {"user-agent": f"langchain-minimax/{__version__}"}
        return {**ours, **(self.default_headers or {})}

    @property
    def _transport(self) -> Transport:
        # Imported late: httpx takes longer to import than the rest of the package.
        from langchain_minimax._http import Transport  # noqa: PLC0415

        return Transport(self._timeouts, self.max_retries, self.proxy, self.http_client)

    @property
    def _async_transport(self) -> AsyncTransport:
        from langchain_minimax._http import AsyncTransport  # noqa: PLC0415

        return AsyncTransport(
            self._timeouts, self.max_retries, self.proxy, self.http_async_client
        )

    @property
    def _timeouts(self) -> Timeouts:
        from langchain_minimax._http import timeouts  # noqa: PLC0415

        return timeouts(self.timeout, silence=self.stream_idle_timeout)

    def close(self) -> None:
        """Closes the connections that this process shares, once nobody uses them.

        Optional: they are closed when the process ends, and opened again by the next
        call.
        """
        from langchain_minimax._http import close  # noqa: PLC0415

        close(self.proxy)

    async def aclose(self) -> None:
        """Closes the connections that this event loop shares, likewise."""
        from langchain_minimax._http import aclose  # noqa: PLC0415

        await aclose(self.proxy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

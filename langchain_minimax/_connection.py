"""What every model of this package needs to reach MiniMax: a key, a host, limits.

Fields in, transports out. httpx is imported with the first call: it takes longer to
import than the rest of the package.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from langchain_core.utils import from_env, secret_from_env
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from langchain_minimax._address import base_address, is_official
from langchain_minimax._version import __version__
from langchain_minimax.errors import MiniMaxAuthenticationError

if TYPE_CHECKING:
    from langchain_minimax._http import AsyncTransport, Timeouts, Transport

_REGIONS = {"": "global", "cn": "china", "io": "global", "international": "global"}
_UNSET = ("api_key", "minimax_api_key", "base_url", "minimax_api_base", "region")
_OF_NO_ENVIRONMENT = {"api_key": "", "region": "global", "base_url": ""}
_PROXIES = ("http", "https", "socks5", "socks5h")

_LONGEST = 1_000_000  # seconds: more than a call takes, less than clocks can hold
_PARTS = ("connect", "read", "write", "pool")  # of an `httpx.Timeout`

_KEY = re.compile(r"[!#-&(-_a-~]*")  # any ASCII but blanks and quotation marks
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, 5.6.2
_FRAMING = ("host", "connection", "content-length", "transfer-encoding")

_CLIENTS = {
    "http_client": "`http_client` takes an `httpx.Client`; "
    "an `httpx.AsyncClient` is given as `http_async_client`",
    "http_async_client": "`http_async_client` takes an `httpx.AsyncClient`; "
    "an `httpx.Client` is given as `http_client`",
}


def _is_limit(value: Any) -> bool:
    """Whether something is a time that can be waited for."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= _LONGEST


@lru_cache
def field_names(kind: type[BaseModel]) -> Mapping[str, str]:
    """All names that a class's constructor takes, and the fields that they mean."""
    names = {name: name for name in kind.model_fields}
    for name, info in kind.model_fields.items():
        if isinstance(info.validation_alias, AliasChoices):
            names |= dict.fromkeys(map(str, info.validation_alias.choices), name)
    return names


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
    """Seconds that a stream may be silent, without even a ping; `None` for ever."""

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
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in _UNSET
        }

    @field_validator("region", mode="before")
    @classmethod
    def _spell_region(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return _REGIONS.get(value.lower(), value.lower())

    @field_validator("base_url")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if not value:
            return None
        base_address(value)
        return value

    @field_validator("timeout")
    @classmethod
    def _check_timeout(cls, value: Any) -> Any:
        parts = [getattr(value, part, value) for part in _PARTS]
        if all(part is None or _is_limit(part) for part in parts):
            return value
        msg = (
            f"`timeout` is a number of seconds, more than 0 and up to {_LONGEST:,}, or "
            "an `httpx.Timeout` of such; `None` stands for the default"
        )
        raise ValueError(msg)

    @field_validator("stream_idle_timeout", mode="before")
    @classmethod
    def _check_idle_timeout(cls, value: Any) -> Any:
        if value is None or _is_limit(value):
            return value
        msg = (
            "`stream_idle_timeout` is a number of seconds, more than 0 and up to "
            f"{_LONGEST:,}; `None` stands for no limit"
        )
        raise ValueError(msg)

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        if not value:
            return None
        try:
            parts = urlsplit(value)
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
            if not _HEADER.fullmatch(name):
                # It may be a whole line, secret and all, and is not repeated.
                raise ValueError(
                    "a header's name is one word of letters, digits and dashes, "
                    "without blanks, colons and line breaks"
                )
            if name.lower() in _FRAMING:
                msg = (
                    f"the header {name!r} is written by the client, which knows what "
                    "it sends and to whom; leave it out (`base_url` names the host)"
                )
                raise ValueError(msg)
            if not (text.isascii() and text.isprintable()) or text != text.strip():
                msg = (
                    f"the header {name!r} holds characters that no header may have; "
                    "look for a line break, and for blanks around the value"
                )
                raise ValueError(msg)
        return value

    @field_validator("http_client", "http_async_client")
    @classmethod
    def _check_client(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        fits = hasattr(value, "aclose") == (name == "http_async_client")
        if value is None or (hasattr(value, "build_request") and fits):
            return value
        raise ValueError(_CLIENTS[name])

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets a field; one of a connection's is checked as the constructor does."""
        super().__setattr__(name, self._checked(name, value))

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Self:
        """Copies the model.

        Args:
            update: What the copy is to have instead, by the constructor's names.
            deep: Whether to copy what the fields hold, too.

        Raises:
            ValueError: If there is no such field, or a value that cannot be.
        """
        named = {self._field(name): value for name, value in (update or {}).items()}
        checked = {name: self._checked(name, value) for name, value in named.items()}
        return super().model_copy(update=checked, deep=deep)

    @classmethod
    def _checked(cls, name: str, value: Any) -> Any:
        """What the constructor would make of a field, if it is one that is checked.

        But no key is no key here, and not the environment's: a copy may be a tenant's.
        """
        checker = cls._checker()
        is_none = value is None and name in ("api_key", "base_url")
        if is_none or name not in checker.model_fields:
            return value
        # Pydantic's `validate_assignment` runs all validators of the model, and
        # LangChain's assign in turn.
        return getattr(checker(**{**_OF_NO_ENVIRONMENT, name: value}), name)

    @classmethod
    def _checker(cls) -> type[Connection]:
        """The class whose fields are checked in copies and assignments, too."""
        return Connection

    @classmethod
    def _field(cls, name: str) -> str:
        """The field that a name of the constructor's means."""
        names = field_names(cls)
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            msg = f"`{name}` is no field of {cls.__name__}{hint}"
            raise ValueError(msg)
        return names[name]

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copies all but what is there to be shared: clients, and a rate limiter."""
        memo = {} if memo is None else memo
        limiter = getattr(self, "rate_limiter", None)
        for shared in (self.http_client, self.http_async_client, limiter):
            memo[id(shared)] = shared
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        """Pickles all but the environment's key, and the caller's clients' sockets."""
        state = super().__getstate__()
        fields = {**state["__dict__"], "http_client": None, "http_async_client": None}
        if "api_key" not in self.model_fields_set:
            del fields["api_key"]
        return {**state, "__dict__": fields}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Unpickles; a key that was left out is read from the environment here."""
        super().__setstate__(state)
        if "api_key" not in self.__dict__:
            field = type(self).model_fields["api_key"]
            self.__dict__["api_key"] = field.get_default(call_default_factory=True)

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
        if not _KEY.fullmatch(text):
            msg = (
                "The MiniMax API key holds characters that no key has; look for a "
                "line break, an ellipsis, quotation marks or the word `Bearer` that "
                "was copied along."
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
        from langchain_minimax._pools import close  # noqa: PLC0415

        close()

    async def aclose(self) -> None:
        """Closes the connections that this event loop shares, likewise."""
        from langchain_minimax._pools import aclose  # noqa: PLC0415

        await aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

"""What the server's processes need to know, from one environment to the next, and the limits of a request."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tellapart.core.errors import ConfigError
from tellapart.core.parallel import cpu_count

_VARIABLE = "TELLAPART_SERVE"


@dataclass(frozen=True)
class Settings:
    """How a server was started, and what it takes of a request.

    >>> settings = Settings("serving", "127.0.0.1", 3000, 2)
    >>> Settings.from_environment(settings.to_environment()) == settings
    True
    """

    state: str = "serving"
    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    token: str = ""
    sample: float = 0.0
    cors: tuple[str, ...] = ()  # origins whose pages may ask
    certfile: str = ""
    keyfile: str = ""
    request_bytes: int = 32 * 2**20
    image_pixels: int = 24_000_000  # a phone's; decoded it is 72 MB, in rarer modes than RGB several times that
    images: int = 64  # a request
    requests: int = 128  # a process reads or answers at a time
    queue: int = 256  # images inside, a model and process, from their arrival to their answer

    @property
    def address(self) -> str:
        """Where it is reached.

        >>> Settings(host="::1", port=3000).address
        'http://[::1]:3000'
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certfile else 'http'}://{host}:{self.port}"

    def to_environment(self) -> dict[str, str]:
        """For the processes that will answer."""
        return {
            _VARIABLE: json.dumps(asdict(self)),
            "OMP_WAIT_POLICY": "passive",
            "PROMETHEUS_MULTIPROC_DIR": f"{self.state}/metrics",
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Those that `to_environment` wrote; without them the defaults."""
        known = json.loads(environment.get(_VARIABLE, "{}"))
        return cls(**known | {"cors": tuple(known.get("cors", ()))})


def origin(given: str) -> str:
    """The origin of pages that may ask, as a browser spells it: scheme, host and port alone.

    Raises:
        ConfigError: it is none.

    >>> origin("https://Shop.example/"), origin("http://localhost:8080")
    ('https://shop.example', 'http://localhost:8080')
    """
    if given == "*":
        return given
    text = given.strip().rstrip("/").lower()
    try:
        parts = urlsplit(text)
        right = parts.scheme in ("http", "https") and parts.hostname and text == f"{parts.scheme}://{parts.netloc}"
        right = right and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        right = False
    if not right or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"--cors {given}: no origin; give scheme, host and port alone, as https://shop.example:8443")
    return text


def default_workers() -> int:
    """One process a core, at most four."""
    return min(cpu_count(), 4)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, out of reach for others.

    >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("0.0.0.0"), is_loopback("127.evil.example")
    (True, True, False, False)
    """
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secret_for(host: str, port: int, token_file: str | Path | None) -> str:
    """What callers must send to a server that listens there; empty if only this machine can ask.

    Raises:
        ConfigError: a port that is none, an address out in the open without a token, or a token that could be guessed.
    """
    if not 0 < port < 65536:
        raise ConfigError(f"port {port}: give a number from 1 to 65535")
    secret = token(token_file)
    if not is_loopback(host) and not secret:
        raise ConfigError(
            f"host {host}: others could ask too, so callers must send a token; write a long random one into a file and "
            "give --token-file, or set TELLAPART_TOKEN"
        )
    return secret


def token(file: str | Path | None) -> str:
    """The secret that callers must send, of a file's first line or the environment; empty if there is none.

    Raises:
        ConfigError: the file cannot be read, or the secret could be guessed.
    """
    if file is None:
        secret = os.environ.get("TELLAPART_TOKEN", "").strip()
        what = "TELLAPART_TOKEN"
    else:
        try:
            secret = (Path(file).read_text(encoding="utf-8").splitlines() or [""])[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: the token cannot be read: {error}") from error
        what = str(file)
    if secret and (len(secret) < 16 or not secret.isascii() or not secret.isprintable()):
        raise ConfigError(f"{what}: a token has at least 16 printable ASCII characters; make a random one")
    if file is not None and not secret:
        raise ConfigError(f"{file}: its first line is empty; a token has at least 16 characters")
    return secret

"""What is configured for an OPC UA endpoint, whatever machine stands behind it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from equipment_drivers.contract import Options
from equipment_drivers.errors import BadOption


class OpcuaOptions(Options):
    """One endpoint. All times are real; `…_ms` in milliseconds, `…_s` in seconds.

    Secured (`Basic256Sha256`) it needs our certificate and private key, and the server's
    certificate lying in `trust_dir`. Unsecured, anybody on that network can command the machine
    and read the password: it has to be allowed.
    `timeout_s` bounds each request; the server is probed every `watchdog_s` and must answer within
    that time; it may forget our session after `session_timeout_s` of silence.
    `fast_ms` is the publishing interval, `queue` how many steps of one value the server keeps for
    us meanwhile; after `silent_probes` probes that saw what the subscription never told, it is
    made anew. `max_skew_s`: lab seconds its clock may be off before people are told. The link is
    called degraded for `degraded_s` after values were lost. A stop must be sent and seen within
    `stop_deadline_s`; a dead server is waited for `close_s` when we leave.
    """

    url: str = Field(pattern=r"^opc\.tcp://[^\s@]+$")
    security: Literal["none", "Basic256Sha256"] = "none"
    security_mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    allow_unsecured: bool = False
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    trust_dir: Path | None = None
    expiry_warning_days: float = Field(default=30.0, ge=0)
    user: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    timeout_s: float = Field(default=4.0, gt=0)
    watchdog_s: float = Field(default=1.0, gt=0)
    session_timeout_s: float = Field(default=60.0, ge=10)
    fast_ms: float = Field(default=100.0, gt=0)
    queue: int = Field(default=200, ge=1)
    max_skew_s: float = Field(default=10.0, gt=0)
    degraded_s: float = Field(default=60.0, ge=0)
    silent_probes: int = Field(default=3, ge=1)
    stop_deadline_s: float = Field(default=2.0, gt=0, le=10)
    close_s: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.security == "none" and not self.allow_unsecured:
            raise PydanticCustomError("config.unsecured", "not secured and not allowed to be")
        files = (self.certificate_file, self.private_key_file, self.trust_dir)
        if self.security != "none" and None in files:
            raise ValueError("security needs certificate_file, private_key_file and trust_dir")
        if self.user is not None and (self.password_file is None) == (self.password_env is None):
            raise ValueError("a user needs either password_file or password_env")
        return self

    def read_password(self) -> str:
        """The user's password from where it lies, empty without a user. Raises BadOption."""
        if self.user is None:
            return ""
        if self.password_env is not None:
            if self.password_env not in os.environ:
                raise BadOption(option="password_env", cause=f"{self.password_env} is not set")
            return os.environ[self.password_env]
        assert self.password_file is not None
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadOption(option="password_file", cause=type(error).__name__) from error

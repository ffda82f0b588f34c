"""Everything that can go wrong between a command and a machine.

DriverError
├── WireFault           the wire or the peer: reconnecting may help
│   ├── ConnectFailed   driver.connect_failed
│   ├── LinkLost        driver.link_lost
│   ├── PeerSilent      driver.peer_silent     (half-open: traffic stopped)
│   ├── PortBusy        driver.port_busy
│   └── ProtocolFault   driver.protocol        (desync, resend storm, unexpected reply)
├── SetupFault          terminal until the configuration changes
│   ├── BadOption       driver.bad_option
│   ├── AuthRejected    driver.auth_rejected
│   │   ├── CertificateUntrusted  driver.certificate_untrusted  (theirs, by us)
│   │   └── CertificateRefused    driver.certificate_refused    (ours, by them)
│   ├── WrongDevice     driver.wrong_device
│   └── UnsupportedFirmware  driver.unsupported_firmware
├── Refused             nothing was sent
│   ├── BadArguments    driver.bad_arguments
│   ├── NotAllowedNow   driver.not_allowed_now
│   ├── NotSupported    driver.not_supported
│   └── Stopped         driver.stopped         (latch, permit or lease ended it)
├── DeviceFault         the device decided
│   ├── Rejected        driver.rejected
│   └── Faulted         driver.faulted
└── OutcomeUnknown      driver.timeout         (sent, no proof: read back before anything else)
"""

from __future__ import annotations


class DriverError(Exception):
    """Base of the room: a stable `code` and text parameters; the text is chosen at the edge."""

    code = "driver.error"

    def __init__(self, **params: object) -> None:
        self.params = {key: str(value) for key, value in params.items()}
        super().__init__(self.code, self.params)

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.code}({shown})"


class WireFault(DriverError):
    """The wire or the peer failed; reconnecting may help."""

    code = "driver.wire"


class ConnectFailed(WireFault):
    code = "driver.connect_failed"


class LinkLost(WireFault):
    code = "driver.link_lost"


class PeerSilent(WireFault):
    code = "driver.peer_silent"


class PortBusy(WireFault):
    code = "driver.port_busy"


class ProtocolFault(WireFault):
    code = "driver.protocol"


class SetupFault(DriverError):
    """Wrong configuration: retrying cannot help."""

    code = "driver.setup"


class BadOption(SetupFault):
    code = "driver.bad_option"


class AuthRejected(SetupFault):
    code = "driver.auth_rejected"


class CertificateUntrusted(AuthRejected):
    """Nobody here has said yet that this is the certificate of our device."""

    code = "driver.certificate_untrusted"


class CertificateRefused(AuthRejected):
    """The device does not take our certificate."""

    code = "driver.certificate_refused"


class WrongDevice(SetupFault):
    code = "driver.wrong_device"


class UnsupportedFirmware(SetupFault):
    """The right device with firmware this driver does not speak."""

    code = "driver.unsupported_firmware"


class Refused(DriverError):
    """Refused before anything was sent."""

    code = "driver.refused"


class BadArguments(Refused):
    code = "driver.bad_arguments"


class NotAllowedNow(Refused):
    code = "driver.not_allowed_now"


class NotSupported(Refused):
    code = "driver.not_supported"


class Stopped(Refused):
    """The latch, the permit or the lease ended the command; nothing further was sent."""

    code = "driver.stopped"


class DeviceFault(DriverError):
    """The device decided; no retry without a person."""

    code = "driver.device"


class Rejected(DeviceFault):
    code = "driver.rejected"


class Faulted(DeviceFault):
    code = "driver.faulted"


class OutcomeUnknown(DriverError):
    """Sent, and no proof of what happened: read back before anything is retried."""

    code = "driver.timeout"

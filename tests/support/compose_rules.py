"""What every service of a compose file must have: one rule, one function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Service = dict[str, Any]

_VARIABLE = re.compile(r"\$\{(\w+)(?::?(-|\?)([^}]*))?\}")
_SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET")
_UNITS = {"m": 2**20, "g": 2**30}


def with_defaults(text: str) -> str:
    """Return `text` as compose sees it when no variable is set."""
    return _VARIABLE.sub(lambda match: match[3] or "", text)


def problems(document: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong, naming the service and the fix."""
    if not document.get("name"):
        yield "The file has no name: containers would be named after the folder."
    for name, service in document["services"].items():
        for rule in RULES:
            if reason := rule(service):
                yield f"{name}: {reason}"
        if not is_one_shot(service):
            for rule in RULES_OF_SERVERS:
                if reason := rule(service):
                    yield f"{name}: {reason}"
    if redis := document["services"].get("redis"):
        for reason in _redis(redis, document.get("networks") or {}):
            yield f"redis: {reason}"


def is_one_shot(service: Service) -> bool:
    """Tell whether the service does one thing and ends."""
    return service.get("restart") == "no"


def _root_is_read_only(service: Service) -> str | None:
    return None if service.get("read_only") is True else "set read_only: true"


def _has_no_capability(service: Service) -> str | None:
    if service.get("cap_drop") == ["ALL"] and not service.get("cap_add"):
        return None
    return "set cap_drop: [ALL] and no cap_add"


def _gains_no_privilege(service: Service) -> str | None:
    if service.get("privileged"):
        return "remove privileged"
    if "no-new-privileges:true" in service.get("security_opt", []):
        return None
    return "set security_opt: [no-new-privileges:true]"


def _is_not_root(service: Service) -> str | None:
    if re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))):
        return None
    return "set user to a numeric uid:gid that is not root"


def _shares_nothing_of_the_host(service: Service) -> str | None:
    for option in ("pid", "ipc", "network_mode", "userns_mode"):
        if service.get(option) == "host":
            return f"remove {option}: host"
    for volume in service.get("volumes", []):
        source = volume if isinstance(volume, str) else str(volume.get("source"))
        if source.startswith(("/", ".", "~")):
            return f"mount a named volume instead of {source}"
    return None


def _has_an_init(service: Service) -> str | None:
    return None if service.get("init") is True else "set init: true"


def _has_a_pinned_image(service: Service) -> str | None:
    image = with_defaults(service.get("image", ""))
    _, colon, tag = image.rpartition(":")
    if colon and tag not in {"", "latest"} and "/" not in tag:
        return None
    return f"pin the image {image or '(none)'} to a tag that is not latest"


def _has_limits(service: Service) -> str | None:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    missing = [key for key in ("memory", "cpus", "pids") if not limits.get(key)]
    if missing:
        return f"set deploy.resources.limits: {', '.join(missing)}"
    return None


def _rotates_its_log(service: Service) -> str | None:
    options = service.get("logging", {}).get("options", {})
    if {"max-size", "max-file"} <= options.keys():
        return None
    return "set logging.options max-size and max-file"


def _publishes_on_loopback(service: Service) -> str | None:
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            return f"publish port {port} on 127.0.0.1"
    return None


def _keeps_secrets_in_files(service: Service) -> str | None:
    for name, value in service.get("environment", {}).items():
        if _SECRET_NAME.search(name) and not name.endswith("_FILE"):
            return f"give {name} as {name}_FILE"
        if re.search(r"://[^/\s]*:[^/\s]*@", with_defaults(str(value))):
            return f"take the password out of {name}"
    return None


def _knows_what_its_variables_default_to(service: Service) -> str | None:
    for name, kind, _ in _VARIABLE.findall(str(service)):
        if not kind:
            return f"give {name} a default, or a sentence with :?"
    return None


def _has_a_health_check(service: Service) -> str | None:
    check = service.get("healthcheck", {})
    wanted = ("test", "interval", "timeout", "start_period", "start_interval")
    missing = [key for key in wanted if not check.get(key)]
    return f"set healthcheck: {', '.join(missing)}" if missing else None


def _restarts(service: Service) -> str | None:
    if service.get("restart") == "unless-stopped":
        return None
    return "set restart: unless-stopped"


def _has_time_to_stop(service: Service) -> str | None:
    return None if service.get("stop_grace_period") else "set stop_grace_period"


def _has_a_bounded_temporary_folder(service: Service) -> str | None:
    for mount in service.get("tmpfs", []):
        folder, _, options = mount.partition(":")
        missing = [
            word for word in ("size=", "noexec", "nosuid") if word not in options
        ]
        if missing:
            return f"give the tmpfs {folder} {', '.join(missing)}"
        if folder == "/tmp":  # noqa: S108 - the container's, not this machine's
            return None
    return "mount a tmpfs on /tmp"


def _waits_until_its_dependencies_are_ready(service: Service) -> str | None:
    needs = service.get("depends_on", {})
    if isinstance(needs, list):
        return "give each depends_on a condition"
    for name, need in needs.items():
        if need.get("condition") in {None, "service_started"}:
            return f"wait until {name} is healthy or completed"
    return None


def _redis(service: Service, networks: dict[str, Any]) -> Iterator[str]:
    command = with_defaults(str(service.get("command", "")))
    for option in ("--appendonly yes", "--maxmemory-policy noeviction"):
        if option not in command:
            yield f"add {option}: accepted jobs must survive"
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    limit = _bytes(with_defaults(str(limits.get("memory", ""))))
    own = re.search(r"--maxmemory (\S+)", command)
    if not own or _bytes(own[1]) * 3 > limit * 2:
        yield "set --maxmemory to at most two thirds of the memory limit"
    for network in service.get("networks", ["default"]):
        if not (networks.get(network) or {}).get("internal"):
            yield f"network {network} must be internal: nothing outside reaches Redis"
    if service.get("ports"):
        yield "publish no port"


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)([mg])b?", text.lower())
    return int(match[1]) * _UNITS[match[2]] if match else 0


RULES: tuple[Callable[[Service], str | None], ...] = (
    _root_is_read_only,
    _has_no_capability,
    _gains_no_privilege,
    _is_not_root,
    _shares_nothing_of_the_host,
    _has_an_init,
    _has_a_pinned_image,
    _has_limits,
    _rotates_its_log,
    _publishes_on_loopback,
    _keeps_secrets_in_files,
    _knows_what_its_variables_default_to,
)
RULES_OF_SERVERS: tuple[Callable[[Service], str | None], ...] = (
    _has_a_health_check,
    _restarts,
    _has_time_to_stop,
    _has_a_bounded_temporary_folder,
    _waits_until_its_dependencies_are_ready,
)

"""Where packages come from, as people have said it: pip's settings in uv's words.

uv reads its own variables (`UV_DEFAULT_INDEX`, `UV_INDEX`, `UV_OFFLINE` …) and the common ones
(`HTTPS_PROXY`, `SSL_CERT_FILE`, `.netrc`) by itself; machines that are set up for pip say it by other names.
Caller: `environments`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

SAME = (
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", ("UV_INDEX_URL",)),
    ("PIP_EXTRA_INDEX_URL", "UV_INDEX", ("UV_EXTRA_INDEX_URL",)),
    ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST", ()),
    ("PIP_CERT", "SSL_CERT_FILE", ("SSL_CERT_DIR",)),
    ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", ("SSL_CERT_DIR",)),
    ("PIP_PROXY", "ALL_PROXY", ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "all_proxy")),
)
"""(what pip reads, what uv reads, what else would say it to uv): what is said to uv itself wins."""
NO_INDEX = ("PIP_NO_INDEX", "UV_NO_INDEX")
NO = ("", "0", "false", "no", "off")


def translated(variables: Mapping[str, str]) -> dict[str, str]:
    """A new environment for uv."""
    made = dict(variables)
    for theirs, ours, others in SAME:
        if variables.get(theirs) and not any(made.get(name) for name in (ours, *others)):
            made[ours] = variables[theirs]
    return made


def options(variables: Mapping[str, str]) -> list[str]:
    """What uv has no variable for: a wheelhouse is all there is."""
    refused = any(variables.get(name, "").lower() not in NO for name in NO_INDEX)
    return ["--no-index"] if refused else []

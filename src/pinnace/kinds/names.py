"""What a name, a label and an annotation may be, with Kubernetes' exact words where one may not.

Every function returns a list of messages, empty for a good value. Source of rules and words:
kubernetes/apimachinery pkg/util/validation/validation.go and pkg/api/validation.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from . import cause
from .cause import Cause

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
ENVIRONMENT = "[-._a-zA-Z][-._a-zA-Z0-9]*"
KEY = "[-._a-zA-Z0-9]+"
IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
PORT = re.compile(r"[-a-z0-9]+\Z")
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names: no vowels and nothing that looks like something else."""
ANNOTATIONS_LIMIT = 256 * 1024
GENERATED_LENGTH = 63

_compiled = {shape: re.compile(rf"(?:{shape})\Z") for shape in (
    LABEL, SUBDOMAIN, LABEL_1035, QUALIFIED, VALUE, ENVIRONMENT, KEY
)}


def _is(shape: str, text: str) -> bool:
    return _compiled[shape].match(text) is not None


def _words(message: str, shape: str, *examples: str) -> str:
    listed = " or ".join(f"'{one}', " for one in examples)
    return f"{message} (e.g. {listed}regex used for validation is '{shape}')"


def _length(limit: int) -> str:
    return f"must be no more than {limit} bytes"


LABEL_WORDS = _words(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character", LABEL, "my-name", "123-abc",
)
SUBDOMAIN_WORDS = _words(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character", SUBDOMAIN, "example.com",
)
LABEL_1035_WORDS = _words(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character", LABEL_1035, "my-name", "abc-123",
)
QUALIFIED_WORDS = _words(
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character", QUALIFIED, "MyName", "my.name", "123-abc",
)
VALUE_WORDS = _words(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character", VALUE, "MyValue", "my_value", "12345",
)
ENVIRONMENT_WORDS = _words(
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
    "must not start with a digit", ENVIRONMENT, "my.env-name", "MY_ENV.NAME", "MyEnvName1",
)
KEY_WORDS = _words(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'", KEY,
    "key.name", "KEY_NAME", "key-name",
)


def _bounded(text: str, limit: int, shape: str, words: str) -> list[str]:
    found = [] if len(text) <= limit else [_length(limit)]
    return found if _is(shape, text) else [*found, words]


def label(text: str) -> list[str]:
    """A DNS-1123 label, as namespaces and containers are named."""
    return _bounded(text, 63, LABEL, LABEL_WORDS)


def subdomain(text: str) -> list[str]:
    """A DNS-1123 subdomain, as most objects are named."""
    return _bounded(text, 253, SUBDOMAIN, SUBDOMAIN_WORDS)


def label_1035(text: str) -> list[str]:
    return _bounded(text, 63, LABEL_1035, LABEL_1035_WORDS)


def environment_variable(text: str) -> list[str]:
    """Printable ASCII without `=`, as upstream since 1.34."""
    if not text:
        return ["environment variable name must be non-empty"]
    if "=" in text or not (text.isascii() and text.isprintable()):
        return [
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        ]
    return []


def config_key(text: str) -> list[str]:
    """A key of a ConfigMap or Secret: never a path."""
    found = _bounded(text, 253, KEY, KEY_WORDS)
    if text == ".":
        found.append("must not be '.'")
    elif text == "..":
        found.append("must not be '..'")
    elif text.startswith(".."):
        found.append("must not start with '..'")
    return found


def segment(text: str) -> list[str]:
    """A name that is only asked to be safe in a path, as RBAC's objects are named."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{mark}'" for mark in ("/", "%") if mark in text]


def qualified(text: str) -> list[str]:
    """`[prefix/]name`: keys of labels, annotations and extended resources."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return [
            "a qualified name " + _words(
                "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                "alphanumeric character", QUALIFIED, "MyName", "my.name", "123-abc",
            ) + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    found: list[str] = []
    if slash and not prefix:
        found.append("prefix part must be non-empty")
    elif slash:
        found += [f"prefix part {message}" for message in subdomain(prefix)]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append(f"name part {_length(63)}")
    return found if _is(QUALIFIED, name) else [*found, QUALIFIED_WORDS]


def port(text: str) -> list[str]:
    """A port's name, as IANA has service names."""
    found = [] if len(text) <= 15 else [_length(15)]
    if not PORT.match(text):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= letter <= "z" for letter in text):
        found.append("must contain at least one letter (a-z)")
    if "--" in text:
        found.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def label_value(text: str) -> list[str]:
    return _bounded(text, 63, VALUE, VALUE_WORDS)


def generated(prefix: str) -> str:
    """A name from `generateName`: five random characters after as much of the prefix as fits."""
    head = prefix[: GENERATED_LENGTH - 5]
    return head + "".join(secrets.choice(ALPHABET) for _ in range(5))


Rule = Callable[[str], list[str]]
RULES: dict[str, Rule] = {
    "namespaces": label,
    "services": label_1035,
    "roles.rbac.authorization.k8s.io": segment,
    "clusterroles.rbac.authorization.k8s.io": segment,
    "rolebindings.rbac.authorization.k8s.io": segment,
    "clusterrolebindings.rbac.authorization.k8s.io": segment,
}
"""Kinds whose names follow another rule than the subdomain, by `Resource.key`."""
STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
GENERAL_WORDS = "name or generateName is required"


def rule(key: str) -> Rule:
    """How objects of this kind are named; `key` is `Resource.key`."""
    return RULES.get(key, subdomain)


def metadata_causes(key: str, metadata: dict[str, Any]) -> list[Cause]:
    """What is wrong with an object's metadata, names already generated."""
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    found = [cause.invalid("metadata.generateName", prefix, words) for words in _begins(key, prefix)]
    if not name:
        found.append(cause.required("metadata.name", GENERAL_WORDS))
    else:
        found += [cause.invalid("metadata.name", name, words) for words in rule(key)(name)]
    if namespace := metadata.get("namespace"):
        found += [cause.invalid("metadata.namespace", namespace, words) for words in label(namespace)]
    found += label_causes(metadata.get("labels") or {}, "metadata.labels")
    found += annotation_causes(metadata.get("annotations") or {}, "metadata.annotations")
    for one in metadata.get("ownerReferences") or ():
        found += _owner_causes(one)
    for one in metadata.get("finalizers") or ():
        found += _finalizer_causes(one, custom=_is_custom(key))
    return found


def _begins(key: str, prefix: str) -> list[str]:
    """What is wrong with the beginning of a name, which may end in a hyphen."""
    return rule(key)(prefix[:-1] + "a" if prefix.endswith("-") else prefix) if prefix else []


def label_causes(labels: dict[str, str], path: str) -> list[Cause]:
    found: list[Cause] = []
    for key, value in labels.items():
        found += [cause.invalid(path, key, words) for words in qualified(key)]
        found += [cause.invalid(path, value, words) for words in label_value(value or "")]
    return found


def annotation_causes(annotations: dict[str, str], path: str) -> list[Cause]:
    found = [
        cause.invalid(path, key, words) for key in annotations for words in qualified(key.lower())
    ]
    if sum(len(key) + len(value or "") for key, value in annotations.items()) > ANNOTATIONS_LIMIT:
        found.append(cause.too_long(path, ANNOTATIONS_LIMIT))
    return found


def _owner_causes(owner: dict[str, Any]) -> list[Cause]:
    path = "metadata.ownerReferences"
    found: list[Cause] = []
    if not owner.get("apiVersion"):
        found.append(cause.invalid(f"{path}.apiVersion", "", "version must not be empty"))
    found += [
        cause.invalid(f"{path}.{field}", "", f"{field} must not be empty")
        for field in ("kind", "name", "uid")
        if not owner.get(field)
    ]
    if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
        found.append(cause.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
    return found


def _is_custom(key: str) -> bool:
    """Whether the kind is one of a CustomResourceDefinition in a cluster."""
    group = key.partition(".")[2]
    return "." in group and not group.endswith(".k8s.io")


def _finalizer_causes(name: str, *, custom: bool) -> list[Cause]:
    """Only built-in kinds insist on a domain: KServe's own finalizer is `inferenceservice.finalizers`."""
    found = [cause.invalid("metadata.finalizers", name, words) for words in qualified(name)]
    if not custom and not found and "/" not in name and name not in STANDARD_FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        found.append(cause.invalid("metadata.finalizers", name, detail))
    return found

"""Tokens of service accounts: signed here, and believed only while what they speak of is there.

`controllers/pods` puts them into pods, `api` issues them on request and asks `check` who a caller is. One
key per home (`tls/sa.key`, ES256, made at the first need). Invariant: only our own signature, algorithm and
issuer count; a token of an account, pod or secret that is gone says nothing. Source of the claims: kubernetes
pkg/serviceaccount/{claims,jwt,legacy}.go.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pinnace.home import Home, write_private
from pinnace.kinds.resource import Obj
from pinnace.objects.client import Identity
from pinnace.objects.rights.register import account
from pinnace.store.interface import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ISSUER = "https://kubernetes.default.svc.cluster.local"
LEGACY_ISSUER = "kubernetes/serviceaccount"
AUDIENCES = (ISSUER, "https://kubernetes.default.svc", "api")
"""A token for any of these is for this API server; without a wish a token is for the first."""
LEEWAY = 60.0
"""So long (seconds) after its deletion an object still vouches, as upstream."""
CURVE_BYTES = 32
REMEMBERED = 2000
PRIVATE = "kubernetes.io"
LEGACY = "kubernetes.io/serviceaccount/"
EXTRA = "authentication.kubernetes.io/"
BOUND = {"pod": "pods", "secret": "secrets", "node": "nodes"}


class InvalidToken(Exception):
    """The text says why; it is for a TokenReview, never for who merely knocks."""


class Issued(msgspec.Struct, frozen=True):
    text: str
    expires: float
    """Unix seconds."""


class Verified(msgspec.Struct, frozen=True):
    identity: Identity
    audiences: tuple[str, ...]
    """Of those that were asked for."""


class Tokens:
    """`clock` gives unix seconds."""

    def __init__(self, home: Home, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._path = home.certificates / "sa.key"
        self._store = store
        self._clock = clock
        self._key: EllipticCurvePrivateKey | None = None
        self._known: dict[bytes, dict[str, Any]] = {}
        """Digest of a token whose signature is good → its claims."""

    async def ready(self) -> Tokens:
        """The library that signs is big: it is read beside the loop, when it is first needed."""
        if self._key is None:
            await asyncio.to_thread(self._load)
        return self

    def issue(
        self, owner: Obj, *, audiences: Iterable[str] = (), seconds: int = 3600,
        bound: tuple[str, Obj] | None = None,
    ) -> Issued:
        """For a ServiceAccount; `bound`: ("pod", the Pod) with which the token ends."""
        meta, now = owner["metadata"], int(self._clock())
        private: dict[str, Any] = {
            "namespace": meta["namespace"],
            "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
        }
        if bound is not None:
            kind, other = bound
            private[kind] = {"name": other["metadata"]["name"], "uid": other["metadata"]["uid"]}
            if node := (other.get("spec") or {}).get("nodeName") if kind == "pod" else None:
                private["node"] = {"name": node}
        claims = {
            "aud": list(audiences) or [AUDIENCES[0]], "exp": now + seconds, "iat": now, "iss": ISSUER,
            "jti": str(uuid.uuid4()), PRIVATE: private, "nbf": now,
            "sub": account(meta["namespace"], meta["name"]),
        }
        return Issued(self._signed(claims), now + seconds)

    def legacy(self, owner: Obj, secret: str) -> str:
        """What a Secret of type `kubernetes.io/service-account-token` holds: it does not expire."""
        meta = owner["metadata"]
        return self._signed({
            "iss": LEGACY_ISSUER, f"{LEGACY}namespace": meta["namespace"], f"{LEGACY}secret.name": secret,
            f"{LEGACY}service-account.name": meta["name"], f"{LEGACY}service-account.uid": meta["uid"],
            "sub": account(meta["namespace"], meta["name"]),
        })

    def check(self, text: str, audiences: Iterable[str] = ()) -> Verified:
        """InvalidToken. `audiences`: for whom it must be (one of them); nobody named: for this server."""
        claims = self._claims(text)
        wanted = tuple(audiences) or AUDIENCES
        legacy = claims.get("iss") == LEGACY_ISSUER
        meant = AUDIENCES if legacy else claims["aud"]
        found = tuple(one for one in wanted if one in meant)
        if not found:
            words = f"token audiences {list(meant)} is invalid for the target audiences {list(wanted)}"
            raise InvalidToken(words)
        if legacy:
            return Verified(self._legacy_identity(claims, text), found)
        now = self._clock()
        if not isinstance(claims.get("exp"), int) or now > claims["exp"]:
            raise InvalidToken("service account token has expired")
        if now + LEEWAY < claims.get("nbf", 0):
            raise InvalidToken("service account token is not valid yet")
        return Verified(self._identity(claims), found)

    def discovery(self, base: str) -> dict[str, Any]:
        """`/.well-known/openid-configuration`."""
        return {
            "issuer": ISSUER, "jwks_uri": f"{base}/openid/v1/jwks", "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
        }

    def keys(self) -> dict[str, Any]:
        """`/openid/v1/jwks`."""
        numbers = self._load().public_key().public_numbers()
        x, y = (_text(number.to_bytes(CURVE_BYTES, "big")) for number in (numbers.x, numbers.y))
        return {"keys": [
            {"use": "sig", "kty": "EC", "kid": self._name(), "crv": "P-256", "alg": "ES256", "x": x, "y": y}
        ]}

    # ---- who it is -------------------------------------------------------------------------------------

    def _identity(self, claims: dict[str, Any]) -> Identity:
        private = claims[PRIVATE]
        namespace, owner = private["namespace"], private["serviceaccount"]
        self._there("serviceaccounts", namespace, owner)
        extra = [(f"{EXTRA}credential-id", (f"JTI={claims['jti']}",))]
        for kind, resource in BOUND.items():
            reference = private.get(kind)
            if not reference:
                continue
            if reference.get("uid"):
                self._there(resource, "" if kind == "node" else namespace, reference)
            if kind != "secret":
                extra.append((f"{EXTRA}{kind}-name", (reference["name"],)))
            if kind == "pod":
                extra.append((f"{EXTRA}pod-uid", (reference["uid"],)))
        return identity_of(namespace, owner["name"], owner["uid"], tuple(extra))

    def _legacy_identity(self, claims: dict[str, Any], text: str) -> Identity:
        namespace, secret = claims[f"{LEGACY}namespace"], claims[f"{LEGACY}secret.name"]
        name, uid = claims[f"{LEGACY}service-account.name"], claims[f"{LEGACY}service-account.uid"]
        self._there("serviceaccounts", namespace, {"name": name, "uid": uid})
        found = self._store.get("secrets", namespace, secret)
        data = (found or {}).get("data") or {}
        if found is None or base64.b64decode(data.get("token") or "") != text.encode():
            raise InvalidToken("service account token has been invalidated")
        return identity_of(namespace, name, uid)

    def _there(self, resource: str, namespace: str, reference: dict[str, str]) -> None:
        found = self._store.get(resource, namespace, reference["name"])
        meta = found["metadata"] if found else {}
        if meta.get("uid") != reference["uid"]:
            raise InvalidToken("service account token has been invalidated")
        deleted = meta.get("deletionTimestamp")
        if deleted and datetime.fromisoformat(deleted).timestamp() + LEEWAY < self._clock():
            raise InvalidToken("service account token has been invalidated")

    # ---- the signature ---------------------------------------------------------------------------------

    def _claims(self, text: str) -> dict[str, Any]:
        """Of a token that we signed. InvalidToken: it is none."""
        digest = hashlib.sha256(text.encode()).digest()
        found = self._known.get(digest)
        if found is None:
            found = self._read(text)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[digest] = found
        return found

    def _read(self, text: str) -> dict[str, Any]:
        parts = text.split(".")
        try:
            header, claims = (msgspec.json.decode(_bytes(part)) for part in parts[:2])
            signature = _bytes(parts[2])
        except (ValueError, IndexError, msgspec.DecodeError):
            raise InvalidToken("it is no token of a service account") from None
        if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
            raise InvalidToken("it is no token of a service account")
        if header.get("alg") != "ES256" or not self._signed_by_us(f"{parts[0]}.{parts[1]}", signature):
            raise InvalidToken("it is not signed by this platform")
        if claims.get("iss") not in (ISSUER, LEGACY_ISSUER):
            raise InvalidToken("it has another issuer")
        return claims

    def _signed(self, claims: dict[str, Any]) -> str:
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        key = self._load()
        header = {"alg": "ES256", "kid": self._name(), "typ": "JWT"}
        body = ".".join(_text(msgspec.json.encode(part)) for part in (header, claims))
        pair = decode_dss_signature(key.sign(body.encode(), ECDSA(SHA256())))
        return f"{body}.{_text(b''.join(number.to_bytes(CURVE_BYTES, 'big') for number in pair))}"

    def _signed_by_us(self, body: str, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        if len(signature) != 2 * CURVE_BYTES:
            return False
        pair = (signature[:CURVE_BYTES], signature[CURVE_BYTES:])
        written = encode_dss_signature(*(int.from_bytes(half, "big") for half in pair))
        try:
            self._load().public_key().verify(written, body.encode(), ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def _name(self) -> str:
        """The key's name in a token's header: the digest of its public half."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._load().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _text(hashlib.sha256(public).digest())

    def _load(self) -> EllipticCurvePrivateKey:
        if self._key is not None:
            return self._key
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        if not self._path.exists():
            made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(self._path, made)
        found = serialization.load_pem_private_key(self._path.read_bytes(), None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise RuntimeError(f"{self._path} is no EC key: remove it, and control makes a new one")
        self._key = found
        return found


def identity_of(
    namespace: str, name: str, uid: str = "", extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
) -> Identity:
    """Who a service account is to the authoriser."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Identity(account(namespace, name), groups, uid, extra)


def looks_like_one(text: str) -> bool:
    return text.count(".") == 2


def expiry(text: str) -> float:
    """When a token of ours ends, unproven; 0: it cannot be read."""
    try:
        return float(msgspec.json.decode(_bytes(text.split(".")[1]))["exp"])
    except (ValueError, IndexError, KeyError, TypeError, msgspec.DecodeError):
        return 0.0


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """ValueError: it is not base64url as a token has it."""
    try:
        padded = text + "=" * (-len(text) % 4)
        raw = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as problem:
        raise ValueError(str(problem)) from None
    if _text(raw) != text:
        raise ValueError("not in its canonical form")
    return raw

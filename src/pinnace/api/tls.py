"""The certificates that kubectl trusts, and the kubeconfig that says so.

A private CA (ten years) signs a server certificate (one year, renewed when less than two months are left).
Called once when control starts. `cryptography` is heavy, so a child process generates and goes away; a start
that finds everything in place imports nothing of it.
"""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pinnace.home import Home, write_private
from pinnace.node.network import dns

CA_DAYS = 3650
SERVER_DAYS = 365
RENEW_SECONDS = 60 * 86400
NAMES = (
    "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
INSIDE = dns.API
ADDRESSES = ("127.0.0.1", "::1", INSIDE)
_INSIDE = bytes((0x87, 4, *map(int, INSIDE.split("."))))
"""That address among a certificate's names: those of earlier releases lack it."""
_VALIDITY = re.compile(rb"\x30\x1e\x17\x0d\d{12}Z\x17\x0d(\d{12})Z")
"""The validity of a certificate in DER: a sequence of two UTCTimes."""


def context(home: Home) -> ssl.SSLContext:
    """The server's TLS context, its certificates made or renewed first. RuntimeError: they could not be."""
    folder = home.certificates
    if not (_fresh(folder / "ca.crt") and _fresh(folder / "server.crt")):
        _generate(folder)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(folder / "server.crt", folder / "server.key")
    made.set_alpn_protocols(["http/1.1"])
    return made


def write_kubeconfig(home: Home, port: int, token: str) -> Path:
    """Write `home.kubeconfig` (0600) for this port; left alone when it says the same already."""
    authority = base64.b64encode((home.certificates / "ca.crt").read_bytes()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "pinnace",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": authority,
                },
            }
        ],
        "users": [{"name": "pinnace", "user": {"token": token}}],
        "contexts": [
            {"name": "pinnace", "context": {"cluster": "pinnace", "user": "pinnace", "namespace": "default"}}
        ],
        "current-context": "pinnace",
        "preferences": {},
    }
    body = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    if not home.kubeconfig.exists() or home.kubeconfig.read_bytes() != body:
        write_private(home.kubeconfig, body)
    return home.kubeconfig


def _fresh(path: Path, now: float | None = None) -> bool:
    """Whether the certificate and its key exist and it is valid for long enough."""
    if not path.exists() or not path.with_suffix(".key").exists():
        return False
    try:
        certificate = ssl.PEM_cert_to_DER_cert(path.read_text())
        found = _VALIDITY.search(certificate)
    except ValueError:
        return False
    if found is None or (path.name == "server.crt" and _INSIDE not in certificate):
        return False
    end = datetime.strptime(found[1].decode(), "%y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    return end - (time.time() if now is None else now) > RENEW_SECONDS


def _generate(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    done = subprocess.run(
        [sys.executable, "-m", "pinnace.api.tls", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"the certificates in {folder} could not be made: {done.stderr.strip() or done.returncode}; "
            "check that the folder can be written and that `pip install cryptography` works"
        )


def generate(folder: Path) -> None:
    """Make what is missing or near its end. A CA that is still good is kept, so kubeconfigs stay valid."""
    if not _fresh(folder / "ca.crt"):
        _make_authority(folder)
        (folder / "server.crt").unlink(missing_ok=True)
    if not _fresh(folder / "server.crt"):
        _make_server(folder)


def _make_authority(folder: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("pinnace-ca")
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _store(folder, "ca", builder.sign(key, hashes.SHA256()), key)


def _make_server(folder: Path) -> None:
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names += [x509.IPAddress(ip_address(address)) for address in ADDRESSES]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        _builder(_name("pinnace"), authority.subject, key.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
    )
    _store(folder, "server", builder.sign(signer, hashes.SHA256()), key)


def _name(common: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: Any, issuer: Any, key: Any, days: int) -> Any:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _store(folder: Path, name: str, certificate: Any, key: Any) -> None:
    from cryptography.hazmat.primitives import serialization

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(folder / f"{name}.key", private)
    write_private(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def main(arguments: Sequence[str]) -> int:
    generate(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

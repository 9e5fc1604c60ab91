"""A company's network: a package index that wants a password and an image registry, both behind a proxy and
under certificates of its own. Nothing of it has a name outside."""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
import io
import json
import select
import socket
import ssl
import tarfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

INDEX, REGISTRY = "packages.invalid", "images.invalid"
USER = "ci:secret"


class Inside:
    def __init__(self, folder: Path, wheels: Path) -> None:
        self.asked: list[str] = []
        self.tunnels: list[str] = []
        self.blobs = image()
        self.wheels = wheels
        self.authority = folder / "ca.pem"
        certificate(folder)
        self.server = serve(answering(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.proxy = serve(tunnelling(self))
        for each in (self.server, self.proxy):
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def variables(self) -> dict[str, str]:
        """As pip and everybody else are told in such a place."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy.server_port}",
            "PIP_INDEX_URL": f"https://{USER}@{INDEX}/simple",
            "PIP_CERT": str(self.authority),
        }

    def close(self) -> None:
        for each in (self.server, self.proxy):
            each.shutdown()
            each.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        path, host = request.path, request.headers.get("Host", "").partition(":")[0]
        self.asked.append(f"{host}{path}")
        if host == INDEX:
            expected = "Basic " + base64.b64encode(USER.encode()).decode()
            if request.headers.get("Authorization") != expected:
                return 401, b""
            return self._package(path)
        if host == REGISTRY and path.startswith("/v2/team/app/"):
            found = self.blobs.get(path.rpartition("/")[2])
            return (200, found) if found is not None else (404, b"{}")
        return 404, b""

    def _package(self, path: str) -> tuple[int, bytes]:
        wheel = next(self.wheels.glob("*.whl"))
        if path.rstrip("/") == "/simple/tiny":
            return 200, f'<html><body><a href="/files/{wheel.name}">{wheel.name}</a></body></html>'.encode()
        return (200, wheel.read_bytes()) if path == f"/files/{wheel.name}" else (404, b"")


def serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server


def answering(inside: Inside) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            code, body = inside.answer(self)
            self.send_response(code)
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            elif "/simple" in self.path:
                self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None: ...

    return Handler


def tunnelling(inside: Inside) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            inside.tunnels.append(self.path.partition(":")[0])
            with socket.create_connection(("127.0.0.1", inside.server.server_port)) as there:
                self.send_response(200)
                self.end_headers()
                pump(self.connection, there)

        def log_message(self, *_: object) -> None: ...

    return Handler


def pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while True:
            ready, _, _ = select.select([one, other], [], [], 30)
            for each in ready:
                data = each.recv(65536)
                if not data:
                    return
                (other if each is one else one).sendall(data)
            if not ready:
                return


def certificate(folder: Path) -> None:
    """An authority of its own, and what it signed for both names."""
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("inside CA", INDEX)]

    def signed(number: int, *extensions: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder().subject_name(names[number]).issuer_name(names[0])
            .public_key(keys[number].public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - day).not_valid_after(now + day)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(keys[0], hashes.SHA256())

    authority = signed(0, x509.BasicConstraints(True, None))
    server = signed(1, x509.SubjectAlternativeName([x509.DNSName(INDEX), x509.DNSName(REGISTRY)]))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    key = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(server.public_bytes(pem) + key)


def image() -> dict[str, bytes]:
    """Blobs by digest, and the manifest by its tag."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    layer = gzip.compress(packed.getvalue())
    plain = hashlib.sha256(packed.getvalue()).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{plain}"]},
    }).encode()
    kind = "application/vnd.oci.image"

    def described(media: str, body: bytes) -> dict[str, object]:
        return {"mediaType": media, "digest": f"sha256:{hashlib.sha256(body).hexdigest()}", "size": len(body)}

    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json",
        "config": described(f"{kind}.config.v1+json", config),
        "layers": [described(f"{kind}.layer.v1.tar+gzip", layer)],
    }).encode()
    return {f"sha256:{hashlib.sha256(body).hexdigest()}": body for body in (config, layer)} | {"1": manifest}

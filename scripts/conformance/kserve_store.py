"""A store for documents whose buckets cannot be reached: `kserve_store.py FOLDER PORT`, inside a pod.

Reads only. Folders are buckets. Speaks as much of Google's JSON API and of Amazon's S3 as their clients need
to list and to get.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
WHEN = "2026-01-01T00:00:00.000Z"


def objects(bucket: str, prefix: str) -> list[tuple[str, int]]:
    folder = ROOT / bucket
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    named = [(str(path.relative_to(folder)), path.stat().st_size) for path in files]
    return [(name, size) for name, size in named if name.startswith(prefix)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        words = parts.path.split("/")[1:]
        if words[:3] == ["storage", "v1", "b"] and words[-1] == "o":
            self.google(words[3], query.get("prefix", ""))
        elif words[:4] == ["download", "storage", "v1", "b"]:
            self.content(words[4], unquote(words[6]))
        elif len(words) == 1 or words[1] == "":
            self.amazon(words[0], query.get("prefix", ""))
        else:
            self.content(words[0], unquote("/".join(words[1:])))

    do_HEAD = do_GET

    def google(self, bucket: str, prefix: str) -> None:
        found = objects(bucket, prefix)
        items = [{"name": name, "bucket": bucket, "size": str(size)} for name, size in found]
        self.said(json.dumps({"kind": "storage#objects", "items": items}).encode(), "application/json")

    def amazon(self, bucket: str, prefix: str) -> None:
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size><LastModified>{WHEN}</LastModified>"
            f"<ETag>&quot;{size}&quot;</ETag><StorageClass>STANDARD</StorageClass></Contents>"
            for name, size in objects(bucket, prefix)
        )
        text = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
            f"{found}</ListBucketResult>"
        )
        self.said(text.encode(), "application/xml")

    def content(self, bucket: str, name: str) -> None:
        path = (ROOT / bucket / name).resolve()
        if not path.is_relative_to(ROOT.resolve()) or not path.is_file():
            self.said(b"<Error><Code>NoSuchKey</Code></Error>", "application/xml", 404)
            return
        self.said(path.read_bytes(), "application/octet-stream")

    def said(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(body)}"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Handler).serve_forever()

"""What the shop's services share: JSON over HTTP, and asking each other by name."""

import json
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def ask(host, body=None, **headers):
    """A GET, or a POST of `body`; the document that is answered."""
    service = HTTPConnection(host, timeout=5)
    service.request("GET" if body is None else "POST", "/", body and json.dumps(body), headers)
    answer = service.getresponse()
    document = json.load(answer)
    if answer.status != 200:
        raise OSError(f"{host}: {answer.status} {document}")
    return document


def serve(get, post=None):
    """`get(path)` and `post(body, headers)` answer with a document; a PermissionError is a 403."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(lambda: get(self.path))

        def do_POST(self):
            size = int(self.headers.get("Content-Length", 0))
            self.answer(lambda: post(json.loads(self.rfile.read(size)), self.headers))

        def answer(self, work):
            try:
                code, document = 200, work()
            except PermissionError as error:
                code, document = 403, {"error": str(error)}
            except Exception as error:
                code, document = 503, {"error": repr(error)}
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(document).encode() + b"\n")

    ThreadingHTTPServer(("", 8080), Handler).serve_forever()

"""Prints each CloudEvent that comes: type, id, service, content."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Events(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = [self.headers[name] for name in ("ce-type", "ce-id", "ce-inferenceservicename")]
        print(*told, body, flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


ThreadingHTTPServer(("", 8080), Events).serve_forever()

"""Stands for Apache's httpd as its image starts it: the files of htdocs on port 80, `It works!` where nobody
has put any. It reads no configuration of Apache's, and refuses to start where it finds one."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from .nginx_answers import Answers
from .nginx_conf import parse
from .nginx_site import site
from .server import Request, Response
from .serving import serve

PREFIX = Path("/usr/local/apache2")
WORKS = b"<html><body><h1>It works!</h1></body></html>\n"
FILES = f"""
http {{ server {{ location / {{ root {PREFIX}/htdocs; index index.html; autoindex on; }} }} }}
"""
REFUSED = (
    "httpd: {}: this stand-in reads no configuration; run the image itself: `docker save` it to an archive "
    "and name that in environments.yaml (docs/environments.md)"
)


async def handle(answers: Answers, request: Request) -> Response:
    if request.path == "/" and not (PREFIX / "htdocs").is_dir():
        return Response(WORKS, 200, "text/html")
    found, _ = await answers.answer(request, 80, False)
    print(f'{request.peer.rpartition(":")[0]} "{request.method} {request.target}" {found.status}', flush=True)
    return found


def main() -> int:
    if "-v" in sys.argv[1:]:
        print("Server version: a stand-in of Pinnace's")
        return 0
    if os.path.isdir(PREFIX / "conf") and any((PREFIX / "conf").iterdir()):
        print(REFUSED.format(PREFIX / "conf"), file=sys.stderr)
        return 1
    return serve({80: partial(handle, Answers(site(parse(FILES, "files", PREFIX))))})


if __name__ == "__main__":
    sys.exit(main())

"""The application behind the web servers: `python3 app.py PORT LOG [ADDRESS]`.

/  /item/N         answer at once
/sleep?ms=M        think, then answer
/drip?n=N&ms=M     N pieces of the body, M ms apart
/status?code=C     that status
/big?kb=K          that many KiB
/echo              reads the body of a POST
"""
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lock = threading.Lock()
    log = None

    def answer(self):
        begun = time.monotonic()
        url = urlsplit(self.path)
        q = {k: int(v[0]) for k, v in parse_qs(url.query).items() if v[0].isdigit()}
        body = f"<html><body>{url.path}</body></html>\n".encode()
        status = q.get("code", 200) if url.path == "/status" else 200
        if self.command == "POST":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.endswith("/sleep"):
            time.sleep(q.get("ms", 500) / 1000)
            body = b"slept well\n"
        elif url.path.endswith("/big"):
            body = b"0123456789abcdef" * 64 * q.get("kb", 64)
        if url.path.endswith("/drip"):
            size = self.drip(q.get("n", 8), q.get("ms", 150))
        else:
            size = len(body)
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(size))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        self.note(status, size, (time.monotonic() - begun) * 1000)

    def drip(self, pieces, ms):
        piece = b"drop " * 40
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(pieces * len(piece)))
        self.end_headers()
        for _ in range(pieces):
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(ms / 1000)
        return pieces * len(piece)

    def note(self, status, size, ms):
        now = time.time()
        line = json.dumps({
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z", "level": "info", "msg": "request",
            "method": self.command, "path": self.path, "status": status, "bytes": size, "duration_ms": round(ms, 3),
            "client": self.headers.get("X-Real-IP") or "", "request_id": self.headers.get("X-Request-ID") or ""}, separators=(",", ":"))
        with self.lock:
            self.log.write(line + "\n")
            self.log.flush()

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # the proxy went away


if __name__ == "__main__":
    Handler.log = open(sys.argv[2], "a", encoding="utf8")
    Server((sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

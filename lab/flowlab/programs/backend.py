"""Application servers that queue, think or hang up: `python3 backend.py PORT LOG ADDRESS JSON`.

JSON, each key for itself:
"workers": N        N workers, each of which takes one connection and answers one request on it
"idle": S       closes a connection whose next request comes later than S s after its last answer, as it is read
"think": MS         thinks so long before every answer
"pool": N, "database": "IP:PORT"  what lies below /report asks the database first, over one of N connections; 0 = a new one each time

`python3 backend.py database PORT` is such a database: a line with a number is answered as many ms later.
"""
import json
import os
import queue
import select
import socket
import socketserver
import sys
import threading
import time
from http.server import HTTPServer

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import app  # noqa: E402


class Handler(app.Handler):
    config, pool = {}, None

    def handle_one_request(self):
        if self.config.get("idle") and getattr(self, "answered", False):
            since = time.monotonic()
            select.select([self.connection], [], [])
            if time.monotonic() - since > self.config["idle"]:
                self.close_connection = True  # with what came unread: FIN, then RST
                return
        super().handle_one_request()
        self.answered = True

    def answer(self):
        self.begun, self.waited = time.monotonic(), 0.0
        time.sleep(self.config.get("think", 0) / 1000)
        if self.path.startswith("/report"):
            self.ask_database()
        super().answer()

    do_GET = do_POST = answer

    def ask_database(self):
        to, free = self.config["database"].rsplit(":", 1), self.pool
        db = free.get() if free else socket.create_connection((to[0], int(to[1])))
        self.waited = time.monotonic() - self.begun
        db.sendall(b"%d\n" % self.config.get("query", 5))
        while not db.recv(64).endswith(b"\n"):
            pass
        if free:
            free.put(db)
        else:
            db.close()

    def note(self, status, size, ms):
        super().note(status, size, (time.monotonic() - self.begun) * 1000)


class Workers(HTTPServer):
    """Takes a connection when a worker is free; the others wait in the kernel's queue."""
    request_queue_size = 128

    def serve(self, count):
        for _ in range(count):
            threading.Thread(target=self.work).start()

    def work(self):
        while True:
            try:
                conn, peer = self.get_request()
                self.RequestHandlerClass(conn, peer, self)
                self.shutdown_request(conn)
            except OSError:
                pass  # the client went away


class Query(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            time.sleep(int(line) / 1000)
            self.wfile.write(b"done\n")


class Database(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


def main(port, log, address, config):
    Handler.log, Handler.config = open(log, "a", encoding="utf8"), config
    if config.get("pool"):
        to = config["database"].rsplit(":", 1)
        Handler.pool = queue.Queue()
        for _ in range(config["pool"]):
            Handler.pool.put(socket.create_connection((to[0], int(to[1]))))
    if config.get("workers"):
        Handler.protocol_version = "HTTP/1.0"
        Workers((address, port), Handler).serve(config["workers"])
    else:
        app.Server((address, port), Handler).serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "database":
        Database(("", int(sys.argv[2])), Query).serve_forever()
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))

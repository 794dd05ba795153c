"""Waits that a web server's own log does not show, or shows wrongly."""
import os
import signal
import sys
import threading

from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story
from .accept_queue import workers

# A client that sends a body nobody reads and keeps its connection open.
STAYS = """
import socket, ssl, sys, time
host, path, stay = sys.argv[1], sys.argv[2], float(sys.argv[3])
s = socket.create_connection((host, 443))
t = ssl.create_default_context(cafile=sys.argv[4]).wrap_socket(s, server_hostname=host)
t.sendall(f"POST {path} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Length: 65536\\r\\n\\r\\n".encode() + b"x" * 2048)
begun = time.monotonic()
print(t.recv(4096).split(b"\\r\\n")[0].decode(), f"after {time.monotonic() - begun:.3f} s")
time.sleep(stay)
"""


def waiting(lab):
    s = web(lab, form="timed", offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 443 or tcp port 80")
    for i in range(4):
        curl(s.c1, "-4", "--http1.1", f"http://{s.name}/item/{i}", label="before")
    for i in range(3):
        stalled = lab.draw(0.6, 1.6)
        for pid in workers(s):
            os.kill(pid, signal.SIGSTOP)
        t = threading.Thread(target=curl, args=(s.c1, "-4", "--http1.1", f"http://{s.name}/item/w{i}"), kwargs={"label": "while the worker stands still"})
        t.start()
        lab.pause(stalled)
        for pid in workers(s):
            os.kill(pid, signal.SIGCONT)
        t.join()
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="after")
    lab.fault("the worker stands still now and then; its log counts from when it reads")
    lab.diagnosis("queue_before_app", server=f"{s.web.ip}:80")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "http.request", 7, 7)


def full(lab):
    s = web(lab, form="timed", level="warn", offset=lab.ahead(0.2, 2))
    conf = s.web.path("nginx.conf")
    with open(conf, encoding="utf8") as f:
        text = f.read()
    room = lab.random.randint(9, 14)
    s.web.write("nginx.conf", text.replace("worker_connections 512", f"worker_connections {room}"))
    s.nginx.send_signal(signal.SIGHUP)
    lab.pause(1)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="before")
    several = [threading.Thread(target=curl, args=(s.c1, "-4", "--http1.1", f"{s.url}/sleep?ms=1500"), kwargs={"label": "at once with others"}) for _ in range(room)]
    for t in several:
        t.start()
        lab.pause(0.05)
    for t in several:
        t.join()
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="after")
    lab.fault("more connections than worker_connections", room=room)
    lab.diagnosis("server_limit", server=s.web.ip)
    lab.diagnosis("slow_application", text="those that were served take 1.5 s")
    lab.clocks_differ(s.web)
    with open(s.web.path("error.log"), encoding="utf8") as f:
        lab.hold("nginx said that worker_connections are not enough", "worker_connections are not enough" in f.read())


def lingering(lab):
    s = web(lab, form="timed", offset=lab.ahead(0.2, 2), site="location /discard { return 200 \"thanks\\n\"; }", http="lingering_close always;")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    ca = os.path.join(os.path.dirname(s.web.dir), "pki", "ca.crt")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="plain")
        text = s.c1.run(sys.executable, "-c", STAYS, s.name, f"/discard/{i}", str(lab.draw(6.5, 8)), ca)
        lab.client_text(s.c1, "posts.txt", text[1] + text[2], append=True)
    lab.fault("a body that nobody reads: nginx answers at once and lingers 5 s; its log counts them")
    lab.diagnosis("lingering_close", server=s.web.ip)
    lab.clocks_differ(s.web)
    lab.hold("the answers came at once", "200 OK after 0." in lab.texts.get((s.c1.name, "posts.txt"), ""))


def streams(lab):
    lab.path.set(lab.way(55, 90), jitter=0.3)
    s = web(lab, form="timed", offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    keys = s.c1.path("keys.txt")
    curl(s.c1, "-4", "--http2", s.url + "/item/0", label="nothing lost", env={"SSLKEYLOGFILE": keys})
    for n in range(2):
        lab.path.rule("segment", "drop", dir="ba", sport=443, longer=1000, nth=lab.random.randint(12, 30), proto="tcp")
        curl(s.c1, "-4", "--http2", "--parallel", *[f"{s.url}/big?kb={lab.random.randint(60, 90)}" for _ in range(4)],
             label="four at once, one segment lost", env={"SSLKEYLOGFILE": keys})
        lab.path.clear("segment")
    with open(keys, encoding="ascii") as f:
        lab.client_text(s.c1, "sslkeys.txt", f.read())
    lab.fault("one segment of a connection with four streams is lost", where="between router and server")
    lab.diagnosis("http2_head_of_line", server=s.web.ip)
    lab.diagnosis("packet_loss", where="between router and server")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "tcp.analysis.retransmission and tcp.srcport == 443", 1)


STORIES = [
    Story("queue-before-app", "web", "requests that wait before the server begins to count",
          "nginx's worker stands still now and then; what waited meanwhile is logged as quick.", WEB_NEEDS, waiting,
          spanish="peticiones que esperan antes de que el servidor empiece a contar"),
    Story("server-limit", "web", "no connections left: worker_connections",
          "More clients at once than nginx has connections for; its error log says so.", WEB_NEEDS, full,
          spanish="sin conexiones libres: worker_connections"),
    Story("lingering-close", "web", "a log that counts five seconds nobody waited",
          "nginx answers a request whose body it does not read and keeps reading for lingering_timeout, which its log counts.", WEB_NEEDS, lingering,
          spanish="un registro que cuenta cinco segundos que nadie esperó"),
    Story("http2-loss", "web", "one lost segment stops four streams of HTTP/2",
          "Four answers share a connection; one lost segment holds all of them up. The keys are there.", WEB_NEEDS, streams,
          spanish="un segmento perdido para cuatro flujos de HTTP/2"),
]

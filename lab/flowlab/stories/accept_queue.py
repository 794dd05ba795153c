import os
import signal
import threading

from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def workers(s):
    """the nginx workers: children of the master"""
    with open(f"/proc/{s.nginx.pid}/task/{s.nginx.pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def sockets(lab, s, when):
    text = f"$ ss -lnt\n{s.web.run('ss', '-lnt')[1]}$ nstat -az\n" + "".join(
        x + "\n" for x in s.web.run("nstat", "-az")[1].splitlines() if x.startswith("#") or "Listen" in x or "TCPReqQ" in x)
    lab.client_text(s.web, f"sockets_{when}.txt", text)


def play(lab):
    s = web(lab, form="timed", listen="backlog=2", offset=lab.ahead(0.1, 1.5))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="before")
    stalled = lab.draw(4, 6)
    for pid in workers(s):
        os.kill(pid, signal.SIGSTOP)
    several = [threading.Thread(target=curl, args=(s.c1, "-4", "--http1.1", "-m", "20", f"{s.url}/item/q{i}"), kwargs={"label": "while nobody accepts"}) for i in range(8)]
    for t in several:
        t.start()
        lab.pause(0.15)
    lab.pause(stalled / 2)
    sockets(lab, s, "during")
    lab.pause(stalled / 2)
    for pid in workers(s):
        os.kill(pid, signal.SIGCONT)
    for t in several:
        t.join()
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="after")
    sockets(lab, s, "after")
    lab.fault("the worker does not accept; backlog 2", seconds=stalled)
    lab.diagnosis("accept_queue_overflow", server=f"{s.web.ip}:443")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0 and tcp.analysis.retransmission", 2)


STORY = Story("accept-queue", "web", "a full accept queue: the kernel takes three connections, the application none",
              "nginx does not accept for some seconds; its queue of two fills and further SYNs are ignored.", WEB_NEEDS, play,
              spanish="una cola de aceptación llena: el núcleo acepta tres conexiones, la aplicación ninguna")

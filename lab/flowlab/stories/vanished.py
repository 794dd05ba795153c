"""A host that goes away in the middle of what it does, without a word."""
import threading

from ..programs.clients import curl, together
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    lab.path.set(lab.way(2, 8), mbit=4, queue=100)
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2))
    lab.capture(s.web, "server.pcap", "tcp port 443 or tcp port 80")
    lab.capture(s.clients[1], "client2.pcap", "port 53 or port 443")
    for c in s.clients:
        curl(c, "-4", "--http1.1", f"{s.url}/item/1", label="both are there")
    gone = threading.Timer(lab.draw(1, 2), lambda: s.c1.must("ip", "link", "set", "eth0", "down"))
    gone.start()

    def other():
        for i in range(6):
            curl(s.clients[1], "-4", "--http1.1", f"{s.url}/item/{i}", label="the other client goes on")
            lab.pause(2)
    together(lambda: curl(s.c1, "-4", "--http1.1", "-m", "14", f"http://{s.name}/big?kb=4000", label="its link goes down"), other)
    lab.pause(6)
    lab.fault("the client's link goes down in the middle of a download", host="c1")
    lab.diagnosis("fell_silent", client=s.c1.ip)
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", f"tcp.analysis.retransmission && ip.dst == {s.c1.ip}", 3)


STORY = Story("vanished", "web", "a client whose link goes down in the middle of a download",
              "The server sends again and again, and nothing comes back on any connection; another client goes on.", WEB_NEEDS, play,
              spanish="un cliente cuyo enlace cae en medio de una descarga")

from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    s = web(lab, client_offsets=[lab.ahead(0.2, 1)], offset=lab.ahead(2, 6), drift=lab.draw(-90, 90))
    there, more = lab.way(3, 6), lab.draw(11, 20)
    lab.path.set(there, back=there + more, jitter=0.5)
    lab.capture(s.c1, "point_a_client.pcap", "port 53 or port 443")
    lab.capture(lab.rt, "point_m_router.pcap", "port 443", device="wan", snaplen=128, form="pcapng")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/first", label="before the capture at the server began")
    lab.capture(s.web, "point_b_server.pcap", "port 443", nanoseconds=True)
    lab.path.rule("loss", "drop", proto="tcp", port=443, data=1, prob=0.012)
    lab.path.rule("once", "drop", proto="tcp", dir="ba", sport=443, longer=1000, nth=lab.random.randint(30, 300))  # chance alone may lose none
    for i in range(12):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", s.url + "/big?kb=40", label="page and download", trace=i % 4 == 0)
        lab.pause(0.3)
    lab.fault("delay there and back differ, 1.2 % loss of data segments", where="between router and server")
    lab.diagnosis("clock_offset_between_captures", a="c1", b="web")
    lab.diagnosis("packet_loss", where="between router and server")
    lab.clocks_differ(s.c1, s.web, s.dns)
    lab.claim("point_b_server.pcap", "tcp.analysis.retransmission", 1)


# The router itself loses segments with data between its two sides: those of the server behind the capture on its wan
# side, those of the clients before it. Both are counted.
SIEVE = """table inet sieve {
 counter fromserver { }
 counter fromclient { }
 chain f { type filter hook forward priority 0;
  tcp sport 443 meta length > 200 numgen random mod 1000 < %d counter name fromserver drop
  tcp dport 443 meta length > 100 numgen random mod 1000 < %d counter name fromclient drop
 }
}
"""


def dropped(lab, name):
    """How many packets the router dropped, by the name of its counter."""
    _, out, _ = lab.rt.run("nft", "list", "counter", "inet", "sieve", name)
    return int(out.split("packets", 1)[1].split()[0])


def places(lab):
    s = web(lab, client_offsets=[lab.ahead(0.2, 1)], offset=lab.ahead(2, 6))
    lab.path.set(lab.way(4, 9), jitter=0.3)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443", snaplen=200)
    lab.capture(lab.rt, "router.pcap", "port 443", device="wan", snaplen=200)
    lab.capture(s.web, "server.pcap", "port 443", snaplen=200)
    lab.rt.must("nft", "-f", lab.rt.write("sieve.nft", SIEVE % (30, 60)))
    lab.path.rule("loss", "drop", proto="tcp", port=443, data=1, prob=0.02)
    for i in range(6):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", s.url + "/big?kb=40", label="page and download")
        lab.pause(0.2)
    lab.fault("the router loses segments with data", where="between client and router", of_server=dropped(lab, "fromserver"), of_client=dropped(lab, "fromclient"))
    lab.fault("2 % loss of data segments", where="between router and server")
    lab.diagnosis("packet_loss", where="between client and router, and between router and server")
    lab.clocks_differ(s.c1, s.web)
    lab.hold("the router lost segments of the server", dropped(lab, "fromserver") > 1)
    lab.claim("server.pcap", "tcp.analysis.retransmission", 1)


STORY = Story("two-points", "web", "three capture points whose clocks are seconds apart, an asymmetric lossy path",
              "Client, router and server captured at once; delay there and back differ, some segments are lost.", WEB_NEEDS + ["editcap"], play,
              spanish="tres puntos de captura cuyos relojes difieren en segundos, un camino asimétrico con pérdidas")
PLACES = Story("two-places", "web", "segments lost on both sides of a router",
               "Some segments are lost between client and router, some between router and server; three captures tell which.", WEB_NEEDS + ["nft"], places,
               spanish="segmentos perdidos a ambos lados de un router")

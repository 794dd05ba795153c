from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story

# what is lost of one connection each: rule fields, path of the request
PATTERNS = [
    ("syn-lost", dict(dir="ab", kind="syn", dport=443, nth=1), "/item/1"),
    ("syn-lost-twice", dict(dir="ab", kind="syn", dport=443, nth="1-2"), "/item/2"),
    ("synack-lost", dict(dir="ba", kind="synack", sport=443, nth=1), "/item/3"),
    ("last-ack-lost", dict(dir="ab", kind="ack", dport=443, nth=1), "/item/8"),
    ("clienthello-lost", dict(dir="ab", dport=443, data=1, nth=1, proto="tcp"), "/item/4"),
    ("serverhello-lost", dict(dir="ba", sport=443, data=1, nth=1, proto="tcp"), "/item/5"),
    ("request-lost", dict(dir="ab", dport=443, data=1, nth=3, proto="tcp"), "/item/6"),
    ("one-segment-lost", dict(dir="ba", sport=443, longer=1400, nth=25, proto="tcp"), "/big?kb=200"),
    ("burst-lost", dict(dir="ba", sport=443, longer=1400, nth="30-38", proto="tcp"), "/big?kb=200"),
    ("answer-lost", dict(dir="ba", sport=443, data=1, nth=4, proto="tcp"), "/item/7"),
    ("random-loss", dict(port=443, proto="tcp", nth="6-9999", prob=0.04), "/big?kb=300"),
    ("acks-lost", dict(dir="ab", kind="ack", dport=443, nth="8-9999", prob=0.3), "/big?kb=200"),
]


def play(lab):
    s = web(lab, form="timed", offset=lab.ahead(0.1, 0.6))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    lab.capture(lab.rt, "router.pcap", "tcp port 443", device="wan", snaplen=128, form="pcapng")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/0", label="nothing lost")
    patterns = PATTERNS[:]
    lab.random.shuffle(patterns)
    for name, fields, path in patterns:
        lab.path.rule(name, "drop", **fields)
        curl(s.c1, "-4", "--http1.1", s.url + path, label=name)
        lab.path.clear(name)
    lab.path.rule("late", "delay:12", dir="ba", sport=443, longer=1400, every=9, proto="tcp")
    curl(s.c1, "-4", "--http1.1", s.url + "/big?kb=100", label="reordered")
    lab.path.clear("late")
    lab.path.rule("twice", "duplicate", dir="ba", sport=443, data=1, every=5, proto="tcp")
    curl(s.c1, "-4", "--http1.1", s.url + "/big?kb=100", label="duplicated")
    lab.path.clear("twice")
    lab.path.rule("very-late", "delay:400", dir="ba", sport=443, longer=1400, nth=6, proto="tcp")
    curl(s.c1, "-4", "--http1.1", s.url + "/big?kb=10", label="one segment 400 ms late")
    lab.path.clear()
    for name, _, _ in patterns:
        lab.fault(name.replace("-", " "), where="between router and server")
    lab.diagnosis("packet_loss", where="between router and server")
    lab.diagnosis("handshake_retransmission")
    lab.diagnosis("response_retransmission")
    lab.diagnosis("reordering_not_loss", text="every ninth segment 12 ms late")
    lab.diagnosis("duplicates_not_retransmissions", text="every fifth packet twice, with the same IP ID")
    lab.diagnosis("spurious_retransmission", text="one segment is 400 ms late: its repetition arrives first")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0 and tcp.analysis.retransmission", 3)
    lab.claim("server.pcap", "tcp.analysis.retransmission and tcp.srcport == 443", 3)


STORY = Story("tcp-loss", "web", "one loss pattern a request, seen at three points",
              "Each request loses something else: SYN, SYN-ACK, ACK, ClientHello, certificate, request, one segment, a burst; others are only reordered, duplicated or late.", WEB_NEEDS + ["editcap"], play,
              spanish="un patrón de pérdida por petición, visto desde tres puntos")

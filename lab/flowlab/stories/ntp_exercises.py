"""The chapter's exercises about NTP."""
from ..programs import chrony, ntp
from ..programs.clients import curl
from ..site import web
from ..story import Story

NEEDS = ["chronyd"]


def series(lab):
    server = lab.server("ntp", "chronyd")
    c1 = lab.client("c1", offset=lab.ahead(0.1, 0.9), drift=lab.draw(-60, 60))
    chrony.server(server)
    lab.capture(c1, "client.pcap", "udp port 123")
    lab.capture(server, "server.pcap", "udp port 123")
    chrony.observer(c1, server.ip)
    lab.path.rule("some-lost", "drop", proto="udp", port=123, prob=0.12, dir=lab.random.choice(["ab", "ba"]))
    lab.pause(15)
    lab.path.set(lab.one_way, jitter=lab.one_way * 0.8)  # a restless minute
    lab.pause(12)
    lab.path.set(lab.one_way, jitter=lab.one_way * 0.05)
    lab.pause(15)
    chrony.chronyc(c1, "tracking", "sources", "sourcestats")
    lab.ntp.append({"client": "c1", "server": "ntp", "client_program": "chronyd (its transmit stamps are random)"})
    lab.fault("12 % of the packets lost one way; delay restless in the middle")
    lost = len(lab.path.events())
    if lost >= 4:  # fewer among so many are no finding
        lab.diagnosis("ntp_unanswered", client=c1.ip, text=f"{lost} single losses beside many answers; the offset follows the drift")
    lab.clocks_differ(c1)
    lab.claim("client.pcap", "ntp.flags.mode == 3", 25)


def two_servers(lab):
    a = lab.server("ntp-a", "chronyd, right")
    wrong = lab.ahead(0.15, 0.6)
    b = lab.server("ntp-b", "chronyd with a clock of its own", offset=wrong)
    c1 = lab.client("c1", offset=lab.ahead(0.05, 0.3))
    chrony.server(a)
    chrony.server(b)
    lab.capture(c1, "client.pcap", "udp port 123")
    chrony.observer(c1, a.ip, b.ip)
    lab.pause(20)
    for s in (a, b):
        ntp.sntp(c1, s.ip, 4, 0.5)
    chrony.chronyc(c1, "sources", "sourcestats", "tracking")
    lab.fault("server ntp-b is off", offset_s=wrong)
    lab.diagnosis("ntp_unsynchronized", server=b.ip, text="the two servers do not agree, and nothing tells which is right")
    lab.claim("client.pcap", f"ntp.flags.mode == 4 and ip.src == {b.ip}", 10)


def both_sides(lab):
    s = web(lab, form="timed", client_offsets=[lab.ahead(0.1, 0.8)], offset=lab.ahead(0.5, 4), drift=lab.draw(-50, 50))
    time = lab.server("ntp", "chronyd")
    chrony.server(time)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or udp port 123")
    lab.capture(s.web, "server.pcap", "port 443 or udp port 123")
    for i in range(8):
        ntp.sntp(s.c1, time.ip)
        ntp.sntp(s.web, time.ip)
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="an event on both sides")
        lab.pause(0.5)
    lab.diagnosis("healthy", text="the events agree once both clocks are corrected")
    lab.clocks_differ(s.c1, s.web)
    lab.claim("client.pcap", "ntp", 16)
    lab.claim("server.pcap", "ntp", 16)


STORIES = [
    Story("ntp-a", "ntp", "exercise A: offset and delay over time, jitter and loss", "chronyd measures through losses and a restless path.", NEEDS, series,
          spanish="ejercicio A: desfase y retardo en el tiempo, fluctuación y pérdida"),
    Story("ntp-b", "ntp", "exercise B: one server beside another", "Two servers that do not agree.", NEEDS, two_servers,
          spanish="ejercicio B: un servidor junto a otro"),
    Story("ntp-c", "ntp", "exercise C: the same event on client and server", "Requests seen by two clocks, both measured against a third.",
          NEEDS + ["nginx", "unbound", "curl"], both_sides,
          spanish="ejercicio C: el mismo suceso en cliente y servidor"),
]

"""Clocks and servers of time that are ill."""
from ..programs import chrony, ntp
from ..programs.clients import curl
from ..site import web
from ..story import Story

NEEDS = ["chronyd", "nginx", "unbound", "curl"]
SLEW = 0.0833  # seconds of error that chronyd takes away in a second, at most


def servers(lab):
    s = web(lab, clients=3, client_offsets=[lab.ahead(0.05, 0.4), lab.ahead(0.2, 1), lab.ahead(0.5, 2)], offset=lab.ahead(0.8, 3), drift=lab.draw(-60, 60))
    good, kod, bad = (lab.server(n, "server of time") for n in ("ntp", "ntp-kod", "ntp-bad"))
    chrony.server(good)
    ntp.server(kod, "kod")
    ntp.server(bad, "unsynchronised")
    c1, c2, c3 = s.clients
    lab.path.rule("no-answer", "drop", dir="ba", proto="udp", sport=123, dst=c3.ip)
    for h, f in ((c1, "c1.pcap"), (c2, "c2.pcap"), (c3, "c3.pcap"), (s.web, "web.pcap")):
        lab.capture(h, f, "port 53 or port 443 or udp port 123")
    chrony.observer(s.web, good.ip)
    for i in range(10):
        ntp.sntp(c2, good.ip)
        if i % 3 == 0:
            ntp.sntp(c3, good.ip)
            ntp.sntp(c2, kod.ip)
            ntp.sntp(c2, bad.ip)
        curl(s.clients[i % 3], "-4", "--http1.1", f"{s.url}/item/{i}", label="a probe", trace=False)
        lab.pause(0.5)
    stepped = None
    if lab.random.random() < 0.5:
        stepped = lab.step(s.web, lab.ahead(1, 2))
    for i in range(10, 20):
        curl(s.clients[i % 3], "-4", "--http1.1", f"{s.url}/item/{i}", label="a probe", trace=False)
        lab.pause(0.5)
    chrony.chronyc(s.web, "tracking", "sources")
    if stepped:
        lab.diagnosis("clock_step", host="web", at_true=stepped)
    lab.diagnosis("ntp_unanswered", client=c3.ip, server=good.ip)
    lab.diagnosis("ntp_kod", server=kod.ip)
    lab.diagnosis("ntp_unsynchronized", server=bad.ip, stratum=16)
    lab.clocks_differ(s.web, c1, c2, c3, s.dns)
    lab.claim("c3.pcap", "ntp.flags.mode == 4", 0, 0)
    lab.claim("c2.pcap", "ntp.stratum == 16", 1)


def disciplined(lab):
    s = web(lab, form="timed", offset=lab.ahead(0.2, 0.9), drift=lab.draw(-80, 80))
    time = lab.server("ntp", "server of time")
    chrony.server(time)
    before = s.web.clock.freeze()
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "port 443 or udp port 123")

    def probes(n, label):
        for i in range(n):
            curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{label}{i}", label=label, trace=False)
            lab.pause(0.35)
    probes(8, "free")
    makestep = lab.random.choice([None, "0.1 3"])
    chrony.discipline(s.web, time.ip, makestep=makestep)
    probes(25, "steered")
    now = lab.now_ns()
    there, first = time.clock.freeze().offset(now) / 1e9, before.offset(now) / 1e9
    lab.pause(max(6, abs(first - there) / SLEW - 10))  # it has been at it for some ten seconds
    probes(8, "settled")
    chrony.chronyc(s.web, "tracking", "sources")
    last = s.web.clock.freeze().offset(lab.now_ns()) / 1e9
    lab.hold(f"chronyd moved the clock to the server's {there:+.4f} s: {first:+.4f} s without it, {last:+.4f} s with it",
             abs(last - there) < 0.1 * abs(first - there) + 0.01)
    lab.fault("chronyd takes the clock of the web server in hand", makestep=makestep)
    lab.diagnosis("clock_step" if makestep else "clock_slew", host="web")
    lab.clocks_differ(s.web, s.dns)
    lab.claim("server.pcap", "ntp.flags.mode == 4", 10)


STORIES = [
    Story("ntp-servers", "ntp", "no answer, kiss-o'-death, stratum 16, and four clocks that are off",
          "Clients that are not answered, told to go away, or offered an unsynchronised clock.", NEEDS, servers,
          spanish="sin respuesta, beso de la muerte (kiss-o'-death), estrato 16, y cuatro relojes desviados"),
    Story("ntp-disciplined", "ntp", "chronyd takes a wrong clock in hand while it serves",
          "A web server's clock is off; chronyd really steers it (slewing or stepping) while requests go on.", NEEDS, disciplined,
          spanish="chronyd corrige un reloj equivocado mientras sirve"),
]

"""Clocks that drift, that nobody sets, and logs in local time."""
from ..programs import chrony, resolver
from ..programs.clients import curl, dig, ssh
from ..site import SSH_NEEDS, WEB_NEEDS, ssh as ssh_site, web
from ..story import Story


def drifts(lab):
    lab.path.set(lab.way(3, 8), jitter=0.1)
    drift = lab.draw(500, 1200, 0) * lab.random.choice([1, -1])
    s = web(lab, form="exact", offset=lab.ahead(0.2, 2), drift=drift)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(30):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a probe", trace=False)
        lab.pause(2)
    lab.fault("the clock of the web server runs at another rate", ppm=drift)
    lab.diagnosis("clock_drift", host="web", drift_ppm=drift)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", "tls.handshake.type == 1", 30, 30)


def local_time(lab):
    s = web(lab, kind=resolver.bind, dns_offset=lab.ahead(0.05, 0.5))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    for i in range(8):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a page", trace=False)
        dig(s.c1, f"@{s.dns.ip}", s.name, "A", label="a question")
        lab.pause(0.4)
    lab.fault("the resolver's log is in local time and states no zone", zone=s.dns.tz)
    if s.dns.tz != "UTC":
        lab.diagnosis("clock_zone", host="dns", zone=s.dns.tz)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", "dns.flags.response == 1", 16)


def not_applied(lab):
    s = web(lab, client_offsets=[lab.ahead(0.4, 4)], offset=0.0)
    time = lab.server("ntp", "server of time")
    chrony.server(time)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or udp port 123")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    chrony.observer(s.c1, time.ip)
    for i in range(12):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a page", trace=False)
        lab.pause(1)
    chrony.chronyc(s.c1, "tracking", "sources")
    lab.fault("the client's chronyd may not set the clock (-x)", offset_s=s.c1.clock.pieces()[0][1] / 1e9)
    lab.diagnosis("clock_not_applied", client=s.c1.ip)
    lab.clocks_differ(s.c1, s.dns)
    lab.claim("client.pcap", "ntp.flags.mode == 4", 5)


def printed(lab):
    """Nothing but what curl printed tells that the client's clock is off."""
    s = web(lab, client_offsets=[lab.ahead(0.6, 40)], offset=0.0)
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(24):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a page")
        lab.pause(lab.draw(0.1, 1.1))
    lab.fault("the client's clock is off", host="c1", offset_s=s.c1.clock.pieces()[0][1] / 1e9)
    lab.clocks_differ(s.c1)
    lab.claim("server.pcap", "tls.handshake.type == 1", 24)


def stamped(lab):
    """Nothing but ssh's lines, stamped by ts, tells that the client's clock is off."""
    s = ssh_site(lab, offset=0.0, client_offsets=[lab.ahead(0.6, 40)])
    lab.withhold(s.ssh)
    lab.capture(s.ssh, "server.pcap", "tcp port 22")
    form = lab.random.choice(["%Y-%m-%dT%H:%M:%.S", "%b %d %H:%M:%.S", "%H:%M:%.S"])
    for i in range(5):
        ssh(s.c1, s.name, label="a login", stamps=form)
        lab.pause(lab.draw(0.2, 9))
    lab.fault("the client's clock is off", host="c1", offset_s=s.c1.clock.pieces()[0][1] / 1e9, stamps=form)
    lab.clocks_differ(s.c1)
    lab.claim("server.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0", 5, 5)


STORIES = [
    Story("stamped-lines", "ssh", "a client whose clock is off, told by ssh -vvv | ts alone",
          "No log and no NTP tells of the client's clock; the stamps that ts put before ssh's lines do.", SSH_NEEDS + ["ts"], stamped,
          spanish="un cliente con el reloj desviado, y solo ssh -vvv | ts lo cuenta"),
    Story("printed-time", "web", "a client whose clock is off, told by curl --trace-time alone",
          "No log and no NTP is of the client; the seconds that curl printed are.", WEB_NEEDS, printed,
          spanish="un cliente con el reloj desviado, y solo curl --trace-time lo cuenta"),
    Story("clock-drift", "web", "a server's clock that runs at another rate",
          "The web server's clock gains or loses some tens of milliseconds a minute.", WEB_NEEDS, drifts,
          spanish="el reloj de un servidor que corre a otro ritmo"),
    Story("local-time", "dns", "a resolver's log in local time, without a zone",
          "BIND writes local time and no zone; only the packets tell which zone it is.", WEB_NEEDS + ["named", "dig"], local_time,
          spanish="el registro de un servidor DNS en hora local, sin zona"),
    Story("ntp-not-applied", "ntp", "the time is offered, and nobody applies it",
          "A client's chronyd measures that its clock is off and may not set it.", WEB_NEEDS + ["chronyd"], not_applied,
          spanish="la hora se ofrece, y nadie la aplica"),
]

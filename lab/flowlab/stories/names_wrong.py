"""Names that lead wrong: signatures that expire, an address where nobody is, a resolver that changed."""
import time

from ..programs import nginx, resolver
from ..programs.clients import curl, dig
from ..site import WEB_NEEDS, web
from ..story import Story


def expiring(lab):
    name, c1 = "www." + lab.domain, lab.client("c1")
    server = lab.server("web", "nginx and application", offset=lab.ahead(0.2, 2), tz=lab.zone())
    up, res = lab.server("up", "authoritative name server"), lab.server("dns", "validating resolver", tz=lab.zone())
    until = time.time() + 16
    anchor = resolver.signed(up, lab.domain, {name: server}, until)
    resolver.unbound(res, up, anchor)
    lab.resolve_with(c1, res, options=["timeout:3", "attempts:2"])
    nginx.start(server, name, "timed")
    lab.capture(c1, "client.pcap", "port 53 or port 443")
    lab.capture(res, "resolver.pcap", "port 53")
    i = 0
    while time.time() < until - 1:
        curl(c1, "-4", "--http1.1", f"https://{name}/item/{i}", label="the signatures are valid")
        lab.pause(1.5)
        i += 1
    lab.pause(max(0, until + 3 - time.time()))
    for n in range(3):
        curl(c1, "-4", "--http1.1", f"https://{name}/item/late{n}", label="the signatures have expired")
        lab.pause(0.5)
    dig(c1, f"@{res.ip}", name, "A", label="asks as everybody")
    dig(c1, f"@{res.ip}", "+cd", name, "A", label="asks not to validate")
    lab.fault("the signatures of the zone expire", host="up")
    lab.diagnosis("dns_servfail", name=name)
    lab.clocks_differ(server)
    lab.claim("client.pcap", "dns.flags.rcode == 2", 2)


def dead_address(lab):
    dead = lab.server("old", "server that was taken down")
    s = web(lab, offset=lab.ahead(0.2, 2), extra=lambda s: {"two." + lab.domain: {"A": [dead.ip, s.web.ip]}}, aliases=["two." + lab.domain])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    lab.path.rule("gone", "drop", dst=dead.ip)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="one address")
    for i in range(7):
        curl(s.c1, "-4", "--http1.1", "--connect-timeout", "5", f"https://two.{lab.domain}/item/two{i}", label="two addresses, one of them dead")
    lab.fault("one of two addresses of a name leads nowhere", address=dead.ip)
    lab.diagnosis("syn_dropped", server=dead.ip)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", f"tcp.flags.syn == 1 and ip.dst == {dead.ip}", 1)


def switched(lab):
    gone = lab.server("dns0", "resolver that was taken down")
    s = web(lab, offset=lab.ahead(0.2, 2), kind=lab.random.choice([resolver.unbound, resolver.bind]), dns_offset=lab.ahead(0.3, 2))
    timer = lab.random.choice([1, 2, 3])
    lab.path.rule("gone", "drop", dst=gone.ip)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.dns, "resolver.pcap", "port 53")

    def go(n, label):
        for i in range(n):
            curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label=label)
            lab.pause(lab.draw(0.1, 0.5))
    go(4, "as always")
    lab.resolve_with(s.c1, gone, s.dns, options=[f"timeout:{timer}"])
    s.c1.run("cat", "/etc/resolv.conf")
    lab.client_text(s.c1, "resolv.conf", s.c1.run("cat", "/etc/resolv.conf")[1])
    go(4, "another resolver is asked first")
    lab.resolve_with(s.c1, s.dns)
    go(3, "as before")
    lab.fault("the client was told of a resolver that is not there", seconds=timer)
    lab.diagnosis("dns_server_unreachable", server=gone.ip)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", f"dns and ip.dst == {gone.ip}", 4)


STORIES = [
    Story("signatures-expire", "dns", "a zone whose signatures expire in the middle",
          "The resolver validates; from the moment the signatures of the zone expire it answers SERVFAIL.", ["named", *WEB_NEEDS, "dig"], expiring,
          spanish="una zona cuyas firmas caducan a mitad"),
    Story("dead-address", "web", "a name with two addresses, one of which leads nowhere",
          "Who tries the dead address first waits for its timer, then takes the other one.", WEB_NEEDS, dead_address,
          spanish="un nombre con dos direcciones, una de las cuales no lleva a ninguna parte"),
    Story("resolver-switched", "dns", "a client that is told of a resolver that is not there",
          "For a while the first resolver of the list does not answer; every lookup pays for it.", WEB_NEEDS, switched,
          spanish="un cliente al que se le indica un servidor de nombres que no existe"),
]

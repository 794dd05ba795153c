"""DNS that is lost, slow, or wrong."""
from ..programs.clients import curl, dig
from ..site import web
from ..story import Story

NEEDS = ["unbound", "nginx", "curl", "dig"]


def lost(lab):
    def more(s):
        return {f"{n}.{lab.domain}": {"A": [s.web.ip]} for n in ("perdida", "sinvuelta", "dosveces")}
    s = web(lab, extra=more, dns_offset=lab.ahead(0.3, 1.2))
    lab.resolve_with(s.c1, s.dns, options=["timeout:2", "attempts:3"])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.dns, "resolver.pcap", f"port 53 and host {s.c1.ip}")
    lab.path.rule("query-lost", "drop", dir="ab", proto="udp", dport=53, contains="perdida", nth=1)
    lab.path.rule("answer-lost", "drop", dir="ba", proto="udp", sport=53, contains="sinvuelta", nth=1)
    lab.path.rule("query-lost-twice", "drop", dir="ab", proto="udp", dport=53, contains="dosveces", nth="1-2")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="plain")
    tried = ["perdida", "sinvuelta", "dosveces"]
    lab.random.shuffle(tried)
    for n in tried:
        curl(s.c1, "-4", "--http1.1", f"http://{n}.{lab.domain}/item/{n}", label=n)
    dig(s.c1, f"@{s.dns.ip}", s.name, "A", label="plain")
    lab.diagnosis("dns_query_lost", name="perdida." + lab.domain)
    lab.diagnosis("dns_answer_lost", name="sinvuelta." + lab.domain)
    lab.diagnosis("dns_query_lost", name="dosveces." + lab.domain, count=2)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", "dns.flags.response == 0 and dns.qry.name contains \"dosveces\"", 3, 3)
    lab.claim("resolver.pcap", "dns.flags.response == 0 and dns.qry.name contains \"sinvuelta\"", 2, 2)
    lab.claim("resolver.pcap", "dns.flags.response == 0 and dns.qry.name contains \"perdida\"", 1, 1)


def slow(lab):
    wait = lab.draw(0.2, 0.8)

    def more(s):
        return {"lenta." + lab.domain: {"A": [s.web.ip], "AAAA": [], "delay": wait, "ttl": 1}, "sinv6." + lab.domain: {"A": [s.web.ip], "silent": ["AAAA"]}}
    s = web(lab, extra=more, dns_offset=lab.ahead(0.3, 1.2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="fast")
        curl(s.c1, "-4", "--http1.1", f"http://lenta.{lab.domain}/item/{i}", label="slow upstream")
        lab.pause(2.2)
    curl(s.c1, "--http1.1", f"http://sinv6.{lab.domain}/item/6", label="AAAA is never answered")
    lab.fault("the name server behind the resolver is slow for one name", seconds=wait)
    lab.diagnosis("dns_slow_upstream", name="lenta." + lab.domain, ms=round(wait * 1000))
    lab.diagnosis("dns_aaaa_unanswered", name="sinv6." + lab.domain)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", f"dns.flags.response == 1 and dns.time > {wait}", 2)


def wrong(lab):
    def more(s):
        return {"mediana." + lab.domain: {"A": [f"203.0.113.{i}" for i in range(1, 200)]}, "falla." + lab.domain: {"rcode": 2},
                "rechazada." + lab.domain: {"rcode": 5}}
    s = web(lab, extra=more)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    for i in range(5):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="plain")
    dig(s.c1, f"@{s.dns.ip}", "mediana." + lab.domain, "A", label="truncated, TCP")
    dig(s.c1, f"@{s.dns.ip}", "falla." + lab.domain, "A", "+tries=1", label="SERVFAIL")
    dig(s.c1, f"@{s.dns.ip}", "nohay." + lab.domain, "A", label="NXDOMAIN")
    for i in range(5):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/after{i}", label="plain")
    lab.diagnosis("dns_tcp_fallback", name="mediana." + lab.domain)
    lab.diagnosis("dns_servfail", name="falla." + lab.domain)
    lab.diagnosis("dns_nxdomain", name="nohay." + lab.domain)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", "dns.flags.truncated == 1", 1)
    lab.claim("client.pcap", "dns.flags.rcode == 2", 1)


def dead(lab):
    s = web(lab)
    absent = f"{lab.network.nets['dmz']}.250"
    lab.path.rule("dead", "drop", dst=absent)
    lab.resolve_with(s.c1, absent, s.dns, options=["timeout:1", "attempts:2"])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or icmp")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="first resolver dead")
    lab.resolve_with(s.c1, s.dns)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/after{i}", label="resolver alive")
    lab.fault("the first resolver of the client is dead", server=absent)
    lab.diagnosis("dns_server_unreachable", server=absent)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", f"ip.dst == {absent} and dns", 3)


STORIES = [
    Story("dns-loss", "dns", "queries and answers lost between client and resolver", "Lost queries, a lost answer, and the timers they cost.", NEEDS, lost,
          spanish="consultas y respuestas perdidas entre el cliente y el servidor DNS"),
    Story("dns-slow", "dns", "a slow name server behind the resolver, and an AAAA nobody answers", "One name takes long; another's AAAA is silent.", NEEDS, slow,
          spanish="un servidor de nombres lento detrás del servidor DNS, y un AAAA que nadie responde"),
    Story("dns-wrong", "dns", "truncated, SERVFAIL, NXDOMAIN", "Answers that do not fit, fail, or deny.", NEEDS, wrong,
          spanish="truncada, SERVFAIL, NXDOMAIN"),
    Story("dns-dead", "dns", "the first resolver is dead", "Each lookup pays the timer of a dead resolver first.", NEEDS, dead,
          spanish="el primer servidor DNS está muerto"),
]

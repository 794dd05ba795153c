"""The chapter's exercises about DNS."""
from types import SimpleNamespace

from ..programs import resolver
from ..programs.clients import curl, dig
from ..site import dns as resolving, web
from ..story import Story

NEEDS = ["unbound", "named", "dig"]


def place(lab, kind=None, offset=None, extra=None):
    s = SimpleNamespace()
    s.c1 = lab.client("c1")
    s.name = "app." + lab.domain
    s.target = lab.server("web", "what the name stands for")
    s.dns = resolving(lab, {s.name: s.target}, extra, kind=kind or lab.random.choice([resolver.unbound, resolver.bind]),
                      offset=lab.ahead(0.2, 2) if offset is None else offset, tz=lab.zone(), hosts=[s.c1])
    return s


def ten(lab):
    s = place(lab)
    lab.capture(s.c1, "client.pcap", "port 53")
    lab.capture(s.dns, "resolver.pcap", f"host {s.c1.ip}")
    lost = sorted(lab.random.sample(range(2, 10), 2))
    for n in range(10):
        if n in lost:
            lab.path.clear()
            lab.path.rule(f"query-{n}-lost", "drop", dir="ab", proto="udp", dport=53, nth=1)
        dig(s.c1, f"@{s.dns.ip}", s.name, "A", "+tries=3", "+timeout=2", label="lost once" if n in lost else "plain")
        lab.pause(0.15)
    lab.fault("queries lost on the way to the resolver", count=len(lost))
    for _ in lost[:1]:
        lab.diagnosis("dns_query_lost", name=s.name, count=len(lost), text="the outliers are retries: the repeated query is answered at once")
    lab.clocks_differ(s.dns)
    lab.claim("client.pcap", "dns.flags.response == 0", 12, 12)
    lab.claim("client.pcap", "dns.flags.response == 1", 10, 10)


def transports(lab):
    s = place(lab)
    lab.capture(s.c1, "client.pcap", "port 53")
    for _ in range(5):
        dig(s.c1, f"@{s.dns.ip}", s.name, "A", label="UDP")
        dig(s.c1, f"@{s.dns.ip}", s.name, "A", "+tcp", label="TCP")
    lab.diagnosis("healthy", text="TCP costs a handshake more")
    lab.clocks_differ(s.dns)
    lab.claim("client.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0", 5, 5)


def suffixes(lab):
    s = web(lab)
    lab.resolve_with(s.c1, s.dns, options=[f"ndots:{s.name.count(chr(46)) + 1}"], search=["dev." + lab.domain, "int." + lab.domain, lab.domain])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    for i in range(6):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="fewer dots than ndots")
    missing = "nohay." + lab.domain
    dig(s.c1, f"@{s.dns.ip}", missing, "A", label="does not exist")
    curl(s.c1, "-4", "--http1.1", f"http://{missing}./", label="does not exist")
    lab.diagnosis("dns_search_nxdomain", host="c1")
    lab.diagnosis("dns_nxdomain", name=missing)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", "dns.flags.rcode == 3", 5)


STORIES = [
    Story("dns-a", "dns", "exercise A: ten queries, the outliers and the retry behind each", "Ten queries; two are lost on the way.", NEEDS, ten,
          spanish="ejercicio A: diez consultas, las atípicas y el reintento detrás de cada una"),
    Story("dns-b", "dns", "exercise B: UDP beside TCP", "The same question over UDP and TCP, five times each.", NEEDS, transports,
          spanish="ejercicio B: UDP junto a TCP"),
    Story("dns-c", "dns", "exercise C: a name that does not exist, and the suffixes of the search list",
          "A search list and a large ndots make useless questions; one name does not exist at all.", NEEDS + ["nginx", "curl"], suffixes,
          spanish="ejercicio C: un nombre que no existe, y los sufijos de la lista de búsqueda"),
]

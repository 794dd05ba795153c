from ..programs.clients import curl, dig
from ..site import web
from ..story import Story


def zone(lab, wait):
    """What the name server behind the resolver does with each name."""
    def names(s):
        there = {"A": [s.web.ip]}
        odd = {
            "lenta": {**there, "delay": wait, "ttl": 1}, "muylenta": {**there, "delay": 1.1, "ttl": 1}, "muerta": {**there, "silent": True},
            "perdida": there, "sinvuelta": there, "dosveces": there, "falla": {"rcode": 2}, "sinv6": {**there, "silent": ["AAAA"]},
            "mediana": {"A": [f"203.0.113.{i}" for i in range(1, 41)]}, "grande": {"A": [f"203.0.113.{i}" for i in range(1, 200)]},
        }
        return {f"{n}.{lab.domain}": does for n, does in odd.items()}
    return names


def play(lab):
    wait = lab.draw(0.2, 0.4)
    s = web(lab, clients=3, extra=zone(lab, wait), offset=lab.ahead(0.2, 1), dns_offset=lab.ahead(0.3, 1.2))
    c1, c2, c3 = s.clients
    absent = f"{lab.network.nets['dmz']}.250"
    short = s.name.split(".")[0]
    lab.resolve_with(c1, s.dns, options=["timeout:1", "attempts:3"], search=["corp." + lab.domain, lab.domain])
    lab.resolve_with(c2, s.dns, options=["timeout:2", "attempts:2", "ndots:5"], search=["a.corp." + lab.domain, "corp." + lab.domain, lab.domain])
    lab.resolve_with(c3, absent, s.dns, options=["timeout:1", "attempts:2"])
    for client in s.clients:
        lab.capture(client, client.name + ".pcap", "arp or port 53 or port 443 or port 80")
        with open(client.path("etc/resolv.conf"), encoding="ascii") as f:
            lab.client_text(client, "resolv.conf", f.read())
    lab.capture(s.dns, "resolver.pcap", "port 53")
    for name, way, fields in (("query-lost", "ab", dict(contains="perdida", nth=1)), ("query-lost-twice", "ab", dict(contains="dosveces", nth="1-2")),
                              ("answer-lost", "ba", dict(contains="sinvuelta", nth=1))):
        lab.path.rule(name, "drop", dir=way, proto="udp", port=53, **fields)
    lab.path.rule("tcp-filtered", "drop", dir="ab", proto="tcp", src=c2.ip, dport=53)
    lab.path.rule("dead", "drop", dst=absent)
    curl(c1, "-4", "--http1.1", s.url + "/", label="normal")
    tried = [("lenta", f"slow upstream: {wait} s"), ("muylenta", "very slow: the client repeats its question meanwhile"),
             ("perdida", "its query is lost once"), ("sinvuelta", "its answer is lost once"), ("dosveces", "its query is lost twice"),
             ("falla", "SERVFAIL"), ("nohay", "NXDOMAIN")]
    lab.random.shuffle(tried)
    for name, label in tried:
        curl(c1, "-4", "--http1.1", "-m", "15", f"http://{name}.{lab.domain}/item/{name}", label=label)
    curl(c1, "-4", "--http1.1", f"http://{short}/item/short", label="a short name: found at the second suffix")
    curl(c1, "-4", "--http1.1", "-m", "15", f"http://muerta.{lab.domain}/", label="its name server is silent")
    curl(c1, "--http1.1", "-m", "15", f"http://sinv6.{lab.domain}/item/6", label="AAAA is never answered")
    dig(c1, f"@{s.dns.ip}", f"mediana.{lab.domain}", "A", "+noedns", label="does not fit UDP, comes over TCP")
    curl(c2, "-4", "--http1.1", "-m", "8", f"http://grande.{lab.domain}/", label="does not fit UDP, and TCP is filtered")
    curl(c2, "-4", "--http1.1", s.url + "/item/ndots", label="ndots:5: three useless names first")
    for i in range(2):
        curl(c3, "-4", "--http1.1", f"{s.url}/item/{i}", label="the first resolver is dead")
    for code, name in (("dns_slow_upstream", "lenta"), ("dns_slow_upstream", "muylenta"), ("dns_query_lost", "perdida"), ("dns_answer_lost", "sinvuelta"),
                       ("dns_query_lost", "dosveces"), ("dns_servfail", "falla"), ("dns_nxdomain", "nohay"), ("dns_search_nxdomain", short),
                       ("dns_servfail_or_timeout", "muerta"), ("dns_aaaa_unanswered", "sinv6"), ("dns_tcp_fallback", "mediana"), ("dns_tcp_blocked", "grande")):
        lab.diagnosis(code, name=name)
    lab.diagnosis("dns_ndots", host="c2")
    lab.diagnosis("dns_server_unreachable", host="c3", server=absent)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("c1.pcap", "dns.flags.response == 0 and dns.qry.name contains \"dosveces\"", 3)
    lab.claim("c2.pcap", "tcp.dstport == 53 and tcp.flags.syn == 1 and tcp.analysis.retransmission", 1)
    lab.claim("c3.pcap", f"ip.dst == {absent} and dns", 2)
    lab.claim("resolver.pcap", "dns.flags.truncated == 1", 2)


STORY = Story("dns-mixed", "dns", "all that goes wrong with names, one fault a name, at three clients",
              "Slow, lost, silent, truncated, refused: each name of three clients fails in its own way; TCP port 53 is filtered for one, the first resolver of another is dead.",
              ["unbound", "nginx", "curl", "dig"], play, spanish="todo lo que falla con los nombres, un fallo por nombre, en tres clientes")

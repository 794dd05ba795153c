from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    def more(s):
        return {f"{n}.{lab.domain}": {"A": [h]} for n, h in (("cerrado", s.web.ip), ("callado", s.web.ip), ("vedado", s.web.ip), ("ausente", absent))}
    absent = f"{lab.network.nets['dmz']}.251"
    s = web(lab, extra=more, offset=lab.ahead(0.2, 2))
    closed, silent, banned = lab.random.sample([8443, 8080, 9443, 5000, 8088, 4443], 3)
    s.web.must("nft", "-f", s.web.write("drop.nft", f"table inet f {{ chain i {{ type filter hook input priority 0; tcp dport {silent} drop; }}; }}\n"))
    lab.rt.must("nft", "-f", lab.rt.write("ban.nft", "table inet f { chain w { type filter hook forward priority 0; "
                                         f"tcp dport {banned} reject with icmpx type admin-prohibited; }}; }}\n"))
    lab.capture(s.c1, "client.pcap", "port 53 or arp or icmp or tcp")
    lab.capture(s.web, "server.pcap", "tcp or icmp")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/0", label="works")
    curl(s.c1, "-4", "--http1.1", f"http://cerrado.{lab.domain}:{closed}/", label="nothing listens: RST")
    curl(s.c1, "-4", "--http1.1", "-m", "6", f"http://callado.{lab.domain}:{silent}/", label="dropped in silence")
    curl(s.c1, "-4", "--http1.1", "-m", "6", f"http://vedado.{lab.domain}:{banned}/", label="prohibited by the router")
    curl(s.c1, "-4", "--http1.1", "-m", "8", f"http://ausente.{lab.domain}/", label="no such machine")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/1", label="works")
    lab.diagnosis("connection_refused", server=f"{s.web.ip}:{closed}")
    lab.diagnosis("syn_dropped", server=f"{s.web.ip}:{silent}")
    lab.diagnosis("icmp_prohibited", server=f"{s.web.ip}:{banned}")
    lab.diagnosis("host_unreachable", server=absent)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", f"tcp.flags.reset == 1 and tcp.srcport == {closed}", 1)
    lab.claim("client.pcap", f"tcp.dstport == {silent} and tcp.flags.syn == 1 and not icmp", 2)
    lab.claim("client.pcap", f"tcp.srcport == {silent}", 0, 0)
    lab.claim("client.pcap", "icmp.type == 3 and icmp.code == 13", 1)


STORY = Story("unreachable", "web", "four ways not to be served: RST, silence, ICMP prohibited, no such machine",
              "A closed port, a port that is dropped in silence, one the router prohibits and an address nobody has.", WEB_NEEDS + ["nft"], play,
              spanish="cuatro formas de no ser atendido: RST, silencio, ICMP prohibido, no existe tal máquina")

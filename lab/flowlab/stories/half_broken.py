"""Connections and lookups of which one half is broken: IPv6, one of two queries, a queue full of strangers."""
import sys

from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story
from .accept_queue import sockets

# SYNs of sources that do not exist: `flood SOURCE-NET TARGET PORT COUNT PAUSE`.
FLOOD = """
import random, socket, struct, sys, time
net, target, port, count, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def total(b):
    s = sum(struct.unpack(f">{len(b) // 2}H", b))
    s = (s & 0xffff) + (s >> 16)
    return ~((s & 0xffff) + (s >> 16)) & 0xffff
for i in range(count):
    src, dst = socket.inet_aton(f"{net}.{random.randint(2, 250)}"), socket.inet_aton(target)
    sport, seq = random.randint(1025, 65535), random.getrandbits(32)
    tcp = struct.pack(">HHIIBBHHHBBH", sport, port, seq, 0, 0x60, 2, 64240, 0, 0, 2, 4, 1460)
    tcp = tcp[:16] + struct.pack(">H", total(src + dst + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), random.getrandbits(16), 0, 64, 6, 0, src, dst)
    out.sendto(ip + tcp, (target, 0))
    time.sleep(pause)
"""


def ipv6(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "--http1.1", f"{s.url}/item/{i}", label="both versions work")
    lab.path.rule("six", "drop", dir="ab", dst=s.web.ip6)
    for i in range(5):
        curl(s.c1, "--http1.1", f"{s.url}/item/six{i}", label="IPv6 goes nowhere")
    lab.path.clear("six")
    lab.fault("IPv6 packets to the server vanish", where="between router and server")
    lab.diagnosis("ipv6_broken", server=s.web.ip6)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "ipv6 and tcp.flags.syn == 1 and tcp.flags.ack == 0", 8)


def parallel(lab):
    names = [f"{n}.{lab.domain}" for n in lab.random.sample(["pedidos", "cuentas", "archivo", "mapas", "correo"], 3)]

    def more(s):
        return {n: {"A": [s.web.ip], "AAAA": [s.web.ip6]} for n in names}
    s = web(lab, extra=more, offset=lab.ahead(0.2, 2))
    timer = lab.random.choice([2, 3, 5])
    lab.resolve_with(s.c1, s.dns, options=[f"timeout:{timer}"])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    for i in range(3):
        curl(s.c1, "--http1.1", f"{s.url}/item/{i}", label="both answered")
    for n in names:
        # The client asks for A and for AAAA from one socket; the second is dropped, as by a table that cannot place it.
        lab.path.rule("race", "drop", dir="ab", proto="udp", dport=53, contains=n.split(".")[0], nth=2)
        curl(s.c1, "--http1.1", f"http://{n}/item/{n}", label="one of two queries lost")
        lab.path.clear("race")
    lab.fault("of two queries of one socket the second is dropped", where="between router and resolver", timer=timer)
    for n in names:
        lab.diagnosis("dns_parallel_query_lost", name=n)
    lab.clocks_differ(s.web, s.dns)
    lab.claim("client.pcap", f"dns.flags.response == 0 and dns.qry.name == \"{names[0]}\"", 3)


def flood(lab):
    s = web(lab, clients=2, listen=f"backlog={lab.random.choice([32, 64])}", offset=lab.ahead(0.2, 2))
    cookies = lab.random.choice([0, 1])
    s.web.must("sysctl", "-qw", f"net.ipv4.tcp_syncookies={cookies}", "net.ipv4.tcp_max_syn_backlog=128")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="before")
    flooder = s.clients[1].spawn(sys.executable, "-c", FLOOD, lab.network.nets["lan"], s.web.ip, "443", "400", "0.01", clocked=False)
    lab.pause(2)
    for i in range(2):
        curl(s.c1, "-4", "--http1.1", "-m", "15", f"{s.url}/item/f{i}", label="during the flood")
    sockets(lab, s, "during")
    flooder.wait(30)
    lab.fault("SYNs of many sources that do not exist", cookies=bool(cookies))
    lab.diagnosis("syn_flood", server=f"{s.web.ip}:443")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0", 300)


STORIES = [
    Story("ipv6-broken", "web", "IPv6 goes nowhere, and each connection pays before IPv4 is tried",
          "The name has both addresses; IPv6 packets vanish and curl goes on with IPv4 after its timer.", WEB_NEEDS, ipv6,
          spanish="IPv6 no llega a ninguna parte, y cada conexión lo paga hasta probar IPv4"),
    Story("dns-parallel", "dns", "of two queries of one socket the second is lost",
          "A and AAAA leave together; one is dropped each time, and the client waits for its timer.", WEB_NEEDS, parallel,
          spanish="de dos consultas de un socket se pierde la segunda"),
    Story("syn-flood", "web", "a flood of SYNs that nobody completes",
          "SYNs of sources that do not exist fill the server's queue of half-open connections.", WEB_NEEDS, flood,
          spanish="una inundación de SYN que nadie completa"),
]

"""A path that carries less one way, an address with two owners, a link that others fill, a bad cable."""
import sys

from ..programs import nginx
from ..programs.clients import curl, together
from ..site import WEB_NEEDS, dns, web
from ..story import Story

# Says that an address is here: `announce ADDRESS COUNT SECONDS` (a gratuitous ARP reply, RFC 5227).
ANNOUNCE = """
import socket, struct, sys, time
address, count, pause = socket.inet_aton(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0x806))
mac = s.getsockname()[4]
for _ in range(count):
    s.send(b"\\xff" * 6 + mac + struct.pack(">HHHBBH", 0x806, 1, 0x800, 6, 4, 2) + mac + address + b"\\xff" * 6 + address)
    time.sleep(pause)
"""


def announce(host, address, count=2, pause=0.1):
    host.run(sys.executable, "-c", ANNOUNCE, address, str(count), str(pause))


def upload(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    body, size = s.c1.write("upload", "x" * 60000), lab.random.choice([1300, 1350, 1400])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80 or icmp")
    lab.capture(s.web, "server.pcap", "port 443 or port 80 or icmp")
    curl(s.c1, "-4", "--http1.1", "-H", "Expect:", "--data-binary", f"@{body}", s.url + "/echo/before", label="an upload, before")
    lab.path.rule("large-up", "drop", dir="ab", proto="tcp", longer=size)
    for i in range(2):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/big?kb=40&n={i}", label="a download")
        curl(s.c1, "-4", "--http1.1", "-H", "Expect:", "-m", "7", "--data-binary", f"@{body}", f"{s.url}/echo/{i}", label="an upload does not arrive")
        curl(s.c1, "-4", "--http1.1", "-d", "a=1", f"{s.url}/echo/small{i}", label="a small one does")
    lab.fault(f"packets of more than {size} bytes vanish on the way to the server, without ICMP", where="between router and server")
    lab.diagnosis("pmtud_blackhole", text="downloads and small uploads pass, large ones never")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", f"tcp.analysis.retransmission and ip.len > {size}", 4)


def two_owners(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    other = lab.server("printer", "a machine with the same address")
    other.must("ip", "address", "add", f"{s.web.ip}/24", "dev", "eth0")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(lab.rt, "router.pcap", f"arp or host {s.web.ip}", device="wan")
    announce(s.web, s.web.ip)
    for i in range(6):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/before{i}", label="before the other machine is heard of")
        lab.pause(lab.draw(0.1, 0.6))
    for i in range(3):
        announce(s.web, s.web.ip)
        lab.pause(1.2)
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="the router takes it for the server's")
        announce(other, s.web.ip)
        lab.pause(0.2)
        curl(s.c1, "-4", "--http1.1", "-m", "5", f"{s.url}/item/other{i}", label="the router takes it for the other's")
        lab.pause(1)
    announce(s.web, s.web.ip)
    lab.pause(0.2)
    curl(s.c1, "-4", "--http1.1", s.url + "/item/end", label="the router takes it for the server's")
    lab.fault("two machines have one address; the router believes now one, now the other", address=s.web.ip)
    lab.diagnosis("duplicate_address", server=s.web.ip)
    lab.diagnosis("connection_refused", text="the other machine refuses")
    lab.clocks_differ(s.web)
    lab.claim("router.pcap", f"arp.opcode == 2 and arp.src.proto_ipv4 == {s.web.ip}", 6)


def failover(lab):
    name, c1 = "www." + lab.domain, lab.client("c1")
    one = lab.server("web1", "nginx and application, first", offset=lab.ahead(0.2, 2), tz=lab.zone())
    two = lab.server("web2", "nginx and application, second", offset=lab.ahead(0.2, 2), tz=lab.zone())
    # The shared address is the first one's until it fails; its own stays with it.
    shared, own = one.ip, two.ip.rsplit(".", 1)[0] + ".251"
    dns(lab, {name: one}, hosts=[c1], tz=lab.zone(), six=False)
    for h in (one, two):
        nginx.start(h, name, lab.random.choice(["combined", "timed"]))
    lab.capture(c1, "client.pcap", "port 53 or port 443")
    lab.capture(lab.rt, "router.pcap", "arp or tcp port 443", device="wan")
    for i in range(6):
        curl(c1, "-4", "--http1.1", f"https://{name}/item/{i}", label="the first server")
        lab.pause(lab.draw(0.1, 0.4))
    away = lab.draw(1.8, 3.4)

    def fail():
        one.must("ip", "address", "add", f"{own}/24", "dev", "eth0")
        one.must("ip", "address", "del", f"{shared}/24", "dev", "eth0")
        lab.pause(away)
        two.must("ip", "address", "add", f"{shared}/24", "dev", "eth0")
        announce(two, shared, 3)
    together(lambda: curl(c1, "-4", "--http1.1", "-m", "12", f"https://{name}/sleep?ms=900", label="begun at the first"), fail,
             lambda: curl(c1, "-4", "--http1.1", f"https://{name}/item/between", label="begun while nobody has the address"), gap=0.5)
    for i in range(6):
        curl(c1, "-4", "--http1.1", f"https://{name}/item/two{i}", label="the second server")
        lab.pause(lab.draw(0.1, 0.4))
    lab.fault(f"the first server loses the shared address; {away} s later the second takes it", address=shared)
    lab.diagnosis("duplicate_address", text="the address moved to another machine")
    lab.diagnosis("packet_loss", text="nobody has the address for a moment")
    lab.diagnosis("client_closed_499", text="the request begun at the first server is never answered")
    lab.clocks_differ(one, two)
    lab.claim("router.pcap", f"arp.opcode == 2 and arp.src.proto_ipv4 == {shared}", 3)


def backup(lab):
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2))
    vault = lab.server("vault", "where backups go")
    nginx.start(vault, "vault." + lab.domain, http="client_max_body_size 0;")
    lab.withhold(vault)
    nas, mbit = s.clients[1], lab.random.choice([3, 4, 6])
    nas.must("sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")  # which fills the queue
    body = nas.write("backup", "x" * (mbit * 1_250_000))
    lab.capture(s.c1, "client.pcap", f"host {s.c1.ip}")
    if lab.random.random() < 0.5:
        lab.capture(lab.rt, "router.pcap", "tcp", device="wan", snaplen=96)
        lab.diagnosis("slow_upload", server=vault.ip, text="the backup itself")
    one_way, queue = lab.way(4, 12), lab.random.choice([400, 600, 800])
    lab.path.set(one_way, mbit=mbit, queue=queue)
    for i in range(6):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="before the backup")
        lab.pause(0.2)

    def pages():
        for i in range(8):
            curl(s.c1, "-4", "--http1.1", f"{s.url}/item/b{i}", label="while the backup runs")
            lab.pause(0.4)
    together(lambda: nas.run("curl", "-s", "-4", "-H", "Expect:", "-o", "/dev/null", "--data-binary", f"@{body}", f"http://{vault.ip}/echo/backup"), pages, gap=1.5)
    lab.pause(1)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/after{i}", label="after the backup")
    lab.fault(f"another host's upload fills the link of {mbit} Mbit/s and its queue of {queue} ms", where="between router and server")
    lab.diagnosis("bufferbloat", text="the round trip grows for everybody while the backup runs")
    lab.clocks_differ(s.web)


def noisy(lab):
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2), form=lab.random.choice(["timed", "json", "exact"]))
    lab.capture(s.c1, "one.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    share = lab.draw(0.03, 0.06, 3)
    for way in ("ab", "ba"):
        lab.path.rule("noise-" + way, "drop", dir=way, proto="tcp", prob=share)
    for i in range(24):
        curl(lab.random.choice(s.clients), "-4", "--http1.1", lab.random.choice([f"{s.url}/item/{i}", f"{s.url}/big?kb=60&n={i}"]), label="over a bad link", trace=i % 3 == 0)
        lab.pause(lab.draw(0.05, 0.3))
    lab.fault(f"{share * 100} % of the packets are lost either way", where="between router and server")
    lab.diagnosis("packet_loss", where="between router and server")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "tcp.analysis.retransmission", 5)


STORIES = [
    Story("uploads-vanish", "web", "a path that carries no full-size packets to the server, but from it",
          "Downloads are as ever; what the client sends in full-size packets vanishes.", WEB_NEEDS, upload,
          spanish="un camino que no lleva paquetes grandes hacia el servidor, pero sí desde él"),
    Story("two-owners", "web", "two machines with one address",
          "A printer has the web server's address; the router believes now one, now the other.", WEB_NEEDS, two_owners,
          spanish="dos máquinas con la misma dirección"),
    Story("failover", "web", "an address that moves to a second server",
          "The first server loses the shared address; some seconds later the second one takes and announces it.", WEB_NEEDS, failover,
          spanish="una dirección que pasa a un segundo servidor"),
    Story("backup-runs", "web", "a backup of another host fills the link",
          "An upload that the client knows nothing of fills the queue of the link; pages are slow meanwhile.", WEB_NEEDS, backup,
          spanish="una copia de seguridad de otra máquina llena el enlace"),
    Story("bad-cable", "web", "a link that loses some packets of a hundred, both ways",
          "Loss without a pattern, both ways, for two clients; logs show nothing.", WEB_NEEDS, noisy,
          spanish="un enlace que pierde algunos paquetes de cada cien, en los dos sentidos"),
]

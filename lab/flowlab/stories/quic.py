"""HTTP/3: refused, unanswered, late, sent back."""
import signal
import threading

from ..programs import http3
from ..site import dns
from ..story import Story

NEEDS = ["caddy", "curl3", "unbound"]


def site(lab, protocols="h1 h2 h3"):
    """A client, a resolver and Caddy for a name; with the captures of client and server."""
    name = lab.random.choice(["app", "www", "portal", "tienda"]) + "." + lab.domain
    c1 = lab.client("c1")
    web = lab.server("web", "Caddy")
    dns(lab, {name: web}, hosts=[c1], six=False)
    caddy = http3.caddy(web, name, protocols)
    lab.capture(c1, "client.pcap", "port 53 or port 443 or icmp")
    lab.capture(web, "server.pcap", "port 443 or icmp")
    return name, c1, web, caddy


def several(lab, c1, name, count, what, *options, label):
    """So many requests; returns how many came over HTTP/3."""
    over3 = 0
    for i in range(count):
        over3 += http3.ask(c1, *options, f"https://{name}/{what}/{i}", label=label)["http"] == "3"
        lab.pause(lab.draw(0.2, 0.5))
    return over3


def blocked(lab):
    name, c1, web, _ = site(lab)
    good = several(lab, c1, name, 3, "item", "--http3", label="over HTTP/3")
    by = lab.random.choice(["silence", "router"])
    if by == "silence":
        lab.path.rule("udp", "drop", dir="ab", proto="udp", dport=443)
    else:
        lab.rt.must("nft", "-f", lab.rt.write("ban.nft", "table inet f { chain w { type filter hook forward priority 0; "
                                             "udp dport 443 reject with icmpx type admin-prohibited; }; }\n"))
    bad = several(lab, c1, name, lab.random.randint(4, 6), "later", "--http3", label="UDP/443 is filtered")
    lab.fault("UDP port 443 is filtered", where="between router and server", by=by)
    lab.diagnosis("quic_blocked", server=f"{web.ip}:443", by=by)
    if by == "router":
        lab.diagnosis("healthy", text="the client hears of it at once, and loses nothing")
    lab.hold("HTTP/3 before", good > 0)
    lab.hold("no HTTP/3 behind the filter", bad == 0)
    lab.claim("client.pcap", "quic.long.packet_type == 0", 5)
    lab.claim("client.pcap", "icmp.type == 3 and icmp.code == 13 and udp.dstport == 443", *((0, 0) if by == "silence" else (1, None)))


def refused(lab):
    name, c1, web, _ = site(lab, "h1 h2")
    bad = several(lab, c1, name, lab.random.randint(4, 7), "item", "--http3", label="nothing listens on UDP/443")
    lab.fault("the server speaks no HTTP/3", where="server")
    lab.diagnosis("quic_refused", server=f"{web.ip}:443")
    lab.hold("no HTTP/3", bad == 0)
    lab.claim("client.pcap", "icmp.type == 3 and icmp.code == 3", 1)


def slow(lab):
    name, c1, _, caddy = site(lab)
    several(lab, c1, name, 4, "item", "--http3-only", label="quick")
    kind = lab.random.choice(["lost", "late"])
    for i in range(3):
        if kind == "lost":
            lab.path.rule("first", "drop", dir="ab", proto="udp", dport=443, nth="1-2")
            http3.ask(c1, "--http3-only", f"https://{name}/slow/{i}", label="its first packets are lost")
            lab.path.clear("first")
        else:
            caddy.send_signal(signal.SIGSTOP)
            t = threading.Thread(target=http3.ask, args=(c1, "--http3-only", f"https://{name}/slow/{i}"), kwargs={"label": "while the server stands still"})
            t.start()
            lab.pause(lab.draw(0.5, 0.8))
            caddy.send_signal(signal.SIGCONT)
            t.join()
        lab.pause(0.3)
    lab.fault("the first packets of QUIC handshakes are lost" if kind == "lost" else "the server stands still", where="between router and server" if kind == "lost" else "server")
    lab.diagnosis("quic_handshake_lost" if kind == "lost" else "quic_handshake_late")
    lab.claim("client.pcap", "quic.long.packet_type == 0", 10)


def sent_back(lab):
    name = "quic." + lab.domain
    c1 = lab.client("c1")
    web = lab.server("web", "ngtcp2's server")
    dns(lab, {name: web}, hosts=[c1], six=False)
    port = lab.random.choice([8443, 4433, 9443])
    http3.ngtcp2(web, name, "-V", port=port)
    lab.capture(c1, "client.pcap", f"port 53 or port {port} or icmp")
    codes = []
    for i in range(lab.random.randint(3, 6)):
        codes.append(http3.client(c1, name, port, f"https://{name}:{port}/item/{i}", label="the server wants to be sure of the address"))
        lab.pause(0.2)
    lab.fault("the server validates addresses by Retry", where="server")
    lab.diagnosis("quic_retry", server=f"{web.ip}:{port}")
    lab.diagnosis("healthy", text="a round trip more each time, and nothing is wrong")
    lab.hold("each was served", not any(codes))
    lab.claim("client.pcap", "quic.long.packet_type == 3", len(codes))


STORIES = [
    Story("quic-blocked", "web", "HTTP/3 worked, then UDP/443 is filtered and each connection falls back to TCP",
          "Caddy serves HTTP/3; then UDP port 443 is dropped in silence or rejected by the router, and curl goes on over TCP.", NEEDS, blocked,
          spanish="HTTP/3 funcionaba; luego se filtra UDP/443 y cada conexión recurre a TCP"),
    Story("quic-refused", "web", "nothing listens on UDP/443 and each connection falls back to TCP",
          "Caddy serves no HTTP/3, the client tries it first.", NEEDS, refused,
          spanish="nada escucha en UDP/443 y cada conexión recurre a TCP"),
    Story("quic-slow", "web", "QUIC handshakes are slow: first packets lost, or a server that stands still",
          "Caddy serves HTTP/3; the first packets of some handshakes are lost, or the server's process stands still meanwhile.", NEEDS, slow,
          spanish="establecimientos QUIC lentos: se pierden los primeros paquetes, o el servidor está parado"),
    Story("quic-retry", "web", "the server sends QUIC clients back to be sure of their address",
          "ngtcp2's server validates every address by a Retry; its client comes again.", ["gtlsserver", "gtlsclient", "unbound"], sent_back,
          spanish="el servidor hace volver a los clientes QUIC para asegurarse de su dirección"),
]

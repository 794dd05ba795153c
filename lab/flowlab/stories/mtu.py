"""Paths that do not carry full-size packets."""
from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def black_hole(lab):
    many = [f"s{i:03d}.{lab.domain}" for i in range(90)]
    s = web(lab, aliases=many, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80 or icmp")
    lab.capture(s.web, "server.pcap", "port 443 or port 80 or icmp")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/1", label="before")
    size = lab.random.choice([1300, 1350, 1400, 1420])
    lab.path.rule("large-lost", "drop", proto="tcp", longer=size)
    curl(s.c1, "-4", "--http1.1", "-m", "7", s.url + "/item/2", label="the certificate does not arrive")
    curl(s.c1, "-4", "--http1.1", f"http://{s.name}/item/3", label="a small answer in clear arrives")
    curl(s.c1, "-4", "--http1.1", "-m", "7", f"http://{s.name}/big?kb=32", label="a large answer in clear does not")
    lab.path.clear()
    curl(s.c1, "-4", "--http1.1", s.url + "/item/4", label="after")
    lab.pause(1)
    lab.fault(f"IP packets of more than {size} bytes vanish without ICMP", where="between router and server")
    lab.diagnosis("pmtud_blackhole", text="handshake and small answers pass, full-size segments never")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", f"tcp.analysis.retransmission and ip.len > {size}", 4)
    lab.claim("server.pcap", "icmp.type == 3 and icmp.code == 4", 0, 0)


def discovered(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    size = lab.random.choice([1280, 1300, 1400])
    lab.rt.must("ip", "route", "change", f"{lab.network.nets['lan']}.0/24", "dev", "lan", "src", lab.rt.lan, "mtu", "lock", str(size))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or icmp")
    lab.capture(s.web, "server.pcap", "port 443 or icmp")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/big?kb={40 + i}", label="a large answer")
    lab.fault(f"the router's way to the clients carries {size} bytes and says so by ICMP")
    lab.diagnosis("pmtud_working", text="one ICMP message, then smaller segments")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "icmp.type == 3 and icmp.code == 4", 1)


STORIES = [
    Story("mtu-black-hole", "web", "large packets vanish without ICMP: TLS stops at the certificate",
          "A device in the path drops packets above its MTU and tells nobody.", WEB_NEEDS, black_hole,
          spanish="los paquetes grandes desaparecen sin ICMP: TLS se queda en el certificado"),
    Story("mtu-discovered", "web", "large packets are refused by ICMP: path MTU discovery works",
          "The router tells its smaller MTU.", WEB_NEEDS, discovered,
          spanish="ICMP rechaza los paquetes grandes: el descubrimiento de la MTU funciona"),
]

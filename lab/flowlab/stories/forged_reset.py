from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    banned = "vetado." + lab.domain
    s = web(lab, extra=lambda s: {banned: {"A": [s.web.ip]}}, aliases=[banned], offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or tcp port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    lab.path.rule("forged", "reset", dir="ab", proto="tcp", dport=443, contains=banned)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="works")
        curl(s.c1, "-4", "--http1.1", f"https://{banned}/", label="reset by a device in the path")
    lab.path.clear()
    lab.fault("a device in the path answers the ClientHello of one name with a reset in the server's name", name=banned)
    lab.diagnosis("forged_rst", name=banned)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tcp.flags.reset == 1 and ip.ttl == 64 and tcp.srcport == 443", 3)


STORY = Story("forged-reset", "web", "a device in the path resets connections by their server name",
              "One name's ClientHello is answered with a reset that the server never sent.", WEB_NEEDS, play,
              spanish="un equipo del camino corta conexiones según el nombre del servidor")

from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    s = web(lab, form=lab.random.choice(["combined", "timed"]), drift=lab.draw(-20, 20), offload=True)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or arp")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    ms = lab.random.randrange(400, 900, 50)
    for i in range(lab.random.randint(4, 6)):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="fast")
        curl(s.c1, "-4", "--http1.1", f"{s.url}/sleep?ms={ms}", label="slow")
    curl(s.c1, "-4", "--http1.1", f"{s.url}/big?kb=400", label="fast, a large body")
    curl(s.c1, "-4", "--http1.1", f"{s.url}/drip?n=8&ms=150", label="slow body")
    curl(s.c1, "-4", "--http1.1", f"{s.url}/strict/sleep?ms=3000", label="504 of the proxy")
    curl(s.c1, "-4", "--http1.1", "-m", "0.9", f"{s.url}/sleep?ms=2500", label="client gives up")
    curl(s.c1, "-4", "--http1.1", f"{s.url}/item/x", f"{s.url}/sleep?ms={ms}", f"{s.url}/item/y", label="keep-alive, the second is slow")
    lab.pause(2)
    lab.fault("application sleeps", paths=["/sleep"], ms=ms)
    lab.diagnosis("slow_application", text="the time is between the last byte of the request and the first of the answer, at the server")
    lab.diagnosis("upstream_timeout_504", scope="/strict/sleep")
    lab.diagnosis("client_closed_499", scope="/sleep?ms=2500 with -m 0.9")
    lab.diagnosis("slow_body", scope="/drip")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tls.handshake.type == 2", 6)


STORY = Story("slow-app", "web", "a slow application: DNS, TCP and TLS are innocent",
              "Some paths sleep in the application; a slow body, a 504 of the proxy and a client that gives up beside fast requests.", WEB_NEEDS, play,
              spanish="una aplicación lenta: DNS, TCP y TLS son inocentes")

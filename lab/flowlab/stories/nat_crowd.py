import json

from ..programs import crowd
from ..sandbox import WORK
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    s = web(lab, clients=4, form="combined", offset=lab.ahead(0.5, 3), drift=lab.draw(-20, 20), workers=2)
    lab.network.masquerade(lab.rt)
    lab.capture(s.web, "web.pcap", "tcp port 443 or tcp port 80", snaplen=lab.random.choice([96, 128, 200]), extra=["-C", "1"])
    lab.capture(s.c1, "pc1.pcap", "tcp", snaplen=160)
    lab.withhold(s.dns)  # nobody asked it
    lab.path.rule("background-loss", "drop", proto="tcp", prob=0.002)
    paths = [f"/item/{i}" for i in range(20)] + ["/sleep?ms=120", "/status?code=404", "/big?kb=8"]
    running = []
    for i, c in enumerate(s.clients):
        for tls in (True, False):
            running.append((c, crowd.visit(c, ip=s.web.ip, name=s.name, tls=tls, ca=f"{WORK}/pki/ca.crt", connections=lab.random.randint(10, 18),
                                           requests=7, seed=lab.seed * 10 + i, paths=paths, spread=10)))
    lab.flows = True
    for c, p in running:
        for line in p.communicate(timeout=90)[0].splitlines():
            r = json.loads(line)
            lab.requests.append({"id": len(lab.requests) + 1, "client_host": c.name, **r})
    lab.diagnosis("healthy", text="0.2 % loss and a few slow paths")
    lab.diagnosis("nat", public=lab.rt.wan, text="the log has one address and no ports")
    lab.clocks_differ(s.web, s.dns)
    lab.claim("web.pcap", f"ip.src != {lab.rt.wan} and ip.src != {s.web.ip}", 0, 0)


STORY = Story("nat-crowd", "web", "four machines behind one address, and a log without ports",
              "Many browsers behind address translation; the combined log cannot tell them apart.", WEB_NEEDS + ["nft", "conntrack"], play,
              spanish="cuatro máquinas tras una dirección, y un registro sin puertos")

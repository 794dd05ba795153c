"""The chapter's exercises about the web."""
from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def repeat(lab):
    s = web(lab, form="combined")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    for _ in range(10):
        curl(s.c1, "-4", "--http1.1", s.url + "/", label="repetition")
        lab.pause(lab.draw(0.1, 0.4))
    lab.diagnosis("healthy", text="ten repetitions; the table of dns, connect, tls, ttfb and total tells the dominant part")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tls.handshake.type == 1", 10, 10)


def versions(lab):
    s = web(lab)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    for _ in range(5):
        for version in ("-4", "-6"):
            curl(s.c1, version, "--http1.1", s.url + "/item/1", label="IPv" + version[1])
    lab.diagnosis("healthy", text="the same path for both versions: connect and TLS differ by jitter only")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "ipv6 and tls.handshake.type == 1", 5, 5)
    lab.claim("client.pcap", "ip and tls.handshake.type == 1", 5, 5)


def injected(lab):
    s = web(lab, form="timed")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "port 443")
    for _ in range(5):
        curl(s.c1, "-4", "--http1.1", s.url + "/item/1", label="baseline")
    for _ in range(5):
        curl(s.c1, "-4", "--http1.1", s.url + "/sleep?ms=500", label="500 ms injected in the application")
    lab.fault("application sleeps", paths=["/sleep"], ms=500)
    if 500 >= 10 * lab.one_way:  # over a longer path the application is not the largest part
        lab.diagnosis("slow_application", text="time to first byte moves by 500 ms; DNS, TCP and TLS do not move")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tls.handshake.type == 1", 10, 10)


STORIES = [
    Story("web-a", "web", "exercise A: ten repetitions, the table and its dominant part", "Ten times the same page.", WEB_NEEDS, repeat,
          spanish="ejercicio A: diez repeticiones, la tabla y su parte dominante"),
    Story("web-b", "web", "exercise B: IPv4 beside IPv6", "The same page over IPv4 and IPv6, five times each.", WEB_NEEDS, versions,
          spanish="ejercicio B: IPv4 junto a IPv6"),
    Story("web-c", "web", "exercise C: baseline, then 500 ms injected in the application",
          "Five fast requests, then five that the application delays by 500 ms.", WEB_NEEDS, injected,
          spanish="ejercicio C: línea base, y luego 500 ms inyectados en la aplicación"),
]

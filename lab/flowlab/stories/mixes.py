"""Sites where much comes together: several servers, odd captures, logs of several hosts in one."""
import time

from ..programs import apache, chrony, nginx, proxies, resolver, sshd
from ..programs.clients import curl, dig, ssh
from ..site import SSH_NEEDS, WEB_NEEDS, dns, web
from ..story import Story


def slow(lab, client, url, *options, times=1):
    """An answer the application takes its time for."""
    ms = lab.random.randrange(900, 1500, 100)
    for _ in range(times):
        curl(client, *options, f"{url}/sleep?ms={ms}", label="slow application")
    lab.diagnosis("slow_application", scope="/sleep")


def two_servers(lab):
    r, shop, wiki = lab.random, "shop." + lab.domain, "wiki." + lab.domain
    c1 = lab.client("c1", offset=r.choice([0.0, lab.ahead(0.2, 5)]), tz=lab.zone())
    c2 = lab.client("c2", tz=lab.zone())
    w1 = lab.server("w1", "nginx", offset=lab.ahead(0.2, 5), drift=lab.draw(-80, 80), tz=lab.zone())
    w2 = lab.server("w2", "Apache", offset=lab.ahead(0.2, 5), drift=lab.draw(-80, 80), tz=lab.zone())
    server = dns(lab, {shop: w1, wiki: w2}, hosts=[c1, c2], kind=resolver.dnsmasq, offset=lab.ahead(0.1, 2), tz=lab.zone())
    nginx.start(w1, shop, r.choice(["combined", "timed", "json"]))
    apache.start(w2, wiki, r.choice(["combined", "timed"]))
    lab.capture(c1, "c1.pcap", "port 53 or tcp", device="any", snaplen=r.choice([96, 262144]))
    lab.capture(c2, "c2.pcap", "port 53 or tcp")
    if r.random() < 0.6:
        lab.capture(w2, "w2.pcap", "tcp port 443 or tcp port 80", device="any", snaplen=96)
    version = r.choice(["-4", "-6"])
    for i in range(12):
        name = r.choice([shop, wiki])
        path = f"/item/{i}" if name == shop else r.choice(["/index.html", "/manual.txt", f"/app/item/{i}", "/none"])
        curl(r.choice([c1, c2]), version, r.choice(["--http1.1", "--http2"]), f"https://{name}{path}", label="either server", trace=r.random() < 0.5)
        if i == 6:
            nginx.rotate(w1)
        lab.pause(r.uniform(0.0, 0.5))
    slow(lab, c1, f"https://{shop}", version, "--http1.1", times=2)
    lab.clocks_differ(w1, w2, server)


def changing_zone(lab, base, back, when):
    """TZ as POSIX writes it, of a zone whose local time changes by an hour at a true time."""
    def wall(hours):
        t = time.gmtime(when + hours * 3600)
        return f"{t.tm_yday - 1}/{t.tm_hour}:{t.tm_min:02d}:{t.tm_sec:02d}"
    names = f"<{base:+03d}>{-base}<{base + 1:+03d}>{-base - 1}"
    return f"{names},0/0,{wall(base + 1)}" if back else f"{names},{wall(base)},364/23"


def summer_time(lab):
    r, app, when = lab.random, "app." + lab.domain, time.time() + 14
    tz = changing_zone(lab, r.choice([1, -5, 0]), r.random() < 0.5, when)
    c1, w = lab.client("c1"), lab.server("web", "nginx", offset=lab.ahead(0.2, 2), tz=tz)
    server = dns(lab, {app: w}, hosts=[c1], kind=r.choice([resolver.bind, resolver.dnsmasq]), offset=lab.ahead(0.1, 1), tz=tz)
    sshd.start(w, log=lambda host: sshd.rsyslog(host, True))
    nginx.start(w, app, r.choice(["combined", "timed"]), level="info")
    lab.capture(c1, "client.pcap", "port 53 or port 443 or port 22")
    if r.random() < 0.5:
        lab.capture(w, "server.pcap", "port 443 or port 22", snaplen=128)
    n = 0
    while time.time() < when + 8:
        curl(c1, "-4", "--http1.1", f"https://{app}/item/{n}", label="a page", trace=False)
        if n % 3 == 0:
            ssh(c1, app, label="a login")
        if n % 4 == 1:
            curl(c1, "-4", "--http1.1", f"https://{app}/down/{n}", label="nobody listens behind the proxy", trace=False)
        lab.pause(r.uniform(0.2, 0.9))
        n += 1
    lab.one_text(c1, "ssh_", "ssh_all.txt")
    lab.fault("local time changes by an hour in the middle", tz=tz, at_true=when)
    lab.diagnosis("http_5xx")
    lab.clocks_differ(w, server)


def begun_late(lab):
    r = lab.random
    s = web(lab, clients=2, form=r.choice(["combined", "timed", "json", "exact"]), offset=lab.ahead(0.2, 4), drift=lab.draw(-60, 60),
            client_offsets=[0.0, lab.ahead(0.1, 2)])
    version = r.choice(["-4", "-6"])
    lab.capture(s.c1, "c1.pcap", "port 53 or port 443 or port 80", snaplen=r.choice([96, 262144]))

    def go(n, label):
        for i in range(n):
            more = [f"{s.url}/item/k{i}"] if r.random() < 0.4 else []
            curl(r.choice(s.clients), version, r.choice(["--http1.1", "--http2"]), f"{s.url}/item/{label}{i}", *more, label=label, trace=r.random() < 0.3)
            lab.pause(r.uniform(0.0, 0.4))
    go(5, "early")
    long = s.c1.spawn("curl", "-s", "-o", "/dev/null", "--limit-rate", "8k", version, f"{s.url}/big?kb=64")
    lab.pause(0.7)
    lab.capture(s.web, "web.pcap", "port 443", snaplen=r.choice([96, 262144]))
    lab.capture(s.clients[1], "c2.pcap", "port 53 or port 443", device="any")
    go(7, "middle")
    lab.captures[0].stop()
    go(5, "late")
    long.wait(20)
    slow(lab, s.clients[1], s.url, version, "--http1.1")
    lab.clocks_differ(s.web, s.clients[1])


def one_way(lab):
    r = lab.random
    s = web(lab, form=r.choice(["combined", "timed", "exact"]), offset=lab.ahead(0.2, 4), kind=r.choice([resolver.bind, resolver.unbound, resolver.dnsmasq]))
    host, way = r.choice([s.c1, s.web]), r.choice(["in", "out"])
    lab.capture(host, f"{host.name}_{way}.pcap", "port 53 or port 443", extra=["-Q", way])
    if r.random() < 0.4:
        lab.capture(lab.rt, "router.pcap", "tcp port 443", device="wan", snaplen=96)
    for i in range(10):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a page", trace=i % 3 == 0)
        lab.pause(r.uniform(0.05, 0.6))
    ms = r.randrange(900, 1500, 100)
    for _ in range(2):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/sleep?ms={ms}", label="slow application")
    lab.note(f"captured: what goes {way} at {host.name}; where that is one way alone, the wait cannot be told from it")
    lab.clocks_differ(s.web)


def behind_haproxy(lab):
    r, name = lab.random, "www." + lab.domain
    c1, c2 = lab.client("c1", tz=lab.zone()), lab.client("c2", offset=lab.ahead(0.1, 2))
    proxy = lab.server("lb", "HAProxy", offset=lab.ahead(0.2, 3), tz=lab.zone(), drift=lab.draw(-50, 50))
    w = lab.server("web", "nginx", offset=lab.ahead(0.2, 3), tz=lab.zone())
    dns(lab, {name: proxy}, hosts=[c1, c2], kind=resolver.bind, tz=lab.zone())
    proxies.haproxy(proxy, name, w)
    real = f"set_real_ip_from {proxy.ip}; real_ip_header X-Forwarded-For;" if r.random() < 0.4 else ""
    nginx.start(w, name, r.choice(["combined", "timed", "json"]), http=real)
    lab.capture(c1, "client.pcap", "port 53 or port 443")
    if r.random() < 0.6:
        lab.capture(proxy, "lb.pcap", "tcp", device="any", snaplen=r.choice([96, 262144]))
    lab.capture(w, "web.pcap", "tcp port 80")
    for i in range(8):
        curl(r.choice([c1, c2]), "-4", r.choice(["--http2", "--http1.1"]), f"https://{name}/item/{i}", f"https://{name}/item/x{i}",
             label="through the proxy", trace=i % 2 == 0)
        lab.pause(r.uniform(0.05, 0.5))
    slow(lab, c1, f"https://{name}", "-4", "--http2", times=3)
    lab.one_text(c1, "curl_0", "curl_all.log")
    lab.clocks_differ(proxy, w)


def two_daemons(lab):
    r, a, b = lab.random, "uno." + lab.domain, "dos." + lab.domain
    c1, c2 = lab.client("c1", tz=lab.zone()), lab.client("c2", offset=lab.ahead(0.2, 3))
    s1 = lab.server("s1", "sshd, journald", offset=lab.ahead(0.3, 9), drift=lab.draw(-100, 100), tz=lab.zone())
    s2 = lab.server("s2", "sshd, rsyslog", offset=lab.ahead(0.3, 9), tz=lab.zone())
    dns(lab, {a: s1, b: s2}, hosts=[c1, c2, s1, s2], kind=r.choice([resolver.unbound, resolver.dnsmasq]), tz=lab.zone(), six=False)
    form = r.choice(["export", "json", "short"])
    sshd.start(s1, log=lambda h: sshd.journald(h, forms=(form,)), level=r.choice(["INFO", "VERBOSE"]))
    sshd.start(s2, log=lambda h: sshd.rsyslog(h, True))
    if r.random() < 0.5:
        lab.network.masquerade(lab.rt)
    lab.capture(c1, "c1.pcap", "port 53 or port 22", snaplen=96)
    lab.capture(s2, "s2.pcap", "port 22", device="any")
    if r.random() < 0.5:
        lab.capture(s1, "s1.pcap", "port 22 or port 53", snaplen=96)
    for i in range(9):
        client, target = r.choice([c1, c2]), r.choice([a, b])
        if i in (3, 6):
            ssh(client, target, password="no es", label="wrong password", options=["-o", "NumberOfPasswordPrompts=1"])
        else:
            ssh(client, target, label="key")
        lab.pause(r.uniform(0.1, 1.5))
    for c in (c1, c2):
        lab.one_text(c, "ssh_", "ssh_all.txt")
    lab.diagnosis("ssh_auth_failure")
    lab.clocks_differ(s1, s2)


def set_by_chrony(lab):
    r = lab.random
    s = web(lab, form=r.choice(["combined", "timed", "json"]), offset=lab.ahead(0.3, 20), drift=lab.draw(-80, 80),
            client_offsets=[r.choice([0, lab.ahead(0.1, 1)])])
    source = lab.server("ntp", "server of time")
    chrony.server(source)
    version, kept = r.choice(["-4", "-6"]), r.choice(["in", "out", "both", "none"])
    lab.capture(s.c1, "client.pcap", "port 53 or port 443", snaplen=r.choice([96, 262144]))
    if kept != "none":
        lab.capture(s.web, "server.pcap", "port 443 or udp port 123", extra=[] if kept == "both" else ["-Q", kept])

    def probes(n, label):
        for i in range(n):
            curl(s.c1, version, "--http1.1", f"{s.url}/item/{label}{i}", label=label, trace=False)
            lab.pause(r.uniform(0.1, 0.6))
    probes(9, "free")
    chrony.discipline(s.web, source.ip, makestep="0.1 3")
    probes(12, "steered")
    chrony.chronyc(s.web, "tracking", "sources", "sourcestats")
    lab.note("captured at the server: " + kept)
    lab.diagnosis("clock_step", host="web")
    lab.clocks_differ(s.web, *s.clients)


def crowd_by_seconds(lab):
    r = lab.random
    s = web(lab, clients=3, form="combined", offset=lab.ahead(0.2, 4), drift=lab.draw(-40, 40), workers=r.choice([1, 2]), client_offsets=[lab.ahead(0.1, 1)])
    lab.network.masquerade(lab.rt)
    lab.capture(s.web, "web.pcap", "tcp port 443", snaplen=96, device=r.choice(["any", "eth0"]))
    for i in range(24):
        if i == 8:
            lab.capture(s.c1, "c1.pcap", "tcp port 443 or port 53", snaplen=96)
        more = [f"{s.url}/big?kb={r.randint(2, 9)}"] if r.random() < 0.3 else []
        curl(r.choice(s.clients), "-4", r.choice(["--http1.1", "--http2"]), f"{s.url}/item/{i}", *more, label="a page", trace=False)
        lab.pause(r.uniform(0.0, 0.3))
    lab.diagnosis("healthy")
    lab.clocks_differ(s.web)


def behind_caddy(lab):
    r, name = lab.random, "go." + lab.domain
    c1, w = lab.client("c1", offset=lab.ahead(0.3, 4), tz=lab.zone()), lab.server("web", "Caddy")
    server = dns(lab, {name: w}, hosts=[c1], kind=resolver.dnsmasq, offset=lab.ahead(0.2, 2), tz=lab.zone())
    proxies.caddy(w, name)
    lab.capture(c1, "client.pcap", "port 53 or port 443", device="any", snaplen=r.choice([96, 262144]))
    for i in range(9):
        curl(c1, r.choice(["-4", "-6"]), r.choice(["--http2", "--http1.1"]), f"https://{name}/item/{i}", f"https://{name}/item/b{i}", label="two pages", trace=i % 2 == 0)
        lab.pause(r.uniform(0.1, 0.5))
    slow(lab, c1, f"https://{name}", "-4", "--http1.1")
    lab.one_text(c1, "curl_0", "curl_all.log")
    lab.clocks_differ(c1, server)


CENTRAL = 'module(load="imudp")\ninput(type="imudp" port="514")\n*.* action(type="omfile" file="{file}" template="{form}FileFormat")\n'
FORWARD = ('module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{socket}" UseSysTimeStamp="on" UsePIDFromSystem="off")\n'
           '*.* action(type="omfwd" target="{to}" port="514" protocol="udp" template="{form}ForwardFormat")\n')


def central_syslog(lab):
    r, a, b = lab.random, "uno." + lab.domain, "dos." + lab.domain
    c1 = lab.client("c1")
    s1, s2 = (lab.server(n, "sshd", offset=lab.ahead(0.3, 9)) for n in ("s1", "s2"))
    keeper = lab.server("loghost", "central syslog")
    server = dns(lab, {a: s1, b: s2}, hosts=[c1, s1, s2], kind=resolver.bind, tz=lab.zone(), six=False)
    form, file = r.choice(["RSYSLOG_Traditional", "RSYSLOG_"]), keeper.path("all.log")
    keeper.spawn("rsyslogd", "-n", "-f", keeper.write("rsyslog.conf", CENTRAL.format(file=file, form=form)), "-i", keeper.path("rsyslog.pid"))
    keeper.listening(514, udp=True)

    def forwarding(host):
        conf = host.write("rsyslog.conf", FORWARD.format(socket=host.log_socket, to=keeper.ip, form=form))
        host.spawn("rsyslogd", "-n", "-f", conf, "-i", host.path("rsyslog.pid"))
        while host.run("test", "-S", host.log_socket, clocked=False)[0]:
            time.sleep(0.05)
    for host in (s1, s2):
        sshd.start(host, log=forwarding)
    lab.log(keeper, "all.log", file, "central syslog", "by the clock of the host that wrote the line", auth=True, clock="of each line's host")
    lab.capture(c1, "client.pcap", "port 53 or port 22")
    if r.random() < 0.5:
        lab.capture(s1, "s1.pcap", "port 22 or udp port 514", snaplen=128)
    for i in range(12):
        if i in (4, 9):
            ssh(c1, r.choice([a, b]), password="no es", label="wrong password", options=["-o", "NumberOfPasswordPrompts=1"])
        else:
            ssh(c1, [a, b][i % 2], label="key")
        dig(c1, f"@{server.ip}", r.choice([a, b]), "A")
        lab.pause(r.uniform(0.1, 1.2))
    lab.one_text(c1, "ssh_", "ssh_all.txt")
    lab.diagnosis("ssh_auth_failure")
    lab.clocks_differ(s1, s2)


STORIES = [
    Story("mix-two-servers", "web", "two makes of web server, a rotated log, a capture on any device",
          "nginx and Apache behind one resolver (dnsmasq); nginx's log is rotated in the middle; clocks and zones of all differ.",
          [*WEB_NEEDS, "apache2", "dnsmasq"], two_servers, spanish="dos marcas de servidor web, un registro rotado, una captura en cualquier interfaz"),
    Story("mix-dst", "all", "local time changes by an hour in the middle",
          "Summer time begins or ends while pages, logins and failures go on; logs tell local time.", [*WEB_NEEDS, *SSH_NEEDS, "named", "dnsmasq"], summer_time,
          spanish="la hora local cambia una hora a mitad"),
    Story("mix-late", "web", "captures that begin late and end early", "Three captures, none of which has all, and a download that is open meanwhile.", WEB_NEEDS, begun_late,
          spanish="capturas que empiezan tarde y acaban pronto"),
    Story("mix-onesided", "web", "a capture of one direction", "tcpdump -Q in or out, at the client or the server, sometimes with another at the router.",
          [*WEB_NEEDS, "named", "dnsmasq"], one_way, spanish="una captura de un solo sentido"),
    Story("mix-haproxy", "web", "HTTP/2 through HAProxy to a slow application", "HAProxy's log, nginx's behind it, and captures on both sides.",
          [*WEB_NEEDS, "haproxy", "rsyslogd", "named"], behind_haproxy, spanish="HTTP/2 a través de HAProxy hacia una aplicación lenta"),
    Story("mix-logins", "ssh", "logins to two hosts, one with journald and one with syslog", "Every ssh -vvv in one file, short packets, sometimes behind one address.",
          [*SSH_NEEDS, "dnsmasq", "nft", "conntrack"], two_daemons, spanish="accesos a dos máquinas, una con journald y otra con syslog"),
    Story("mix-steps", "web", "chronyd sets the server's clock in the middle", "IPv4 or IPv6; captured at the client and, one way or both or not, at the server.",
          [*WEB_NEEDS, "chronyd"], set_by_chrony, spanish="chronyd ajusta el reloj del servidor a mitad"),
    Story("mix-coarse-nat", "web", "three clients behind one address and a log of whole seconds", "Captured at the server, and late at one client; packets cut short.",
          [*WEB_NEEDS, "nft", "conntrack"], crowd_by_seconds, spanish="tres clientes tras una dirección y un registro de segundos enteros"),
    Story("mix-caddy", "web", "Caddy's JSON log and a slow application", "A client whose clock is off, IPv4 and IPv6, HTTP/1.1 and HTTP/2.", ["caddy", "dnsmasq", "curl"], behind_caddy,
          spanish="el registro JSON de Caddy y una aplicación lenta"),
    Story("mix-central", "ssh", "one syslog of two hosts whose clocks differ", "Both forward by UDP; what dig and ssh printed is in one file each.", [*SSH_NEEDS, "named", "dig"], central_syslog,
          spanish="un syslog de dos máquinas cuyos relojes difieren"),
]

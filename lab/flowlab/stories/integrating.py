from ..programs import chrony, nginx, sshd
from ..programs import resolver
from ..programs.clients import curl, dig, ssh
from ..site import dns
from ..story import Story


def play(lab):
    traditional = lab.random.random() < 0.5
    app, login = "app." + lab.domain, "servidor." + lab.domain
    c1 = lab.client("c1", tz=lab.zone())
    web = lab.server("web", "nginx, application, sshd", offset=lab.ahead(1.5, 4), drift=lab.draw(-60, 60), tz=lab.zone())
    time = lab.server("ntp", "server of time")
    server = dns(lab, {app: web, login: web}, hosts=[c1, web], kind=resolver.bind, offset=lab.ahead(0.3, 1.2), tz=lab.zone())
    lab.resolve_with(c1, server)  # as a system has it: five seconds until it asks again
    chrony.server(time)
    nginx.start(web, app, "combined")
    sshd.start(web, log=lambda host: sshd.rsyslog(host, traditional))
    lab.capture(c1, "client.pcap", "arp or port 53 or tcp port 443 or tcp port 22 or udp port 123 or icmp")
    lab.capture(lab.rt, "router.pcap", "tcp port 443 or tcp port 22", device="wan", snaplen=128)
    chrony.observer(c1, time.ip)
    chrony.observer(web, time.ip)
    lab.pause(6)
    dig(c1, f"@{server.ip}", app, "A", "+stats")
    dig(c1, f"@{server.ip}", app, "AAAA", "+tcp", "+stats")
    curl(c1, "-4", "--http1.1", f"https://{app}/item/1", label="fast")
    ms = lab.random.randrange(500, 900, 100)
    curl(c1, "-4", "--http1.1", f"https://{app}/sleep?ms={ms}", label="slow application")
    lab.path.rule("query-lost", "drop", dir="ab", proto="udp", dport=53, contains="app", nth=1)
    curl(c1, "-4", "--http1.1", f"https://{app}/item/2", label="its DNS query is lost")
    lab.path.clear()
    curl(c1, "-4", "--http1.1", f"https://{app}/item/3", f"https://{app}/sleep?ms={ms}", label="keep-alive")
    curl(c1, "-6", "--http1.1", f"https://{app}/item/5", label="IPv6")
    curl(c1, "-4", "--http1.1", f"https://{app}/strict/sleep?ms=2500", label="504")
    ssh(c1, login, label="key")
    ssh(c1, login, password="no es esta", label="wrong password", options=["-o", "NumberOfPasswordPrompts=1"])
    ssh(c1, web.ip, label="by address")
    lab.pause(2)
    chrony.chronyc(c1, "tracking", file="chronyc_tracking.txt")
    chrony.chronyc(web, "tracking", file="chronyc_tracking.txt")
    chrony.chronyc(c1, "sources", file="chronyc_sources.txt")
    lab.diagnosis("slow_application", scope="/sleep")
    lab.diagnosis("dns_retry", name=app)
    lab.diagnosis("http_5xx", count=1)
    lab.diagnosis("ssh_auth_failure", count=1)
    lab.clocks_differ(web, server)
    lab.claim("client.pcap", "ntp", 8)
    lab.claim("client.pcap", "ssh.protocol", 6)


STORY = Story("integrating", "all", "the integrating lab: dig, curl, ssh and NTP in one capture, three clocks",
              "One action after the other in one capture, with a second one at the router; clocks and zones differ.",
              ["chronyd", "nginx", "named", "sshd", "ssh", "sshpass", "rsyslogd", "curl", "dig"], play,
              spanish="la práctica integradora: dig, curl, ssh y NTP en una captura, tres relojes")

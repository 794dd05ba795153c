from ..programs import resolver
from ..programs.clients import ssh
from ..site import SSH_NEEDS, ssh as site
from ..story import Story


def play(lab):
    def reverse(s):
        return {".".join(reversed(s.clients[1].ip.split("."))) + ".in-addr.arpa": {"silent": True},
                ".".join(reversed(s.c1.ip.split("."))) + ".in-addr.arpa": {"PTR": "pc1." + lab.domain},
                "pc1." + lab.domain: {"A": [s.c1.ip]}}
    s = site(lab, clients=2, six=False, kind=lab.random.choice([resolver.bind, resolver.unbound]), extra=reverse, dns=True, grace=60)
    lab.resolve_with(s.ssh, s.dns, options=[f"timeout:{lab.random.choice([2, 3])}", "attempts:1"])
    lab.capture(s.clients[1], "client.pcap", "port 22 or port 53")
    lab.capture(s.c1, "other.pcap", "port 22 or port 53")
    lab.capture(s.ssh, "server.pcap", "port 22 or port 53")
    ssh(s.c1, s.name, label="its address has a name")
    for _ in range(2):
        ssh(s.clients[1], s.name, label="nobody answers for its address")
    ssh(s.c1, s.name, label="its address has a name")
    lab.fault(f"PTR of {s.clients[1].ip} is never answered", affects="ssh (UseDNS yes)")
    lab.diagnosis("ssh_slow_reverse_dns", client=s.clients[1].ip, server=s.ssh.ip)
    lab.clocks_differ(s.ssh)
    lab.claim("server.pcap", f"dns.qry.type == 12 and ip.src == {s.ssh.ip}", 2)


STORY = Story("ssh-reverse-dns", "ssh", "a login waits while the server asks for the client's name",
              "sshd with UseDNS asks for the PTR of each client; one is never answered.", SSH_NEEDS + ["named"], play,
              spanish="una sesión espera mientras el servidor pregunta por el nombre del cliente")

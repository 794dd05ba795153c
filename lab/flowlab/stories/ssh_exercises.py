"""The chapter's exercises about SSH."""
from ..programs.clients import ssh, ssh_options
from ..site import SSH_NEEDS, ssh as site
from ..story import Story


def round_trips(lab):
    s = site(lab)
    lab.capture(s.c1, "client.pcap", "port 53 or port 22")
    lab.capture(s.ssh, "server.pcap", "port 22")
    for _ in range(3):
        ssh(s.c1, s.name, label="exercise A")
        lab.pause(0.3)
    lab.diagnosis("healthy", text="login time divided by the initial round trip tells how many round trips a login takes")
    lab.clocks_differ(s.ssh)
    lab.claim("client.pcap", "ssh.protocol", 6)


def name_or_address(lab):
    s = site(lab, six=False)  # by address means IPv4 here
    lab.capture(s.c1, "client.pcap", "port 53 or port 22")
    for _ in range(3):
        ssh(s.c1, s.name, label="by name")
        ssh(s.c1, s.ssh.ip, label="by address")
    lab.diagnosis("healthy", text="by name costs the lookup and nothing else")
    lab.clocks_differ(s.ssh)
    lab.claim("client.pcap", "dns.flags.response == 0", 6, 6)


def key_exchange(lab):
    s = site(lab)
    lab.capture(s.c1, "client.pcap", "port 53 or port 22 or icmp or icmp6")
    lab.capture(s.ssh, "server.pcap", "port 22 or icmp or icmp6")
    ssh(s.c1, s.name, label="baseline")
    size = lab.random.choice([1000, 1100, 1200])
    lab.path.rule("large-lost", "drop", proto="tcp", port=22, longer=size)
    ssh_options(s.c1, "ConnectTimeout 8", "ServerAliveInterval 4")
    ssh(s.c1, s.name, label="large packets vanish", options=["-o", "ConnectTimeout=8"], timeout=25)
    lab.path.clear()
    ssh(s.c1, s.name, label="mended")
    lab.fault(f"IP packets of more than {size} bytes vanish without ICMP", where="between router and server")
    lab.diagnosis("pmtud_blackhole", text="the key exchange repeats its large segments; small ones pass")
    lab.clocks_differ(s.ssh)
    lab.claim("client.pcap", "tcp.analysis.retransmission and tcp.len > 500", 2)
    lab.claim("client.pcap", "icmp", 0, 0)


STORIES = [
    Story("ssh-a", "ssh", "exercise A: a login counted in round trips, three times", "Three logins with a key.", SSH_NEEDS, round_trips,
          spanish="ejercicio A: una sesión contada en viajes de ida y vuelta, tres veces"),
    Story("ssh-b", "ssh", "exercise B: by name and by address", "Logins by name and by address in turn.", SSH_NEEDS, name_or_address,
          spanish="ejercicio B: por nombre y por dirección"),
    Story("ssh-c", "ssh", "exercise C: retransmissions in the key exchange, and the size of the packets",
          "A path that swallows large packets stops the key exchange.", SSH_NEEDS, key_exchange,
          spanish="ejercicio C: retransmisiones en el intercambio de claves, y el tamaño de los paquetes"),
]

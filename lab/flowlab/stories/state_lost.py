"""Devices that keep a table of connections: full, forgetful, or told to drop."""
import sys
import threading

from ..programs.clients import curl, ssh, together
from ..site import SSH_NEEDS, WEB_NEEDS, ssh as login_site, web
from ..story import Story
from .busy_servers import HOLD


def full(lab):
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2))
    room = lab.random.randint(5, 9)
    lab.rt.must("nft", "-f", lab.rt.write("full.nft", f"""table ip table_full {{
 chain forward {{ type filter hook forward priority 0; iifname "lan" tcp dport {{ 80, 443 }} ct state new ct count over {room} counter drop; }}
}}
"""))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 443 or tcp port 80")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="room for everybody")
    stay = lab.draw(8, 11)
    s.clients[1].spawn(sys.executable, "-c", HOLD, s.web.ip, "80", str(room), str(stay))
    lab.pause(room * 0.1 + 0.6)
    together(lambda: curl(s.c1, "-4", "--http1.1", "-m", "25", f"{s.url}/item/full", label="no room: repeats its SYN"),
             lambda: curl(s.c1, "-4", "--http1.1", "-m", "3.5", f"{s.url}/item/short", label="no room: gives up"), gap=0.7)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/again{i}", label="room again")
    lab.fault(f"the router has room for {room} connections and drops what opens another", host="rt")
    lab.diagnosis("syn_dropped", server=f"{s.web.ip}:443")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0 and tcp.analysis.retransmission", 2)


def forgetful(lab):
    s = login_site(lab, offset=lab.ahead(0.2, 2), six=False)
    lab.network.masquerade(lab.rt)
    forget, idle = lab.random.randint(20, 40), 66
    lab.rt.must("sysctl", "-qw", f"net.netfilter.nf_conntrack_tcp_timeout_established={forget}", "net.netfilter.nf_conntrack_tcp_loose=0")
    lab.rt.must("nft", "add table ip strict; add chain ip strict f { type filter hook forward priority 0; }; add rule ip strict f ct state invalid drop")
    lab.capture(s.c1, "client.pcap", "port 22 or port 53")
    lab.capture(s.ssh, "server.pcap", "port 22")
    ssh(s.c1, s.name, label="short")
    long = threading.Thread(target=lambda: ssh(s.c1, s.name, command=f"echo begins; sleep {idle}; echo ends", label="idle in the middle", timeout=idle + 12))
    long.start()
    lab.pause(12)
    for _ in range(2):
        ssh(s.c1, s.name, label="short, meanwhile")
        lab.pause(lab.draw(4, 9))
    long.join()
    ssh(s.c1, s.name, label="short")
    lab.fault(f"the router forgets connections after {forget} s of silence", host="rt", idle=idle)
    lab.diagnosis("nat_state_lost", server=f"{s.ssh.ip}:22")
    lab.clocks_differ(s.ssh)


def banned(lab):
    s = login_site(lab, clients=2, offset=lab.ahead(0.2, 2), six=False, client_offsets=[0.0, lab.ahead(0.2, 1)])
    guest = s.clients[1]
    lab.capture(s.c1, "one.pcap", "port 22 or port 53")
    lab.capture(guest, "two.pcap", "port 22 or port 53")
    ssh(s.c1, s.name, label="of the other client")
    # Until it is banned the guest works in one session, and mistypes in others.
    work = threading.Thread(target=lambda: ssh(guest, s.name, command="i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 1; done", label="its session stops", timeout=30))
    work.start()
    lab.pause(1)
    for _ in range(3):
        ssh(guest, s.name, password="no es", label="mistypes", options=["-o", "NumberOfPasswordPrompts=1"])
    s.ssh.must("nft", f"add table ip ban; add chain ip ban in {{ type filter hook input priority 0; }}; add rule ip ban in ip saddr {guest.ip} tcp dport 22 drop")
    for _ in range(2):
        ssh(guest, s.name, label="banned", options=["-o", "ConnectTimeout=4"])
    ssh(s.c1, s.name, label="of the other client")
    work.join()
    lab.fault("the server bans an address after three wrong passwords, its open session as well", address=guest.ip)
    lab.diagnosis("ssh_auth_failure", client=guest.ip)
    lab.diagnosis("syn_dropped", client=guest.ip)
    lab.diagnosis("deaf_side", text="the server repeats what the banned client acknowledges")
    lab.clocks_differ(s.ssh, guest)
    lab.claim("two.pcap", "tcp.flags.syn == 1 and tcp.flags.ack == 0 and tcp.analysis.retransmission", 2)


STORIES = [
    Story("table-full", "web", "a router without room for new connections",
          "What is open goes on; what opens another connection is dropped until others have ended.", WEB_NEEDS + ["nft"], full,
          spanish="un router sin sitio para nuevas conexiones"),
    Story("forgetful-nat", "ssh", "a session that is idle longer than the router remembers",
          "The router translates addresses and forgets connections that are silent for a while; the session hangs.", SSH_NEEDS + ["nft", "conntrack"], forgetful,
          spanish="una sesión inactiva más tiempo del que el router recuerda"),
    Story("banned", "ssh", "a client that is banned in the middle of its session",
          "After three wrong passwords the server drops all packets of the client's address.", SSH_NEEDS + ["nft"], banned,
          spanish="un cliente vetado en mitad de su sesión"),
]

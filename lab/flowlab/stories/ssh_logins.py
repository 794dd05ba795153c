import sys

from ..programs import sshd
from ..programs.clients import curl, ssh
from ..site import SSH_NEEDS, ssh as site
from ..story import Story

GRAB = "import socket,sys; s=socket.create_connection((sys.argv[1],22)); print(s.recv(99)); s.close()"


def play(lab):
    traditional = lab.random.random() < 0.4
    s = site(lab, clients=2, six=False, drift=lab.draw(-30, 30), log=lambda host: sshd.rsyslog(host, traditional), tz=lab.zone() if traditional else "UTC")
    lab.capture(s.c1, "c1.pcap", "not icmp6")
    lab.capture(s.clients[1], "c2.pcap", "not icmp6")
    lab.capture(s.ssh, "ssh.pcap", "port 22 or port 53")
    for _ in range(2):
        ssh(s.c1, s.name, label="key")
    ssh(s.c1, s.name, password=sshd.PASSWORD, label="password", command="uname -s")
    for _ in range(lab.random.randint(2, 3)):
        ssh(s.clients[1], s.name, password="no es esta", label="wrong password", options=["-o", "NumberOfPasswordPrompts=1"])
    nobody = lab.random.choice(["nadie", "oracle", "test1"])
    ssh(s.clients[1], s.name, user=nobody, password="x", label="user who does not exist", options=["-o", "NumberOfPasswordPrompts=1"])
    ssh(s.clients[1], s.name, label="no common algorithm", options=["-o", "KexAlgorithms=diffie-hellman-group14-sha1"])
    s.clients[1].run(sys.executable, "-c", GRAB, s.ssh.ip)
    curl(s.clients[1], "-4", "-m", "4", f"http://{s.name}:22/", label="HTTP on the SSH port")
    ssh(s.c1, s.ssh.ip, label="key, by address")
    lab.pause(0.5)
    lab.diagnosis("ssh_auth_failure", client=s.clients[1].ip)
    lab.diagnosis("ssh_invalid_user", user=nobody)
    lab.diagnosis("ssh_kex_mismatch")
    lab.diagnosis("ssh_no_identification")
    lab.clocks_differ(s.ssh)
    lab.claim("c1.pcap", "ssh.protocol", 6)


STORY = Story("ssh-logins", "ssh", "logins with key and password, and five that fail",
              "Key, password, wrong password, unknown user, no common algorithm, a banner grab and HTTP on port 22.", SSH_NEEDS + ["sshpass", "curl"], play,
              spanish="sesiones con clave y con contraseña, y cinco que fracasan")

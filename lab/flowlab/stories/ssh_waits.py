"""Logins that wait: for the authentication behind sshd, for the processor, for the network."""
import os
import signal
import threading
import time

from ..programs.clients import ssh
from ..site import SSH_NEEDS, ssh as site
from ..story import Story


def backend(lab):
    s = site(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 22 or port 53")
    lab.capture(s.ssh, "server.pcap", "port 22 or port 53")
    ssh(s.c1, s.name, label="the directory answers")
    wait = lab.draw(2.6, 4.4)
    stack = s.ssh.path("etc/pam.d/sshd")
    with open(stack, encoding="utf8") as f:
        text = f.read()
    slow = s.ssh.write("directory.sh", f"#!/bin/sh\nexec sleep {wait}\n", 0o755)
    s.ssh.write("etc/pam.d/sshd", f"account required pam_exec.so quiet {slow}\n{text}")
    for _ in range(2):
        ssh(s.c1, s.name, label="the directory behind PAM is slow")
    s.ssh.write("etc/pam.d/sshd", text)
    ssh(s.c1, s.name, label="the directory answers")
    lab.fault("the account module of PAM waits for a directory", seconds=wait)
    lab.diagnosis("ssh_auth_backend", server=s.ssh.ip)
    lab.clocks_differ(s.ssh)
    lab.claim("client.pcap", "ssh.protocol", 8)


def family(pid):
    """a process and all that descend from it"""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                for child in f.read().split():
                    found += family(int(child))
    except OSError:
        pass
    return found


def starve(process, share, until):
    """Lets a process and its children run for a share of the time only, as a machine does whose processor is taken."""
    while not until.is_set():
        pids = family(process.pid)
        for number, pause in ((signal.SIGSTOP, 0.05 * (1 - share)), (signal.SIGCONT, 0.05 * share)):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
            time.sleep(pause)


def slow_kex(lab):
    s = site(lab, offset=lab.ahead(0.2, 2))
    sshd = next(p for p in s.ssh.processes if "/usr/sbin/sshd" in p.args)
    lab.capture(s.c1, "client.pcap", "port 22 or port 53")
    lab.capture(s.ssh, "server.pcap", "port 22 or port 53")
    heavy = ["-o", "KexAlgorithms=diffie-hellman-group18-sha512"]
    ssh(s.c1, s.name, label="the processor is free")
    done = threading.Event()
    t = threading.Thread(target=starve, args=(sshd, lab.draw(0.006, 0.014, 3), done))
    t.start()
    for _ in range(2):
        ssh(s.c1, s.name, label="the processor is taken", options=heavy)
    done.set()
    t.join()
    ssh(s.c1, s.name, label="the processor is free")
    lab.fault("sshd gets some hundredths of a processor, and the key exchange is an expensive one")
    lab.diagnosis("ssh_slow_kex", server=s.ssh.ip)
    lab.diagnosis("ssh_starved", text="identification, answers and session wait for the processor as well")
    lab.clocks_differ(s.ssh)
    lab.claim("client.pcap", "tcp.analysis.retransmission", 0, 0)


def lossy(lab):
    s = site(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 22 or port 53")
    lab.capture(s.ssh, "server.pcap", "port 22 or port 53")
    ssh(s.c1, s.name, label="nothing lost")
    for nth in (lab.random.choice([6, 7]), "6-7"):
        # 1 banner, 2 KEXINIT, 3 reply and NEWKEYS, 4 service, 5 none refused, 6 key accepted, 7 success
        lab.path.rule("answer", "drop", dir="ba", sport=22, proto="tcp", data=1, nth=nth)
        ssh(s.c1, s.name, label="an answer of the authentication is lost")
        lab.path.clear("answer")
    ssh(s.c1, s.name, label="nothing lost")
    lab.fault("answers of the authentication are lost", where="between router and server")
    lab.diagnosis("ssh_slow_delivery", server=s.ssh.ip)
    lab.clocks_differ(s.ssh)
    lab.claim("server.pcap", "tcp.analysis.retransmission and tcp.srcport == 22", 2)


STORIES = [
    Story("ssh-backend", "ssh", "a login waits for the directory behind PAM",
          "sshd's account check waits seconds for what is behind PAM.", SSH_NEEDS, backend,
          spanish="un acceso espera al directorio detrás de PAM"),
    Story("ssh-slow-kex", "ssh", "the key exchange takes long: the server has no processor left",
          "sshd gets a small share of a processor; an expensive key exchange takes seconds.", SSH_NEEDS, slow_kex,
          spanish="el intercambio de claves tarda: al servidor no le queda procesador"),
    Story("ssh-lossy", "ssh", "sshd had answered; its answers were lost on the way",
          "Answers of the authentication are lost between server and client and sent again.", SSH_NEEDS, lossy,
          spanish="sshd había respondido; sus respuestas se perdieron en el camino"),
]

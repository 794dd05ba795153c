"""Servers that are there but do not get to it: too few workers, pauses, a machine that stood still."""
import os
import signal
import sys
import threading

from ..programs import apache, web as servers
from ..programs.clients import curl, ssh, together
from ..site import SSH_NEEDS, WEB_NEEDS, dns, ssh as login_site, web
from ..story import Story

# Connections that say nothing: `hold HOST PORT COUNT SECONDS`.
HOLD = """
import socket, sys, time
held = []
for _ in range(int(sys.argv[3])):
    held.append(socket.create_connection((sys.argv[1], int(sys.argv[2]))))
    time.sleep(0.1)
time.sleep(float(sys.argv[4]))
"""


def few_workers(lab):
    app, c1, name = lab.server("app", "application with few workers", offset=lab.ahead(0.2, 2)), lab.client("c1"), "api." + lab.domain
    dns(lab, {name: app}, hosts=[c1], tz=lab.zone(), six=False)
    count, think = lab.random.randint(1, 2), lab.random.randint(500, 900)
    servers.backend(app, port=80, workers=count)
    lab.capture(c1, "client.pcap", "port 53 or port 80")
    lab.capture(app, "server.pcap", "tcp port 80")
    for i in range(4):
        curl(c1, f"http://{name}/item/{i}", label="a worker is free")
    together(*[lambda i=i: curl(c1, f"http://{name}/sleep?ms={think}&n={i}", label="a slow one") for i in range(count)],
             *[lambda i=i: curl(c1, f"http://{name}/item/q{i}", label="waits for a worker") for i in range(3)], gap=0.08)
    together(*[lambda i=i: curl(c1, f"http://{name}/sleep?ms={think}&n=m{i}", label="more than there are workers") for i in range(count * 3)], gap=0.03)
    lab.fault(f"{count} workers that take one request each", host="app")
    lab.diagnosis("queue_before_app", server=f"{app.ip}:80")
    lab.diagnosis("slow_application", text="the requests that hold the workers")
    lab.clocks_differ(app)


def apache_full(lab):
    server, c1, name = lab.server("web", "Apache", offset=lab.ahead(0.2, 2), tz=lab.zone()), lab.client("c1"), "www." + lab.domain
    dns(lab, {name: server}, hosts=[c1], tz=lab.zone())
    room, think = lab.random.randint(3, 5), lab.random.randint(1500, 2600)
    apache.start(server, name, "timed", more=f"ServerLimit 1\nStartServers 1\nThreadsPerChild {room}\nThreadLimit {room}\nMaxRequestWorkers {room}\n"
                                             f"MinSpareThreads 1\nMaxSpareThreads {room}\n")
    lab.capture(c1, "client.pcap", "port 53 or port 443")
    lab.capture(server, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(c1, "-4", "--http1.1", f"https://{name}/", label="a worker is free")
    together(*[lambda i=i: curl(c1, "-4", "--http1.1", f"https://{name}/app/sleep?ms={think}&n={i}", label="more than there are workers") for i in range(room)],
             *[lambda i=i: curl(c1, "-4", "--http1.1", f"https://{name}/?q={i}", label="a page, meanwhile") for i in range(3)])
    curl(c1, "-4", "--http1.1", f"https://{name}/manual.txt", label="a worker is free")
    lab.fault("MaxRequestWorkers is reached", room=room)
    lab.diagnosis("server_limit", server=server.ip)
    lab.diagnosis("slow_application", text=f"the requests that hold the workers take {think} ms")
    lab.diagnosis("tls_slow_server", text="further connections wait for a worker, which has to say hello first")
    lab.clocks_differ(server)
    with open(server.path("error.log"), encoding="utf8") as f:
        lab.hold("Apache said that MaxRequestWorkers is reached", "MaxRequestWorkers" in f.read())


def pauses(lab):
    s = web(lab, offset=lab.ahead(0.2, 2), form=lab.random.choice(["combined", "timed", "json"]))
    app = next(p for p in s.web.processes if "app.py" in str(p.args))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    done = threading.Event()

    def collect():
        while not done.wait(lab.draw(2.4, 3.2)):
            os.kill(app.pid, signal.SIGSTOP)
            lab.pause(lab.draw(0.7, 1.5))
            os.kill(app.pid, signal.SIGCONT)
    t = threading.Thread(target=collect)
    t.start()
    for i in range(26):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="one of many", trace=i % 4 == 0)
        lab.pause(lab.draw(0.1, 0.4))
    done.set()
    t.join()
    lab.fault("the application stands still for about a second every three, as for a garbage collection", host="web")
    lab.diagnosis("slow_or_queued", server=s.web.ip, text="whether it stood still before or after it took the request only its own log can tell")
    lab.clocks_differ(s.web)


def machine(lab):
    s = web(lab, offset=lab.ahead(0.2, 2), form=lab.random.choice(["timed", "json"]))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    for i in range(8):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="before")
        lab.pause(lab.draw(0.1, 0.3))
    away = lab.draw(3.2, 5.5)

    def pause():
        lab.path.rule("away", "drop", dst=s.web.ip)
        lab.path.rule("away", "drop", src=s.web.ip)
        lab.pause(away)
        lab.step(s.web, -away)
        lab.path.clear("away")
    together(lambda: curl(s.c1, "-4", "--http1.1", s.url + "/sleep?ms=400", label="as the machine is paused"), pause,
             *[lambda i=i: curl(s.c1, "-4", "--http1.1", f"{s.url}/item/away{i}", label="while the machine is paused") for i in range(2)], gap=0.25)
    for i in range(8):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/later{i}", label="its clock is behind")
        lab.pause(lab.draw(0.1, 0.3))
    lab.step(s.web, away)
    for i in range(8):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/right{i}", label="its clock was set")
        lab.pause(lab.draw(0.1, 0.3))
    lab.fault(f"the server's machine is paused for {away} s; its clock stands still meanwhile, and is set later", host="web")
    lab.diagnosis("packet_loss", text="nothing of the server is heard while it is paused")
    lab.diagnosis("clock_step", host="web")
    lab.clocks_differ(s.web)


def startups(lab):
    s = login_site(lab, clients=2, offset=lab.ahead(0.2, 2), six=False, more="MaxStartups 3:100:3\nLoginGraceTime 30")
    scanner = s.clients[1]
    lab.capture(s.c1, "client.pcap", "port 22 or port 53")
    lab.capture(s.ssh, "server.pcap", "port 22 or port 53")
    for _ in range(2):
        ssh(s.c1, s.name, label="room for everybody")
    stay = 7
    scanner.spawn(sys.executable, "-c", HOLD, s.ssh.ip, "22", "6", str(stay))
    lab.pause(1)
    for _ in range(3):
        ssh(s.c1, s.name, label="sshd has no room")
        lab.pause(0.4)
    lab.pause(stay)
    ssh(s.c1, s.name, label="room again")
    lab.fault("a scanner holds connections that never log in: MaxStartups is reached", host="c2")
    lab.diagnosis("ssh_shed", server=s.ssh.ip)
    lab.clocks_differ(s.ssh)
    with open(s.ssh.path("auth.log"), encoding="utf8") as f:
        lab.hold("sshd said so", "MaxStartups" in f.read())


STORIES = [
    Story("few-workers", "web", "requests that wait in the kernel for one of few workers",
          "An application answers one request a worker; further connections are complete but wait to be accepted.", WEB_NEEDS, few_workers,
          spanish="peticiones que esperan en el núcleo a uno de los pocos procesos"),
    Story("workers-full", "web", "Apache without free workers: MaxRequestWorkers",
          "Slow requests hold all workers of Apache; pages wait for one, and the log does not count the wait.", ["apache2", "unbound", "curl"], apache_full,
          spanish="Apache sin procesos libres: MaxRequestWorkers"),
    Story("pauses", "web", "an application that stands still for a second now and then",
          "The application is paused every few seconds, as by a garbage collection; what comes meanwhile is slow.", WEB_NEEDS, pauses,
          spanish="una aplicación que se detiene un segundo de vez en cuando"),
    Story("paused-machine", "web", "a virtual machine that was paused, and its clock with it",
          "The web server is away for some seconds; its clock goes on from where it stood, and is set right later.", WEB_NEEDS, machine,
          spanish="una máquina virtual que estuvo detenida, y su reloj con ella"),
    Story("max-startups", "ssh", "logins that sshd sheds: MaxStartups",
          "A scanner holds connections that never log in; sshd drops those of others.", SSH_NEEDS, startups,
          spanish="accesos que sshd descarta: MaxStartups"),
]

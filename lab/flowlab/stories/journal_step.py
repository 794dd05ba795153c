from ..programs import nginx, ntp, sshd
from ..programs.clients import curl, ssh
from ..site import dns
from ..story import Story


def play(lab):
    name, wrong = "servidor." + lab.domain, lab.ahead(4, 12)
    c1 = lab.client("c1")
    web = lab.server("web", "sshd, journald, nginx", offset=wrong, drift=lab.draw(50, 200), tz=lab.zone())
    resolver = dns(lab, {name: web}, hosts=[c1], tz=lab.zone())
    time = lab.server("ntp", "server of time")
    ntp.server(time, "honest")
    sshd.start(web, log=sshd.journald, level="VERBOSE")
    nginx.start(web, name, "json")
    lab.capture(c1, "client.pcap", "not icmp6")
    lab.capture(web, "server.pcap", "not icmp6")

    def round(label):
        for i in range(3):
            curl(c1, "-4", "--http1.1", f"https://{name}/item/{i}", label=label, trace=False)
            ssh(c1, name, label=label)
            lab.pause(0.3)
    ntp.sntp(web, time.ip)
    round("before the step")
    at = lab.step(web, -wrong)
    ntp.sntp(web, time.ip)
    round("after the step")
    ssh(c1, name, password="no es esta", label="wrong password", options=["-o", "NumberOfPasswordPrompts=1"])
    lab.fault("the server's clock is set right", at_true=at, step_s=-wrong)
    lab.diagnosis("clock_step", host="web", at_true=at, step_s=-wrong)
    lab.diagnosis("ssh_auth_failure", count=1)
    lab.clocks_differ(web, resolver)
    lab.claim("client.pcap", "ssh.protocol", 14)


STORY = Story("journal-step", "all", "journald, and a clock that is set right in the middle",
              "A server seconds off is stepped; its journal is handed over in four forms.",
              ["sshd", "ssh", "sshpass", "journalctl", "nginx", "unbound", "curl"], play,
              spanish="journald, y un reloj que se pone en hora a mitad")

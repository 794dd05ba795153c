"""NTP peers that chronyd does not play, as programs: `python3 ntp.py server MODE` and `python3 ntp.py query SERVER COUNT SECONDS`.

MODE is kod (RATE), unsynchronised (stratum 16, leap 3) or honest. Packets: RFC 5905, section 7.3.
"""
import socket
import struct
import sys
import time

EPOCH = 2208988800


def stamp(t):
    return struct.pack(">II", int(t) + EPOCH, int(t % 1 * 2**32))


def seconds(b):
    s, f = struct.unpack(">II", b)
    return s - EPOCH + f / 2**32


def serve(mode):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 123))
    while True:
        q, peer = sock.recvfrom(512)
        received = time.time()
        if mode == "kod":
            head, reference, t2, t3 = struct.pack(">BBbb", 0xE4, 0, q[2], -20), b"RATE", q[40:48], q[40:48]
        elif mode == "unsynchronised":
            head, reference, t2, t3 = struct.pack(">BBbb", 0xE4, 16, q[2], -20), b"INIT", stamp(received), stamp(time.time())
        else:
            head, reference, t2, t3 = struct.pack(">BBbb", 0x24, 2, q[2], -20), socket.inet_aton("127.0.0.1"), stamp(received), stamp(time.time())
        sock.sendto(head + struct.pack(">II", 0x100, 0x200) + reference + stamp(received - 8) + q[40:48] + t2 + t3, peer)


def query(server, count, pause):
    for i in range(count):
        if i:
            time.sleep(pause)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(2)
        t1 = time.time()
        sock.sendto(b"\x23" + bytes(39) + stamp(t1), (server, 123))
        shown = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(t1)) + f".{int(t1 % 1 * 1e6):06d}"
        try:
            a = sock.recv(512)
        except OSError:
            print(f"{shown} server {server}, no answer within 2 s", flush=True)
            continue
        t4 = time.time()
        t2, t3 = seconds(a[32:40]), seconds(a[40:48])
        print(f"{shown} server {server}, stratum {a[1]}, offset {((t2 - t1) + (t3 - t4)) / 2:+.6f}, delay {(t4 - t1) - (t3 - t2):.6f}", flush=True)
        sock.close()


def server(host, mode):
    """Starts this file as a server on a host."""
    host.spawn(sys.executable, __file__, "server", mode)
    host.listening(123, udp=True)


def sntp(host, to, count=1, pause=1.0):
    """Queries as a simple client: its transmit stamps are its real clock."""
    out = host.run(sys.executable, __file__, "query", to, str(count), str(pause), timeout=count * (pause + 3) + 10)[1]
    host.lab.client_text(host, "sntp.txt", out, append=True)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(sys.argv[2])
    else:
        query(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))

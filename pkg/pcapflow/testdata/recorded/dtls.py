#!/usr/bin/env python3
"""Records OpenSSL's client and server over DTLS, a pair for each kind of handshake, on
the loopback interface: dtls.pcap, and in dtls.jsonl what the client says of each. A
relay between them loses chosen datagrams; the capture holds the client's side of it."""
import json, os, re, select, socket, subprocess, sys, tempfile, threading, time

CASES = [  # name, server's options, client's options, datagrams that the relay loses
    ("cookie", "-dtls1_2 -listen -alpn one,two", "-dtls1_2 -alpn two,one -servername dtls.example.test -sess_out s.pem", ()),
    ("resumed", "same", "-dtls1_2 -sess_in s.pem", ()),
    ("1.0", "-dtls1 -cipher DEFAULT@SECLEVEL=0", "-dtls1 -cipher DEFAULT@SECLEVEL=0", ()),
    ("fragments", "-dtls1_2 -mtu 300 -listen", "-dtls1_2 -mtu 300", ()),
    ("hello-lost", "-dtls1_2 -listen", "-dtls1_2", ("client:1",)),
    ("flight-lost", "-dtls1_2 -listen", "-dtls1_2", ("server:2",)),
    ("piece-lost", "-dtls1_2", "-dtls1_2", ("server:2",)),
    ("no-cipher", "-dtls1_2 -cipher AES256-GCM-SHA384", "-dtls1_2 -cipher AES128-GCM-SHA256", ()),
    ("distrusted", "-dtls1_2", "-dtls1_2 -verify_return_error -CAfile other.pem", ()),
    ("client-certificate", "-dtls1_2 -Verify 1 -CAfile c.pem", "-dtls1_2 -cert c.pem -key k.pem", ()),
    ("nobody", "", "-dtls1_2", ()),
]


sockets = {}  # to servers, by their ports: a server may know its client by the port


def relay(listen, target, lost, stop):
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind(("127.0.0.2", listen))
    if target not in sockets:
        sockets[target] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets[target].connect(("127.0.0.1", target))
    there = sockets[target]
    peer, count = None, {"client": 0, "server": 0}
    while not stop.is_set():
        for s in select.select([here, there], [], [], 0.1)[0]:
            try:
                b, who = s.recvfrom(1 << 16)
            except ConnectionRefusedError:
                continue
            side = "client" if s is here else "server"
            count[side] += 1
            if side == "client":
                peer = who
            if f"{side}:{count[side]}" not in lost:
                there.send(b) if side == "client" else here.sendto(b, peer)


servers = []  # that ran, with their ports


def talk(port, name, server, client, lost):
    stop = threading.Event()
    if server and server != "same":
        s = subprocess.Popen(f"openssl s_server -key k.pem -cert c.pem -accept 127.0.0.1:{port + 1000} -quiet {server}".split(),
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers.append((s, port + 1000))
    s = None
    if server:
        s, target = servers[-1]
        threading.Thread(target=relay, args=(port, target, lost, stop)).start()
        time.sleep(0.4)
    c = subprocess.Popen(f"openssl s_client -connect 127.0.0.2:{port} {client}".split(),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(3.5 if lost else 1)
    try:
        c.stdin.write("hello\n")
        c.stdin.flush()
        time.sleep(0.3)
        s and (s.stdin.write(b"answer\n"), s.stdin.flush())
        time.sleep(0.3)
        c.stdin.write("Q\n")
        c.stdin.flush()
    except BrokenPipeError:
        pass
    try:
        out = c.communicate(timeout=3)[0]
    except subprocess.TimeoutExpired:
        c.kill()
        out = c.communicate()[0]
    stop.set()
    said = {"case": name, "port": port}
    for key, pattern in {"version": r"Protocol  ?: (\S+)", "cipher": r"Cipher    : (\S+)", "alpn": r"ALPN protocol: (\S+)", "group": r"Server Temp Key: (\w+)",
                         "alert": r"alert number (\d+)", "read": r"has read (\d+) bytes"}.items():
        if m := re.search(pattern, out):
            said[key] = m[1]
    said["reused"] = "\nReused, " in out
    return said


def main():
    out = os.getcwd()
    os.chdir(tempfile.mkdtemp())
    for key, cert, name in (("k.pem", "c.pem", "dtls.example.test"), ("k2.pem", "other.pem", "other.example.test")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "3650", "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    dump = subprocess.Popen(["tcpdump", "-qi", "lo", "-U", "-w", f"{out}/dtls.pcap", "udp portrange 44330-44399 or icmp"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    with open(f"{out}/dtls.jsonl", "w") as f:
        for i, case in enumerate(CASES):
            print(json.dumps(talk(44330 + i, *case)), file=f, flush=True)
    for s, _ in servers:
        s.kill()
    time.sleep(0.5)
    dump.terminate()


main()

"""What goes wrong behind a proxy: connections kept too long, one server of several, a database far away, a pool too small."""
from ..programs import web as servers
from ..programs.clients import curl, together
from ..site import WEB_NEEDS, web
from ..story import Story

REUSING = "proxy_http_version 1.1; proxy_set_header Connection \"\";"


def race(lab):
    app, idle = lab.server("app", "application that closes idle connections"), lab.draw(1.6, 2.4)
    servers.backend(app, idle=idle)
    s = web(lab, offset=lab.ahead(0.2, 2), level="info", more=f"upstream pool {{ server {app.ip}:8082; keepalive 8; }}",
            site=f"location /api/ {{ {REUSING} proxy_pass http://pool/; }}")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "proxy.pcap", "tcp port 443 or tcp port 8082")
    pauses = [0.3, idle + 0.25, 0.4, idle + 0.3, 0.2, idle + 0.2, 0.3]
    for i, pause in enumerate(pauses):
        curl(s.c1, "-4", "--http1.1", "-d", f"order={i}", f"{s.url}/api/echo/{i}", label="an order")
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a page")
        lab.pause(max(0.1, pause - 0.1))
    curl(s.c1, "-4", "--http1.1", s.url + "/favicon.ico", label="what no page asks for")
    lab.fault(f"the application closes connections that were idle for {idle} s, as the proxy uses them again", host="app")
    lab.diagnosis("stale_keepalive", server=f"{app.ip}:8082")
    lab.diagnosis("http_5xx", text="the proxy answers 502: upstream prematurely closed connection")
    lab.clocks_differ(s.web)
    with open(s.web.path("error.log"), encoding="utf8") as f:
        text = f.read()
    lab.hold("nginx said why it answered 502", "prematurely closed" in text or "reset by peer" in text)


def one_of_two(lab):
    good, bad = (lab.server(n, "one of two applications") for n in ("app1", "app2"))
    think = lab.random.randint(700, 1400)
    servers.backend(good)
    servers.backend(bad, think=think)
    s = web(lab, offset=lab.ahead(0.2, 2), form="combined", more=f"upstream both {{ server {good.ip}:8082; server {bad.ip}:8082; }}",
            site="location /shop/ { proxy_pass http://both/; }")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "proxy.pcap", "tcp port 443 or tcp port 8082")
    for i in range(10):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/shop/item/{i}", label="either application")
        lab.pause(lab.draw(0.05, 0.4))
    lab.fault("one of two applications is slow", host="app2", ms=think)
    lab.diagnosis("slow_application", server=bad.ip)
    lab.clocks_differ(s.web)


def far_database(lab):
    port = lab.random.choice([3306, 5432, 6379])
    db = lab.client("db", number=lab.random.randint(3, 9))
    servers.database(db, port)
    s = web(lab, offset=lab.ahead(0.2, 2), site="location /report { proxy_pass http://127.0.0.1:8082; }")
    servers.backend(s.web, address="127.0.0.1", pool=0, database=f"{db.ip}:{port}", query=15)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", f"tcp port 443 or tcp port {port}")
    for i in range(4):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/report/{i}", label="the database answers")
    for i in range(4):
        lab.path.rule("syn", "drop", dir="ba", kind="syn", dport=port, nth=1)
        curl(s.c1, "-4", "--http1.1", f"{s.url}/report/lost{i}", label="the SYN to the database is lost")
        lab.path.clear("syn")
    lab.fault("SYNs from the application to its database are lost", where="between the application and the database")
    lab.diagnosis("packet_loss", server=f"{db.ip}:{port}")
    lab.diagnosis("slow_application", text="seen from the client")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", f"tcp.dstport == {port} and tcp.flags.syn == 1 and tcp.analysis.retransmission", 4)


def small_pool(lab):
    port = lab.random.choice([3306, 5432])
    db = lab.server("db", "database")
    servers.database(db, port)
    s = web(lab, offset=lab.ahead(0.2, 2), site="location /report { proxy_pass http://127.0.0.1:8082; }")
    size, query = lab.random.randint(1, 3), lab.random.randint(250, 450)
    servers.backend(s.web, address="127.0.0.1", pool=size, database=f"{db.ip}:{port}", query=query)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", f"tcp port 443 or tcp port {port}")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="needs no database")
    together(*[lambda i=i: curl(s.c1, "-4", "--http1.1", f"{s.url}/report/{i}", label="waits for a connection of the pool") for i in range(size * 4)])
    curl(s.c1, "-4", "--http1.1", s.url + "/status?code=404", label="what is not there")
    lab.fault(f"{size} connections to the database for {size * 4} requests of {query} ms at once", host="web")
    lab.diagnosis("slow_application", server=s.web.ip)
    lab.clocks_differ(s.web)


STORIES = [
    Story("keepalive-race", "web", "a proxy reuses a connection as the application closes it: 502",
          "nginx keeps connections to the application, which closes them after some idle seconds; a POST meets the close.", WEB_NEEDS, race,
          spanish="un proxy reutiliza una conexión mientras la aplicación la cierra: 502"),
    Story("one-of-two", "web", "one of two applications behind a balancer is slow",
          "nginx takes turns between two applications; every second request is slow, and its log does not say which.", WEB_NEEDS, one_of_two,
          spanish="una de las dos aplicaciones detrás de un balanceador es lenta"),
    Story("far-database", "web", "an application whose SYNs to the database are lost",
          "The application opens a connection to its database for each request; some of the SYNs are lost.", WEB_NEEDS, far_database,
          spanish="una aplicación que pierde los SYN hacia su base de datos"),
    Story("small-pool", "web", "more requests than connections to the database",
          "Requests wait inside the application for one of few connections to a database that answers in time.", WEB_NEEDS, small_pool,
          spanish="más peticiones que conexiones con la base de datos"),
]

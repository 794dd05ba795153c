package render

import (
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// vocabulary is the stable words of the contract as people read them.
var vocabulary = map[string]lang.Text{
	"info": {EN: "info", ES: "información"}, "note": {EN: "note", ES: "nota"}, "warning": {EN: "warning", ES: "aviso"}, "error": {EN: "error", ES: "error"},
	"high": {EN: "high", ES: "alta"}, "medium": {EN: "medium", ES: "media"}, "low": {EN: "low", ES: "baja"}, "not-evaluable": {EN: "not evaluable", ES: "no evaluable"},
	"done": {EN: "done", ES: "completa"}, "failed": {EN: "failed", ES: "fallida"}, "refused": {EN: "refused", ES: "rechazada"}, "unanswered": {EN: "unanswered", ES: "sin respuesta"},
	"unseen": {EN: "not seen", ES: "no vista"}, "estimated": {EN: "done (estimated)", ES: "completa (estimada)"},
	"found": {EN: "found", ES: "encontrado"}, "not-found": {EN: "not found", ES: "no encontrado"}, "not-collected": {EN: "not collected", ES: "no recogido"},
	"payload": {EN: "its payload", ES: "su contenido"}, "sizes-and-order": {EN: "sizes and order", ES: "tamaños y orden"}, "addresses": {EN: "its addresses", ES: "sus direcciones"},
	"matched": {EN: "matched", ES: "emparejada"}, "ambiguous": {EN: "ambiguous", ES: "ambigua"},
	"reference": {EN: "reference", ES: "referencia"}, "measured": {EN: "measured", ES: "medido"}, "declared": {EN: "declared", ES: "declarado"}, "insufficient": {EN: "insufficient evidence", ES: "pruebas insuficientes"},
	"dns": {EN: "name resolution", ES: "resolución de nombres"}, "resolver-retry": {EN: "resolver retry", ES: "reintento de DNS"}, "neighbour": {EN: "neighbour resolution", ES: "resolución de vecino"},
	"network": {EN: "network round trips", ES: "idas y vueltas de red"}, "server": {EN: "server", ES: "servidor"}, "client": {EN: "client", ES: "cliente"}, "loss": {EN: "loss recovery", ES: "recuperación de pérdidas"},
	"reused-connection":      {EN: "connection reused: nothing to wait for", ES: "conexión reutilizada: nada que esperar"},
	"failed-printed-as-zero": {EN: "it failed: the client prints 0", ES: "falló: el cliente escribe 0"},
	"resolver-thread":        {EN: "the resolver's thread handed over later", ES: "el hilo de resolución lo entregó más tarde"},
	"client-late":            {EN: "the client read its clock late", ES: "el cliente leyó tarde su reloj"},
	"100-continue":           {EN: "an interim answer (100 Continue) came first", ES: "antes llegó una respuesta provisional (100 Continue)"},
	"upload-begun":           {EN: "the client counts to where it began to send the body", ES: "el cliente cuenta hasta que empezó a enviar el cuerpo"},
	"sending-counted":        {EN: "the client counts the sending of the request too", ES: "el cliente cuenta también el envío de la petición"},
	"parallel-streams":       {EN: "streams in parallel: the packets hide which answer is whose", ES: "flujos en paralelo: los paquetes ocultan de quién es cada respuesta"},
	"lingering-close":        {EN: "the log counts a lingering close", ES: "el registro cuenta un cierre demorado"},
	"lay-unread":             {EN: "it lay unread until the server took it up", ES: "esperó sin leer hasta que el servidor la atendió"},
	"buffered-end":           {EN: "the server had handed all to its kernel", ES: "el servidor ya lo había entregado todo a su núcleo"},
	"coarse-clock":           {EN: "the log writes no finer", ES: "el registro no escribe más fino"},
	"unexplained":            {EN: "not explained", ES: "sin explicación"},
	"lost-syn":               {EN: "the repeated SYN", ES: "la repetición del SYN"}, "lost-segments": {EN: "the lost segments", ES: "los segmentos perdidos"}, "unanswered-query": {EN: "the unanswered query", ES: "la consulta sin respuesta"},
	"unknown-neighbour": {EN: "the neighbour resolution", ES: "la resolución de vecino"}, "closed-window": {EN: "the closed window", ES: "la ventana cerrada"},
	"late-ack": {EN: "the delayed acknowledgement", ES: "la confirmación retrasada"}, "delayed-ack": {EN: "delayed acknowledgement", ES: "confirmación retrasada"},
	"tls": {EN: "encryption", ES: "cifrado"}, "window": {EN: "receive window", ES: "ventana de recepción"}, "idle": {EN: "idle", ES: "inactividad"},
	"middle": {EN: "between", ES: "en medio"}, "unknown": {EN: "unknown", ES: "desconocido"},
	"intervals": {EN: "intervals", ES: "intervalos"}, "keyed": {EN: "keyed", ES: "con clave"}, "two-captures": {EN: "two captures", ES: "dos capturas"}, "same-host": {EN: "same host", ES: "mismo host"}, "other-windows": {EN: "other windows", ES: "otras ventanas"},
	"tcp-timestamps": {EN: "TCP time stamps", ES: "marcas de tiempo TCP"},
	"packet-times":   {EN: "times in packets", ES: "horas en paquetes"},
	"date-header":    {EN: "Date header", ES: "cabecera Date"},
	"differs":        {EN: "differs", ES: "difiere"}, "may-be-chance": {EN: "may be chance", ES: "puede ser azar"}, "too-few": {EN: "too few", ES: "muy pocas"},
	"resumed": {EN: "resumed", ES: "reanudada"}, "full handshake": {EN: "full handshake", ES: "establecimiento completo"},
	"by name": {EN: "by name", ES: "por nombre"}, "by address": {EN: "by address", ES: "por dirección"}, "by name, not looked up": {EN: "by name, not looked up", ES: "por nombre, sin resolución"},
	"dns-query": {EN: "DNS query", ES: "consulta DNS"}, "client-timing": {EN: "client timing", ES: "tiempos del cliente"}, "capture": {EN: "capture", ES: "captura"},
	"retry": {EN: "a query was repeated", ES: "se repitió una consulta"}, "resolver-change": {EN: "another resolver was asked", ES: "se preguntó a otro servidor DNS"},
	"search-suffixes": {EN: "search list tried in vain", ES: "lista de búsqueda probada en vano"}, "tcp-fallback": {EN: "asked again over TCP", ES: "repetida por TCP"},
	"upstream": {EN: "the resolver asked another server", ES: "el servidor DNS preguntó a otro"}, "path": {EN: "between the captures", ES: "entre las capturas"},
	"fragments":     {EN: "the answer comes in fragments, and some were lost", ES: "la respuesta llega en fragmentos, y se perdieron algunos"},
	"edns-rejected": {EN: "a server rejects EDNS", ES: "un servidor rechaza EDNS"}, "lame-delegation": {EN: "a server does not serve the zone it is named for", ES: "un servidor no sirve la zona para la que se le nombra"},
	"server-failure": {EN: "the server failed", ES: "el servidor falló"}, "first-of-name": {EN: "first query for the name", ES: "primera consulta del nombre"},
	"agrees": {EN: "agrees with the others", ES: "coincide con los demás"}, "falseticker": {EN: "falseticker", ES: "falso (falseticker)"}, "disagrees": {EN: "disagrees with the other", ES: "discrepa del otro"},
	"alone": {EN: "nobody to compare with", ES: "sin otros con que comparar"}, "unsynchronised": {EN: "unsynchronised", ES: "sin sincronizar"},
	"server-log": {EN: "server log", ES: "registro del servidor"}, "time-state": {EN: "time state", ES: "estado de la hora"},
}

// moments are the names of the timeline's instants.
var moments = map[string]lang.Text{
	"dns.query": {EN: "DNS query sent", ES: "consulta DNS enviada"}, "dns.retry": {EN: "DNS query repeated", ES: "consulta DNS repetida"}, "dns.answer": {EN: "DNS answer", ES: "respuesta DNS"},
	"dns.further-answer": {EN: "further DNS answer", ES: "otra respuesta DNS"},
	"arp.request":        {EN: "ARP request", ES: "petición ARP"}, "arp.reply": {EN: "ARP reply", ES: "respuesta ARP"},
	"arp.released": {EN: "packet released", ES: "paquete liberado"}, "nd.released": {EN: "packet released", ES: "paquete liberado"},
	"nd.request": {EN: "neighbour solicitation", ES: "solicitud de vecino"}, "nd.reply": {EN: "neighbour advertisement", ES: "anuncio de vecino"},
	"tcp.syn": {EN: "SYN", ES: "SYN"}, "tcp.syn-retry": {EN: "SYN repeated", ES: "SYN repetido"}, "tcp.syn-ack": {EN: "SYN-ACK", ES: "SYN-ACK"}, "tcp.syn-ack-retry": {EN: "SYN-ACK repeated", ES: "SYN-ACK repetido"},
	"tcp.established": {EN: "TCP established", ES: "TCP establecido"}, "tcp.reset": {EN: "RST", ES: "RST"}, "tcp.retransmission": {EN: "retransmission", ES: "retransmisión"},
	"tls.client-hello": {EN: "ClientHello", ES: "ClientHello"}, "tls.second-client-hello": {EN: "second ClientHello", ES: "segundo ClientHello"}, "tls.server-hello": {EN: "ServerHello", ES: "ServerHello"},
	"tls.hello-verify": {EN: "HelloVerifyRequest", ES: "HelloVerifyRequest"}, "tls.flight-again": {EN: "handshake messages sent again", ES: "mensajes del establecimiento otra vez"},
	"tls.hello-retry": {EN: "HelloRetryRequest", ES: "HelloRetryRequest"}, "ssh.disconnect": {EN: "disconnect", ES: "desconexión"},
	"quic.initial": {EN: "first QUIC packet", ES: "primer paquete QUIC"}, "quic.client-hello": {EN: "ClientHello", ES: "ClientHello"}, "quic.initial-again": {EN: "ClientHello again", ES: "ClientHello otra vez"}, "quic.second-client-hello": {EN: "second ClientHello", ES: "segundo ClientHello"}, "quic.retry": {EN: "QUIC Retry", ES: "Retry de QUIC"},
	"quic.server-hello": {EN: "ServerHello", ES: "ServerHello"}, "quic.established": {EN: "QUIC established", ES: "QUIC establecido"}, "quic.close": {EN: "QUIC close", ES: "cierre de QUIC"},
	"tls.established": {EN: "TLS established", ES: "TLS establecido"}, "tls.alert": {EN: "TLS alert", ES: "alerta TLS"},
	"tls.server-flight-end":    {EN: "last of the server's first flight", ES: "fin del primer envío del servidor"},
	"tls.encrypted-extensions": {EN: "EncryptedExtensions", ES: "EncryptedExtensions"},
	"tls.certificate":          {EN: "server's Certificate", ES: "Certificate del servidor"}, "tls.client-certificate": {EN: "client's Certificate", ES: "Certificate del cliente"},
	"tls.certificate-status": {EN: "CertificateStatus", ES: "CertificateStatus"}, "tls.certificate-request": {EN: "CertificateRequest", ES: "CertificateRequest"},
	"tls.key-exchange": {EN: "ServerKeyExchange", ES: "ServerKeyExchange"}, "tls.client-key-exchange": {EN: "ClientKeyExchange", ES: "ClientKeyExchange"},
	"tls.certificate-verify": {EN: "server's CertificateVerify", ES: "CertificateVerify del servidor"}, "tls.client-certificate-verify": {EN: "client's CertificateVerify", ES: "CertificateVerify del cliente"},
	"tls.server-finished": {EN: "server's Finished", ES: "Finished del servidor"}, "tls.client-finished": {EN: "client's Finished", ES: "Finished del cliente"},
	"tls.client-close": {EN: "client closes TLS", ES: "el cliente cierra TLS"}, "tls.server-close": {EN: "server closes TLS", ES: "el servidor cierra TLS"},
	"ssh.kexinit": {EN: "server's KEXINIT", ES: "KEXINIT del servidor"}, "ssh.client-kexinit": {EN: "client's KEXINIT", ES: "KEXINIT del cliente"},
	"ssh.kex-request": {EN: "key exchange asked", ES: "intercambio de claves pedido"}, "ssh.kex-reply": {EN: "key exchange answered", ES: "intercambio de claves respondido"},
	"ssh.client-newkeys":  {EN: "client's keys in use", ES: "claves del cliente en uso"},
	"ssh.service-request": {EN: "service asked", ES: "servicio pedido"}, "ssh.service-accept": {EN: "service granted", ES: "servicio concedido"},
	"http.request": {EN: "request sent", ES: "petición enviada"}, "http.request-end": {EN: "last request byte", ES: "último byte de la petición"},
	"http.response": {EN: "first byte of the response", ES: "primer byte de la respuesta"}, "http.response-end": {EN: "last byte of the response", ES: "último byte de la respuesta"},
	"ssh.banner": {EN: "server's banner", ES: "identificación del servidor"}, "ssh.client-banner": {EN: "client's banner", ES: "identificación del cliente"}, "ssh.newkeys": {EN: "keys in use", ES: "claves en uso"},
	"ssh.auth-request": {EN: "authentication request", ES: "petición de autenticación"}, "ssh.auth-reply": {EN: "authentication reply", ES: "respuesta de autenticación"}, "ssh.session": {EN: "session", ES: "sesión"},
	"ssh.channel-open": {EN: "channel asked", ES: "canal pedido"}, "ssh.channel-confirmed": {EN: "channel granted", ES: "canal concedido"},
	"tls.ticket": {EN: "session ticket", ES: "ticket de sesión"}, "tls.client-data": {EN: "client's first data", ES: "primeros datos del cliente"}, "tls.server-data": {EN: "server's first data", ES: "primeros datos del servidor"},
	"tcp.fin": {EN: "FIN", ES: "FIN"}, "http.interim": {EN: "interim response", ES: "respuesta provisional"},
	"tls.client-hello-first": {EN: "first byte of the ClientHello", ES: "primer byte del ClientHello"},
	"ssh.group-request":      {EN: "group asked", ES: "grupo pedido"}, "ssh.group-reply": {EN: "group sent", ES: "grupo enviado"},
	"quic.answer": {EN: "server's first QUIC packet", ES: "primer paquete QUIC del servidor"}, "quic.server-flight-end": {EN: "last of the server's first flight", ES: "fin del primer envío del servidor"},
	"icmp.error": {EN: "ICMP error", ES: "error ICMP"}, "ntp.request": {EN: "NTP request", ES: "petición NTP"}, "ntp.response": {EN: "NTP response", ES: "respuesta NTP"},
}

// finer are instants within others, which timelines for people leave out.
var finer = map[string]bool{
	"tls.ticket": true, "tls.client-data": true, "tls.server-data": true, "tcp.fin": true,
	"tls.client-hello-first": true, "tls.server-flight-end": true, "tls.server-finished": true, "tls.client-finished": true, "tls.client-close": true, "tls.server-close": true,
	"tls.encrypted-extensions": true, "tls.certificate": true, "tls.certificate-status": true, "tls.certificate-request": true, "tls.key-exchange": true, "tls.certificate-verify": true,
	"tls.client-certificate": true, "tls.client-key-exchange": true, "tls.client-certificate-verify": true,
	"ssh.client-kexinit": true, "ssh.kexinit": true, "ssh.group-request": true, "ssh.group-reply": true, "ssh.kex-request": true, "ssh.kex-reply": true,
	"ssh.client-newkeys": true, "ssh.service-request": true, "ssh.service-accept": true, "ssh.channel-open": true, "ssh.channel-confirmed": true, "quic.server-flight-end": true, "quic.answer": true,
}

// word gives a word of the contract in the reader's language; an unknown one
// stands as it is.
func (d *layout) word(w string) string {
	if t, ok := vocabulary[w]; ok {
		return t.In(d.l)
	}
	return w
}

// journeyOutcomes are the outcomes whose Spanish words follow the gender of the
// noun: a journey is masculine, a phase feminine.
var journeyOutcomes = map[string]string{"done": "completo", "failed": "fallido", "refused": "rechazado", "unseen": "no visto", "estimated": "completo (estimado)"}

// journeyWord is the outcome of a journey.
func (d *layout) journeyWord(outcome string) string {
	if w, ok := journeyOutcomes[outcome]; ok && d.l == lang.ES {
		return w
	}
	return d.word(outcome)
}

// phaseWord is a phase as people read it.
func (d *layout) phaseWord(name string) string {
	if t, ok := phaseWords[name]; ok {
		return t.In(d.l)
	}
	return name
}

func (d *layout) momentName(name string) string {
	if t, ok := moments[name]; ok {
		return t.In(d.l)
	}
	return name
}

// momentDetail is what stands beside an instant: words of the contract in the
// reader's language, all else as it is.
func (d *layout) momentDetail(name, detail string) string {
	switch name {
	case "tcp.reset", "tcp.retransmission":
		parts := strings.Split(detail, ", ")
		for i := range parts {
			parts[i] = d.word(parts[i])
		}
		return strings.Join(parts, ", ")
	case "tls.alert":
		if from, alert, ok := strings.Cut(detail, ": "); ok {
			return d.word(from) + ": " + alert
		}
	case "ntp.response":
		return strings.Replace(detail, "stratum", d.say(lang.Text{EN: "stratum", ES: "estrato"}), 1)
	}
	return detail
}

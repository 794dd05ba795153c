package render

import "github.com/flowcorr/flowcorr/pkg/lang"

// metricWords are the metrics of phases as people read them (docs/en/metrics.md);
// their names in the contract stand beside them.
var metricWords = map[string]lang.Text{
	// dns.lookup
	"retry_wait_seconds": {EN: "silence until the next attempt", ES: "silencio hasta el siguiente intento"},
	"tcp_cost_seconds":   {EN: "from the cut answer to the one over TCP", ES: "de la respuesta recortada a la de TCP"},
	"transactions":       {EN: "queries", ES: "consultas"},
	"resolvers":          {EN: "resolvers asked", ES: "servidores DNS preguntados"},
	"suffixes":           {EN: "names of the search list tried in vain", ES: "nombres de la lista de búsqueda probados en vano"},
	"answers":            {EN: "addresses", ES: "direcciones"},
	"a_seconds":          {EN: "answer for A", ES: "respuesta de A"},
	"aaaa_seconds":       {EN: "answer for AAAA", ES: "respuesta de AAAA"},
	"https_seconds":      {EN: "answer for HTTPS", ES: "respuesta de HTTPS"},
	"ptr_seconds":        {EN: "answer for PTR", ES: "respuesta de PTR"},
	"processing_seconds": {EN: "answer without the round trip to the resolver", ES: "respuesta sin la ida y vuelta hasta el servidor DNS"},
	"cached_seconds":     {EN: "in the resolver's cache, at least", ES: "en la caché del servidor DNS, como poco"},
	"cname_depth":        {EN: "aliases before the address", ES: "alias antes de la dirección"},
	"ttl_seconds":        {EN: "smallest time to live", ES: "menor tiempo de vida (TTL)"},
	"answer_bytes":       {EN: "size of the answer, bytes", ES: "tamaño de la respuesta, bytes"},
	"edns_bytes":         {EN: "size the query allowed, bytes", ES: "tamaño que admitía la consulta, bytes"},
	"first_use_seconds":  {EN: "from the answer to the first SYN", ES: "de la respuesta al primer SYN"},
	// tcp.connect
	"rtt_server_seconds": {EN: "SYN to SYN-ACK", ES: "de SYN a SYN-ACK"},
	"rtt_client_seconds": {EN: "SYN-ACK to ACK", ES: "de SYN-ACK a ACK"},
	"syns":               {EN: "SYNs seen", ES: "SYN vistos"},
	"syn_acks":           {EN: "SYN-ACKs seen", ES: "SYN-ACK vistos"},
	"syn_retry_seconds":  {EN: "first to last SYN", ES: "del primer SYN al último"},
	// tls.handshake, quic.handshake
	"client_hello_seconds":       {EN: "ClientHello, first to last byte", ES: "ClientHello, del primer byte al último"},
	"hello_retry_seconds":        {EN: "price of a HelloRetryRequest", ES: "coste de un HelloRetryRequest"},
	"server_hello_seconds":       {EN: "ClientHello to ServerHello", ES: "de ClientHello a ServerHello"},
	"server_hello_delay_seconds": {EN: "what the server took for it", ES: "lo que tardó el servidor en ello"},
	"server_flight_seconds":      {EN: "ServerHello to the end of the server's flight", ES: "de ServerHello al fin del envío del servidor"},
	"client_compute_seconds":     {EN: "what the client took to finish", ES: "lo que tardó el cliente en terminar"},
	"request_delay_seconds":      {EN: "end of the handshake to the client's first data", ES: "del fin del cifrado a los primeros datos del cliente"},
	"round_trips":                {EN: "round trips used", ES: "idas y vueltas usadas"},
	"minimum_round_trips":        {EN: "round trips needed", ES: "idas y vueltas necesarias"},
	"client_hello_bytes":         {EN: "size of the ClientHello, bytes", ES: "tamaño del ClientHello, bytes"},
	"server_flight_bytes":        {EN: "size of the server's flight, bytes", ES: "tamaño del envío del servidor, bytes"},
	"certificate_bytes":          {EN: "size of the certificates, bytes", ES: "tamaño de los certificados, bytes"},
	"certificates":               {EN: "certificates of the chain", ES: "certificados de la cadena"},
	"tickets":                    {EN: "session tickets", ES: "tiques de sesión"},
	"ocsp_age_seconds":           {EN: "age of the OCSP answer", ES: "edad de la respuesta OCSP"},
	"second_hello_seconds":       {EN: "first to second ClientHello", ES: "del primer ClientHello al segundo"},
	"retry_seconds":              {EN: "first packet to Retry", ES: "del primer paquete a Retry"},
	"answer_seconds":             {EN: "first packet to the server's first", ES: "del primer paquete al primero del servidor"},
	"handshake_seconds":          {EN: "first packet to the end of the handshake", ES: "del primer paquete al fin del cifrado"},
	"flight_beyond_first_window": {EN: "server's flight is larger than its first window", ES: "el envío del servidor no cabe en su primera ventana"},
	"hello_verify_seconds":       {EN: "price of the cookie", ES: "coste de la cookie"},
	"client_hellos":              {EN: "times the first ClientHello was sent", ES: "veces que se envió el primer ClientHello"},
	"resent_flights":             {EN: "flights sent again", ES: "envíos repetidos"},
	"resend_wait_seconds":        {EN: "waited for flights sent again", ES: "espera a los envíos repetidos"},
	"fragmented_messages":        {EN: "messages in fragments", ES: "mensajes en fragmentos"},
	"attempts":                   {EN: "ClientHellos sent", ES: "ClientHello enviados"},
	// http
	"send_seconds":            {EN: "request, first to last byte", ES: "petición, del primer byte al último"},
	"interim_seconds":         {EN: "request to the first 1xx answer", ES: "de la petición a la primera respuesta 1xx"},
	"wait_seconds":            {EN: "last request byte to first response byte", ES: "del último byte de la petición al primero de la respuesta"},
	"server_think_seconds":    {EN: "the same without the round trip", ES: "lo mismo sin la ida y vuelta"},
	"receive_seconds":         {EN: "response, first to last byte", ES: "respuesta, del primer byte al último"},
	"flow_control_seconds":    {EN: "waited for the receiver's window", ES: "espera a la ventana del receptor"},
	"head_of_line_seconds":    {EN: "held up by other responses", ES: "retenida por otras respuestas"},
	"opportunity_seconds":     {EN: "its window was still growing", ES: "su ventana aún crecía"},
	"application_seconds":     {EN: "the sender had nothing to send", ES: "quien enviaba no tenía qué enviar"},
	"receiver_window_seconds": {EN: "the receiver's window was used up", ES: "la ventana del receptor estaba agotada"},
	"congestion_seconds":      {EN: "losses and their repair", ES: "pérdidas y su reparación"},
	"bandwidth_seconds":       {EN: "the path was full", ES: "el camino estaba lleno"},
	"transport_seconds":       {EN: "the sender's own window did not grow", ES: "la ventana de quien enviaba no crecía"},
	"idle_before_seconds":     {EN: "connection idle before it", ES: "conexión ociosa antes de ella"},
	"queued_behind_seconds":   {EN: "waited behind the previous response", ES: "espera tras la respuesta anterior"},
	"retry_after_seconds":     {EN: "the server asks to wait", ES: "el servidor pide esperar"},
	"concurrent_streams":      {EN: "streams open as it began", ES: "flujos abiertos al empezar"},
	// ssh
	"banner_delay_seconds":       {EN: "connected to the server's identification", ES: "de conectado a la identificación del servidor"},
	"kex_total_seconds":          {EN: "first KEXINIT to last NEWKEYS", ES: "del primer KEXINIT al último NEWKEYS"},
	"kex_client_seconds":         {EN: "what the client took for the keys", ES: "lo que tardó el cliente con las claves"},
	"kex_round_trips":            {EN: "round trips of the key exchange", ES: "idas y vueltas del intercambio de claves"},
	"kex_server_seconds":         {EN: "what the server took for the keys", ES: "lo que tardó el servidor con las claves"},
	"group_seconds":              {EN: "exchange of the group", ES: "intercambio del grupo"},
	"client_kexinit_bytes":       {EN: "size of the client's KEXINIT, bytes", ES: "tamaño del KEXINIT del cliente, bytes"},
	"client_kexinit_first_large": {EN: "client's KEXINIT is its first full segment", ES: "KEXINIT del cliente, su primer segmento lleno"},
	"server_kexinit_first_large": {EN: "server's KEXINIT is its first full segment", ES: "KEXINIT del servidor, su primer segmento lleno"},
	"server_kexinit_bytes":       {EN: "size of the server's KEXINIT, bytes", ES: "tamaño del KEXINIT del servidor, bytes"},
	"service_seconds":            {EN: "service asked to granted", ES: "del servicio pedido al concedido"},
	"auth_total_seconds":         {EN: "service asked to the end of authentication", ES: "del servicio pedido al fin de la autenticación"},
	"longest_round_seconds":      {EN: "longest round of authentication", ES: "ronda más larga de la autenticación"},
	"round_count":                {EN: "rounds of authentication", ES: "rondas de autenticación"},
	"channel_open_seconds":       {EN: "channel asked to granted", ES: "del canal pedido al concedido"},
	"ended_before_login_seconds": {EN: "connected to the end, nobody having logged in", ES: "de conectado al fin, sin que nadie entrara"},
	"silent_before_end_seconds":  {EN: "silence before the end", ES: "silencio antes del fin"},
	"session_open_seconds":       {EN: "authenticated to the session's first bytes", ES: "de autenticado a los primeros bytes de la sesión"},
	"login_total_seconds":        {EN: "connected to the session's first bytes", ES: "de conectado a los primeros bytes de la sesión"},
	"banner_retransmissions":     {EN: "segments sent again", ES: "segmentos repetidos"},
	"kex_retransmissions":        {EN: "segments sent again", ES: "segmentos repetidos"},
	"auth_retransmissions":       {EN: "segments sent again", ES: "segmentos repetidos"},
	"session_retransmissions":    {EN: "segments sent again", ES: "segmentos repetidos"},
	// ntp.exchange
	"offset_seconds":        {EN: "offset, middle of the bounds", ES: "desfase, centro de las cotas"},
	"offset_low_seconds":    {EN: "offset, at least", ES: "desfase, como poco"},
	"offset_high_seconds":   {EN: "offset, at most", ES: "desfase, como mucho"},
	"delay_seconds":         {EN: "delay, without the time in the server", ES: "retardo, sin el tiempo en el servidor"},
	"dwell_seconds":         {EN: "time in the server", ES: "tiempo en el servidor"},
	"root_distance_seconds": {EN: "server's distance from UTC, by its own account", ES: "distancia del servidor a UTC, según él mismo"},
}

// MetricName is a metric as people read it; one that is not known stands as it
// is.
func MetricName(name string, l lang.Lang) string {
	if t, ok := metricWords[name]; ok {
		return t.In(l)
	}
	return name
}

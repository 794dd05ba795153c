package render

import (
	"regexp"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// phrases are what the rooms below say in English about files, phases, clocks
// and lines: they know no languages. "%s" stands for what changes; what stands
// for it is a phrase, too, where it is one.
var phrases = []lang.Text{
	// phases
	{EN: "connection reused", ES: "conexión reutilizada"},
	{EN: "name cached", ES: "nombre en caché"},
	{EN: "name cached or not captured", ES: "nombre en caché o no capturado"},
	{EN: "capture began later", ES: "la captura empezó después"},
	// lines without a journey
	{EN: "outside the capture", ES: "fuera de la captura"},
	{EN: "no journey fits what the client printed", ES: "ningún recorrido encaja con lo que escribió el cliente"},
	{EN: "no such query of this client at that time", ES: "ninguna consulta así de este cliente a esa hora"},
	{EN: "no such query of this client was seen", ES: "no se vio ninguna consulta así de este cliente"},
	{EN: "no request of this client at that time", ES: "ninguna petición de este cliente a esa hora"},
	{EN: "no request of this client was seen", ES: "no se vio ninguna petición de este cliente"},
	{EN: "no flow of this client", ES: "ningún flujo de este cliente"},
	// clocks
	{EN: "no evidence bears on it", ES: "ninguna prueba habla de él"},
	{EN: "only %s lines find a partner", ES: "sólo %s líneas hallan pareja"},
	// what files were taken for
	{EN: "%s of the first %s lines read as %s", ES: "%s de las primeras %s líneas se leen como %s"},
	{EN: "begins with the magic number of %s", ES: "empieza con el número mágico de %s"},
	{EN: "lines of labels, client randoms and secrets", ES: "líneas de etiquetas, aleatorios de cliente y secretos"},
	{EN: "as the case file says", ES: "según dice el archivo del caso"},
	{EN: "it is empty", ES: "está vacío"},
	{EN: "begins like a compressed file", ES: "empieza como un archivo comprimido"},
	// what could not be read
	{EN: "the file is empty", ES: "el archivo está vacío"},
	{EN: "the capture holds no packet", ES: "la captura no contiene ningún paquete"},
	{EN: "nothing in it tells of an event", ES: "nada en él habla de un evento"},
	{EN: "of unknown kind: %s", ES: "de tipo desconocido: %s"},
	{EN: "not evidence that can be read: %s", ES: "no es una prueba que se pueda leer: %s"},
	{EN: "nothing in it can be unpacked: %s", ES: "nada en él se puede descomprimir: %s"},
	{EN: "there is no standard input here", ES: "aquí no hay entrada estándar"},
	{EN: "not a regular file (%s)", ES: "no es un archivo corriente (%s)"},
	{EN: "the same, byte by byte, as %s: counted once", ES: "igual, byte a byte, que %s: se cuenta una vez"},
	{EN: "only the first %s bytes are read", ES: "sólo se leen los primeros %s bytes"},
	{EN: "a line of %s bytes that is no key", ES: "una línea de %s bytes que no es una clave"},
	{EN: "only its first %s events are used: %s more are of the same time", ES: "sólo se usan sus primeros %s eventos: hay %s más de la misma hora"},
	{EN: "%s of its events lie outside the time of the other evidence and are not used", ES: "%s de sus eventos quedan fuera del tiempo de las demás pruebas y no se usan"},
	{EN: "%s of its events are %s or more away from the other evidence and are not used", ES: "%s de sus eventos distan %s o más de las demás pruebas y no se usan"},
	{EN: "its lines state no year, and no other evidence tells it: they have no time", ES: "sus líneas no dicen el año, y ninguna otra prueba lo dice: no tienen hora"},
	{EN: "its lines state no year, and no year puts them into the time of the other evidence: they have no time", ES: "sus líneas no dicen el año, y ningún año las lleva al tiempo de las demás pruebas: no tienen hora"},
	{EN: "%s (and %s lines behind it)", ES: "%s (y %s líneas detrás)"},
	{EN: "%s further problems", ES: "%s problemas más"},
	{EN: "a journal entry that cannot be read", ES: "una entrada de journal que no se puede leer"},
	{EN: "%s journal entries: those behind the first %s are not read", ES: "%s entradas de journal: no se leen las que siguen a las primeras %s"},
	{EN: "%s: the file ends after %s bytes of it", ES: "%s: el archivo acaba tras %s bytes suyos"},
	{EN: "truncated record", ES: "registro cortado"},
	{EN: "%s: %s bytes skipped to the next block", ES: "%s: se saltan %s bytes hasta el bloque siguiente"},
	{EN: "%s, and no block behind it: the last %s bytes are not read", ES: "%s, y ningún bloque detrás: no se leen los últimos %s bytes"},
	{EN: "no record here: %s bytes skipped to the next one", ES: "aquí no hay ningún registro: se saltan %s bytes hasta el siguiente"},
	{EN: "no record here and none behind: the last %s bytes are not read", ES: "aquí no hay ningún registro, ni detrás: no se leen los últimos %s bytes"},
	{EN: "a record that claims %s bytes and has %s: the next one begins there", ES: "un registro que dice tener %s bytes y tiene %s: ahí empieza el siguiente"},
	{EN: "a section header without room for its fields", ES: "una cabecera de sección sin sitio para sus campos"},
	{EN: "section of version %s: read as 1.0", ES: "sección de versión %s: leída como 1.0"},
	{EN: "version %s is unknown: read as 2.4", ES: "la versión %s es desconocida: leída como 2.4"},
	{EN: "the file ends too early", ES: "el archivo acaba antes de tiempo"},
	{EN: "permission denied", ES: "permiso denegado"},
	{EN: "no such file or directory", ES: "no existe el archivo o carpeta"},
	{EN: "not a capture file (pcap or pcapng)", ES: "no es un archivo de captura (pcap o pcapng)"},
	{EN: "what follows is not packed the same way", ES: "lo que sigue no está comprimido igual"},
	{EN: "unpacks to more than the limit", ES: "descomprimido supera el límite"},
	{EN: "TLS secrets stand behind packets they may open: connections that had ended before them are not decrypted", ES: "hay secretos de TLS detrás de los paquetes que podrían abrir: las conexiones que habían acabado antes no están descifradas"},
	{EN: "internal error, please report it: %s", ES: "error interno, le rogamos que lo comunique: %s"},
	// mistakes in how the program was called
	{EN: "no usable evidence", ES: "no hay pruebas que se puedan usar"},
	{EN: "no usable evidence: %s", ES: "no hay pruebas que se puedan usar: %s"},
	{EN: "none of the %s files is a capture or a log with content", ES: "ninguno de los %s archivos es una captura ni un registro con contenido"},
	{EN: "there is no file in what was given", ES: "no hay ningún archivo en lo que se dio"},
	{EN: "%s is a folder", ES: "%s es una carpeta"},
	{EN: "cannot write: %s", ES: "no se puede escribir: %s"},
	{EN: "cannot write %s: %s", ES: "no se puede escribir %s: %s"},
	{EN: "open %s: %s", ES: "al abrir %s: %s"},
	{EN: "--about %s is no journey of this incident, nor FILE#FRAME, FILE:LINE or ADDRESS:PORT", ES: "--about %s no es un recorrido de este incidente, ni ARCHIVO#TRAMA, ARCHIVO:LÍNEA o DIRECCIÓN:PUERTO"},
	{EN: "--about %s: %s is no number of a frame or line, which count from 1", ES: "--about %s: %s no es un número de trama o línea, que se cuentan desde 1"},
	{EN: "--about %s: there is no file %s among the evidence", ES: "--about %s: no hay ningún archivo %s entre las pruebas"},
	{EN: "--about %s: %s may be %s or %s", ES: "--about %s: %s puede ser %s o %s"},
	{EN: "--about %s: %s has %s records", ES: "--about %s: %s tiene %s registros"},
	{EN: "%s: not a report: %s", ES: "%s: no es un informe: %s"},
	{EN: "%s: the report's schema is %s; this version reads %s", ES: "%s: el esquema del informe es %s; esta versión lee %s"},
	// flows
	{EN: "request is not HTTP", ES: "la petición no es HTTP"},
	{EN: "not decrypted: the key log has no secret", ES: "sin descifrar: el registro de claves no tiene el secreto"},
}

// phraseForms are the phrases as patterns, the longest ones first met.
var phraseForms = func() []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(phrases))
	for i, p := range phrases {
		parts := strings.Split(p.EN, "%s")
		for k := range parts {
			parts[k] = regexp.QuoteMeta(parts[k])
		}
		out[i] = regexp.MustCompile("^" + strings.Join(parts, "(.+?)") + "$")
	}
	return out
}()

// Phrase gives a phrase of the rooms below in the reader's language; what is
// none stands as it is.
func Phrase(s string, l lang.Lang) string {
	if l == lang.EN || len(s) > 2000 {
		return s
	}
	for i, form := range phraseForms {
		m := form.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		parts := strings.Split(phrases[i].In(l), "%s")
		out := parts[0]
		for k, part := range m[1:] {
			out += Phrase(part, l) + parts[k+1]
		}
		return out
	}
	if head, rest, ok := strings.Cut(s, "; "); ok { // several reasons in a row
		return Phrase(head, l) + "; " + Phrase(rest, l)
	}
	return s
}

func (d *layout) phrase(s string) string { return Phrase(s, d.l) }
